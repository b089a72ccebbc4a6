"""Changes of colour, on straight colour, as one for neighbouring ones."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import PyOpenColorIO as ocio

from artifex.nodes import Frame
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.context import Context, owned
from services.graph.domain.evaluate.demand import Wanted

if TYPE_CHECKING:
    from PyOpenColorIO import Transform


class Grade:
    """What one or more nodes do to colour."""

    __slots__ = ("_key", "_transforms")

    def __init__(self, transforms: Sequence["Transform"], key: Hashable) -> None:
        """`key` tells transforms apart: of equal keys the first one's processor serves all."""
        self._transforms = tuple(transforms)
        self._key = key

    @property
    def size(self) -> int:
        """How many transforms it is."""
        return len(self._transforms)

    def then(self, other: "Grade") -> "Grade":
        """This and `other` after it, as one."""
        return Grade((*self._transforms, *other._transforms), ("then", self._key, other._key))

    def applied(self, context: Context) -> Frame:
        """The context's only input, changed; in place where nobody else needs it.

        Colour is divided by alpha before and multiplied after, so it is changed as if the pixel were opaque, and what
        is transparent stays so: there it is multiplied by 0. Alpha is that of before, bit by bit.
        """
        held, frame = context.only()
        if frame.pixels.shape[2] != 4:
            raise ValueError(f"a grade changes pictures of 4 channels, not of {frame.pixels.shape[2]}")
        colour = context.colour
        if not self._transforms or frame.window.empty:
            return frame if owned(held, frame) else context.copied(frame)
        # One pass from here to there costs no more than one in place, and saves a copy to where the result belongs.
        spare = context.spare is not None and context.spare.shape == frame.pixels.shape
        result = frame.pixels if owned(held, frame) and not spare else context.room_for(frame)
        colour.change(
            self._key,
            lambda: ocio.GroupTransform(list(self._transforms)),
            frame.pixels,
            out=result,
            premultiplied=not frame.opaque,
        )
        return Frame(result, frame.x, frame.y, opaque=frame.opaque)


def grade_of(item: Wanted, colour: WorkingColour) -> Grade | None:
    """What `item` does to colour; None for a node that is asked to render."""
    place = item.place
    if not place.traits.grade:
        return None
    transforms = item.node.grade(colour, place.source)
    if transforms is None:
        return None
    return Grade(transforms, (colour.working_space, place.described(item.node, item.request)))
