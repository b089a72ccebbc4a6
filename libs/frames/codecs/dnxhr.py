"""Avid DNxHR (SMPTE ST 2019-1, VC-3): for editing; every frame stands alone, and all are of one size."""

from __future__ import annotations

from libs.frames.codecs.video import Profile, VideoCodec, VideoSettings
from libs.frames.deliveries import DELIVERIES

_VOLUME = 0x2C
"""Where a picture's header has its colour volume, in two bits above the lowest: 0 is BT.709, 1 BT.2020."""


def _options(settings: VideoSettings, profile: str, threads: int) -> dict[str, str]:
    return {"profile": f"dnxhr_{profile}"}


def _mend(packet: bytes, settings: VideoSettings) -> bytes:
    """The encoder says BT.709 whatever it is told, and decoders believe the picture's header before the container."""
    if DELIVERIES[settings.color].matrix != "bt2020nc":
        return packet
    return packet[:_VOLUME] + bytes([packet[_VOLUME] & ~0b110 | 0b010]) + packet[_VOLUME + 1 :]


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
    mend=_mend,
    # The encoder refuses smaller ones.
    minimum=(256, 120),
)
