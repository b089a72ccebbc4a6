"""Apple ProRes (SMPTE RDD 36) by FFmpeg's own encoder: for editing; every frame stands alone."""

from __future__ import annotations

from libs.frames.codecs.video import Profile, VideoCodec, VideoSettings

_PROFILES = {"422hq": "hq", "4444": "4444"}


def _options(settings: VideoSettings, profile: str, threads: int) -> dict[str, str]:
    # Some programs take only what claims to be Apple's.
    return {"profile": _PROFILES[profile], "vendor": "apl0"}


PRORES = VideoCodec(
    name="prores",
    encoder="prores_ks",
    stream="prores",
    containers=("mov",),
    # The encoder takes ten bits in either profile; decoders give out 4444 as twelve.
    profiles={"422hq": Profile("yuv422p10le", 10, "4:2:2"), "4444": Profile("yuv444p10le", 10, "4:4:4")},
    quality=None,
    options=_options,
    intra=True,
    minimum=(16, 16),
)
