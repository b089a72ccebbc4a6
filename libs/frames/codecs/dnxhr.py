"""Avid DNxHR (SMPTE ST 2019-1, VC-3): for editing; every frame stands alone, and all are of one size."""

from __future__ import annotations

from libs.frames.codecs.video import Profile, VideoCodec, VideoSettings


def _options(settings: VideoSettings, profile: str, threads: int) -> dict[str, str]:
    return {"profile": f"dnxhr_{profile}"}


DNXHR = VideoCodec(
    name="dnxhr",
    encoder="dnxhd",
    stream="dnxhd",
    containers=("mov",),
    profiles={
        "hqx": Profile("yuv422p10le", 10, "4:2:2"),
        "hq": Profile("yuv422p", 8, "4:2:2"),
        "444": Profile("yuv444p10le", 10, "4:4:4"),
    },
    quality=None,
    options=_options,
    intra=True,
    # The encoder refuses smaller ones.
    minimum=(256, 120),
)
