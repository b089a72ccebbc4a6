"""How a file's pictures are taken: as its tags say, or as somebody who knows better says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from libs.frames.colour_tags import ColourTags

Pictures = Literal["off", "frame", "field"]
FieldOrder = Literal["auto", "top", "bottom"]


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What is taken in the place of what a file says; by itself nothing."""

    primaries: str = ""
    """Like the next three a name of `libs.frames.colour_tags`; empty for what the file says."""
    transfer: str = ""
    matrix: str = ""
    range: str = ""
    deinterlace: Pictures = "off"
    """Whole pictures of interlaced frames: none, one of each frame, or one of each field."""
    field_order: FieldOrder = "auto"
    """Which field of a frame was first: as the frames say, of which those that do not say to be interlaced stay as they
    are; or the named one, of all frames."""
    track: int = 0
    """Which of the file's streams of sound, counted from 0."""

    def tags(self, found: ColourTags) -> ColourTags:
        """The file's tags with these in their place."""
        given = {name: getattr(self, name) for name in ("primaries", "transfer", "matrix", "range")}
        return replace(found, **{name: value for name, value in given.items() if value})

    @property
    def pictures_per_frame(self) -> int:
        return 2 if self.deinterlace == "field" else 1


AS_TAGGED: Final = Interpretation()
