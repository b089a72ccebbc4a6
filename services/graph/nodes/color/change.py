"""What nodes that change colour alone have in common: their ports, and how a change is mixed in."""

from collections.abc import Hashable, Sequence

import numpy as np
import PyOpenColorIO as ocio

from artifex.nodes import VIDEO, Colour, Float, Frame, Input, MediaSource, Node, Output, RenderContext, Request
from services.graph.nodes.alpha import straight


class ColourChange(Node, base=True):
    """A change of colour that is the same everywhere, and may be mixed in by a part.

    Whole, it is a grade, and joins its neighbours; mixed, it is rendered: c + mix · (changed − c) on straight colour.
    """

    category = "Color"

    video = Input(VIDEO, "The picture.")
    changed = Output(VIDEO, "The picture with the change.", name="video")

    mix = Float(1.0, minimum=0, maximum=1, doc="0 leaves the picture, 1 is the whole change.")

    def neutral(self) -> bool:
        """Whether no picture is changed with the present parameters."""
        return False

    def transforms(self, colour: Colour, source: MediaSource | None) -> list[ocio.Transform]:
        """The whole change, for straight colour of the working space."""
        raise NotImplementedError

    def identity(self, request: Request) -> str | None:
        return "video" if self.mix == 0.0 or self.neutral() else None

    def pointwise(self, request: Request) -> bool:
        return True

    def grade(self, colour: Colour, source: MediaSource | None) -> Sequence[ocio.Transform] | None:
        if self.mix == 0.0 or self.neutral():
            return []
        return self.transforms(colour, source) if self.mix == 1.0 else None

    def render(self, context: RenderContext) -> Frame:
        frame = context.take(self.video)
        if frame.window.empty or self.mix == 0.0:
            return frame
        source, colour = context.request.source, context.colour
        with straight(frame) as pixels:
            changed = pixels.copy()
            colour.apply(self._key(source), lambda: ocio.GroupTransform(self.transforms(colour, source)), changed)
            changed -= pixels
            changed *= np.float32(self.mix)
            pixels += changed
        return frame

    def _key(self, source: MediaSource | None) -> Hashable:
        """Tells changes apart whatever their mix."""
        values = tuple(sorted((name, value) for name, value in self.values.items() if name != "mix"))
        return (type(self).__name__, source and source.key, values)
