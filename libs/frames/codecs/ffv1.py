"""FFV1 (RFC 9043) by FFmpeg: not a bit is lost."""

from __future__ import annotations

from libs.frames.codecs.video import Profile, VideoCodec, VideoSettings


def _options(settings: VideoSettings, profile: str, threads: int) -> dict[str, str]:
    # Slices are what threads share; four whatever the threads, so that these do not change the bytes.
    return {"level": "3", "slices": "4", "slicecrc": "1"}


FFV1 = VideoCodec(
    name="ffv1",
    encoder="ffv1",
    stream="ffv1",
    containers=("mkv",),
    profiles={
        "10bit": Profile("yuv444p10le", 10, "4:4:4"),
        "16bit": Profile("gbrp16le", 16, "RGB"),
        "rgb8": Profile("bgr0", 8, "RGB"),
        "rgba8": Profile("bgra", 8, "RGB"),
    },
    quality=None,
    options=_options,
    intra=True,
)
