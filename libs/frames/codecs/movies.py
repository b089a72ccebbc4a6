"""The containers that movies are written in, told by their file names' extensions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Movie:
    """A container for a movie."""

    format: str
    """libavformat's muxer."""
    media_type: str
    audio: tuple[str, ...]
    """The codecs for sound that it takes, the usual one first."""

    @property
    def exact(self) -> bool:
        """Whether its clock can be set so that every frame begins on a tick; Matroska counts milliseconds."""
        return self.format in ("mp4", "mov")


MOVIES = {
    "mp4": Movie("mp4", "video/mp4", ("aac",)),
    "mov": Movie("mov", "video/quicktime", ("pcm", "aac")),
    "mkv": Movie("matroska", "video/matroska", ("flac", "opus", "pcm")),
    "webm": Movie("webm", "video/webm", ("opus",)),
}
"""By extension, without the dot."""


def extension(file_name: str) -> str:
    """What comes after the last dot, in lower case."""
    return file_name.rpartition(".")[2].lower()
