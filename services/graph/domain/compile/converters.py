"""Nodes that the compiler inserts: where connection types differ, and for what is muted. No document names them."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from artifex.nodes import (
    AUDIO,
    IMAGE,
    MASK,
    VIDEO,
    Audio,
    Frame,
    Input,
    Node,
    Output,
    PortType,
    RenderContext,
    Request,
    SoundContext,
)


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


class Muted(Node):
    """Stands for every muted node: transparent black, and silence."""

    category = "Converter"
    video = Output(VIDEO, "Nothing anywhere.", name=VIDEO)
    image = Output(IMAGE, "Nothing anywhere.", name=IMAGE)
    mask = Output(MASK, "0 everywhere.", name=MASK)
    audio = Output(AUDIO, "Silence.", name=AUDIO)

    def render(self, context: RenderContext) -> Frame:
        return Frame.empty(1 if context.request.output.kind == MASK else 4)

    def sound(self, context: SoundContext) -> Audio:
        return Audio(np.zeros((context.channels, context.count), dtype=np.float32), context.rate)


CONVERTERS: Final[dict[tuple[PortType, PortType], type[Node]]] = {
    (IMAGE, VIDEO): ImageToVideo,
    (VIDEO, IMAGE): VideoToImage,
    (MASK, IMAGE): MaskToImage,
}
