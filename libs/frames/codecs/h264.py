"""H.264 (ITU-T H.264, AVC) by x264: what everything plays."""

from __future__ import annotations

from libs.frames.codecs.video import Profile, Quality, VideoCodec, VideoSettings
from libs.kernels.processor import reaches


def _options(settings: VideoSettings, profile: str, threads: int) -> dict[str, str]:
    # Closed groups: no picture leans on one before its keyframe, so a cut between segments harms nothing.
    parameters: dict[str, object] = {"open-gop": 0, "force-cfr": 1, "stitchable": 1}
    if reaches("v3"):
        # x264's AVX-512 reads memory that it never wrote: one run in six came out differently. AVX2 is as fast, and
        # processors with and without AVX-512 write the same movie.
        parameters["asm"] = "avx2"
    return {
        "preset": settings.preset,
        "crf": H264.rate_factor(settings),
        "profile": "high",
        "x264-params": ":".join(f"{name}={value}" for name, value in parameters.items()),
    }


H264 = VideoCodec(
    name="h264",
    encoder="libx264",
    stream="h264",
    containers=("mp4", "mov", "mkv"),
    profiles={"8bit": Profile("yuv420p", 8, "4:2:0")},
    quality=Quality(1, 51, 18),
    options=_options,
    # Pyramids of B-frames have two levels at most, whatever the preset.
    reorder=2,
)
