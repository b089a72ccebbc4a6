"""The kinds of stills that sequences are written in, told by their files' endings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from artifex.stills import Pattern, pattern_of
from libs.frames.codecs.movies import extension


@dataclass(frozen=True)
class StillFormat:
    """One way to store a picture."""

    name: str
    endings: tuple[str, ...]
    depths: Mapping[str, str]
    """By the name of a profile, the usual one first: OpenImageIO's type of a number."""
    compressions: tuple[str, ...]
    """OpenImageIO's names, the usual one first; none of them loses anything unless `lossy` has it."""
    lossy: tuple[str, ...] = ()
    linear: bool = False
    """Whether it holds scene-linear light, multiplied by alpha; else display-encoded colour, straight."""


STILLS = {
    each.name: each
    for each in (
        StillFormat(
            name="exr",
            endings=("exr",),
            depths={"half": "half", "float": "float"},
            compressions=("zip", "zips", "piz", "rle", "none", "pxr24", "b44", "b44a", "dwaa", "dwab"),
            lossy=("pxr24", "b44", "b44a", "dwaa", "dwab"),
            linear=True,
        ),
        StillFormat(
            name="tiff",
            endings=("tif", "tiff"),
            depths={"16bit": "uint16", "8bit": "uint8", "float": "float"},
            # Deflate of TIFF takes four times as long, for a fifth less.
            compressions=("lzw", "zip", "none"),
        ),
        StillFormat(name="png", endings=("png",), depths={"8bit": "uint8", "16bit": "uint16"}, compressions=("zip",)),
    )
}
STILL_ENDINGS = {ending: each for each in STILLS.values() for ending in each.endings}
"""By a file name's ending, without the dot."""


@dataclass(frozen=True)
class StillSettings:
    """How stills are written."""

    format: str = "exr"
    depth: str = ""
    """One of the format's; empty for its usual."""
    compression: str = ""
    alpha: bool = True
    """Whether they hold alpha; else they are laid over black."""

    def misfits(self) -> Iterator[tuple[str, str]]:
        """What of it does not fit the format: "depth" or "compression", and what to do instead."""
        written = STILLS[self.format]
        if self.depth and self.depth not in written.depths:
            yield "depth", f"{self.format} stills are {', '.join(written.depths)}; not {self.depth}"
        if self.compression and self.compression not in written.compressions:
            yield "compression", f"{self.format} stills take {', '.join(written.compressions)}; not {self.compression}"


def is_stills(path: str) -> bool:
    """Whether a file name asks for a sequence of stills."""
    return extension(path) in STILL_ENDINGS


def stills_of(path: str) -> tuple[StillFormat, Pattern]:
    """The kind and the names of the stills that a file name asks for. KeyError for one that is no pattern of them."""
    pattern = pattern_of(path)
    if pattern is None:
        raise KeyError(path)
    return STILL_ENDINGS[extension(path)], pattern
