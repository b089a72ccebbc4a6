"""H.264 (ITU-T H.264, AVC) by x264: what everything plays."""

from __future__ import annotations

from libs.frames.codecs.video import Profile, Quality, VideoCodec, VideoSettings


def _options(settings: VideoSettings, profile: str, threads: int) -> dict[str, str]:
    return {
        "preset": settings.preset,
        "crf": H264.rate_factor(settings),
        "profile": "high",
        # Closed groups: no picture leans on one before its keyframe, so a cut between segments harms nothing.
        "x264-params": "open-gop=0:force-cfr=1:stitchable=1",
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
