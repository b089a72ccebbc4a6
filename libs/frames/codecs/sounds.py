"""The files that hold sound alone, told by their names' endings."""

from __future__ import annotations

from dataclasses import dataclass, field

from libs.frames.codecs.movies import extension


@dataclass(frozen=True)
class SoundFile:
    """A file for sound."""

    format: str
    """libavformat's muxer."""
    media_type: str
    audio: tuple[str, ...]
    """The codecs that it takes, the usual one first."""
    options: dict[str, str] = field(default_factory=dict)
    exact: bool = True
    """Whether it can tell where the first sample that is meant is, and the last."""


SOUNDS = {
    # Beyond 4 GiB a WAV file is RF64 (EBU Tech 3306).
    "wav": SoundFile("wav", "audio/wav", ("pcm", "float"), {"rf64": "auto"}),
    "flac": SoundFile("flac", "audio/flac", ("flac",)),
    "m4a": SoundFile("ipod", "audio/mp4", ("aac",), {"movflags": "+faststart"}),
    "aac": SoundFile("adts", "audio/aac", ("aac",), exact=False),
    "opus": SoundFile("opus", "audio/ogg", ("opus",)),
    "ogg": SoundFile("ogg", "audio/ogg", ("opus", "flac")),
}
"""By extension, without the dot."""


def is_sound(path: str) -> bool:
    """Whether a file name asks for sound alone."""
    return extension(path) in SOUNDS
