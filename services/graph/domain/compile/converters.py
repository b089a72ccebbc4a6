"""Nodes that the compiler inserts where connection types differ; no document names them."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from artifex.nodes import IMAGE, MASK, VIDEO, Frame, Input, Node, Output, PortType, RenderContext, Request


class ImageToVideo(Node):
    """Shows an image at every time."""

    category = "Converter"
    image = Input(IMAGE, "The image.")
    video = Output(VIDEO, "The same picture at every time.")

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        return (Fraction(0),)

    def render(self, context: RenderContext) -> Frame:
        return context.read(self.image, Fraction(0))


class VideoToImage(Node):
    """Takes the first frame of a video."""

    category = "Converter"
    video = Input(VIDEO, "The video.")
    image = Output(IMAGE, "Its frame at time 0.")

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        return (Fraction(0),)

    def render(self, context: RenderContext) -> Frame:
        return context.read(self.video, Fraction(0))


class MaskToImage(Node):
    """Shows a mask as a picture: white where it is 1, transparent where it is 0; premultiplied."""

    category = "Converter"
    mask = Input(MASK, "The mask.")
    image = Output(IMAGE, "Red, green, blue and alpha all equal the mask at time 0.")

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        return (Fraction(0),)

    def render(self, context: RenderContext) -> Frame:
        mask = context.read(self.mask, Fraction(0))
        return Frame(np.repeat(mask.pixels, 4, axis=2), mask.x, mask.y)


CONVERTERS: Final[dict[tuple[PortType, PortType], type[Node]]] = {
    (IMAGE, VIDEO): ImageToVideo,
    (VIDEO, IMAGE): VideoToImage,
    (MASK, IMAGE): MaskToImage,
}
