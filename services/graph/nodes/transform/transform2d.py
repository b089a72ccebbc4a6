"""Transform2D."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final, get_args

import numpy as np

from artifex.nodes import VIDEO, Choice, Filter, Float, Input, Matrix, Motion, Node, Output, Request, Vector2
from artifex.nodes import Window as DataWindow
from services.graph.nodes.transform.shutter import (
    at_moments,
    open_moments,
    resamplings,
    shutter_angle,
    shutter_phase,
    shutter_samples,
)

_FILTERS: Final[dict[str, Filter]] = {name: name for name in get_args(Filter)}


class Transform2D(Node):
    """Moves, turns and scales a picture in its plane.

    A point p of the input goes to q = pivot + translate + R(rotate) · S(scale) · (p − pivot), in pixels, where x grows
    right and y down; a positive angle turns clockwise as seen. Each new pixel is read where its centre comes from,
    filtered in premultiplied scene-linear light, so edges get no dark or bright seams; beyond the input's window lies
    transparent black, so they become soft. Filters are bilinear, cubic convolution (R. G. Keys, Cubic Convolution
    Interpolation for Digital Image Processing, 1981, a = −½), the one of D. P. Mitchell and A. N. Netravali
    (Reconstruction Filters in Computer Graphics, 1988, B = C = ⅓), which rings least, and Lanczos' windowed sinc of 4
    pixels to each side, which is the sharpest; box is the mean of the pixels' areas. Where the picture gets smaller, a
    filter is as wide as what becomes one pixel, across and down apart, so that fine detail does not alias (P. S.
    Heckbert, Fundamentals of Texture Mapping and Image Warping, 1989); nearest takes one pixel all the same. Moves by
    whole pixels, mirrors and right angles copy pixels unchanged. Several of these nodes in a row are one resampling, by
    the last one's filter.

    With a shutter the picture blurs as it moves: it is the mean of the pictures at the middles of equal parts of the
    time that the shutter is open, which the parameters' own keys and expressions tell. What does not move meanwhile
    stays sharp, and costs no more.

    Memory: the input's window and the output's, cut to what is wanted; of an enlarged picture that is moved again, at
    most a document's size beyond the document is kept. Cost: one resampling of the output's window, of 1, 4, 16 or 64
    samples a pixel, or as many as the input has where it shrinks, and one for each of the shutter's samples; a small
    picture costs little in a large document.
    """

    category = "Transform"
    version = "1.2.0"

    video = Input(VIDEO, "The picture to move.")
    moved = Output(VIDEO, "The moved picture.", name="video")

    translate = Vector2((0.0, 0.0), minimum=-1e6, maximum=1e6, unit="px", doc="How far it moves, right and down.")
    rotate = Float(0.0, unit="deg", doc="Clockwise turn around the pivot.")
    scale = Vector2((1.0, 1.0), minimum=-100, maximum=100, doc="Size across and down; negative mirrors, 0 vanishes.")
    pivot = Vector2(
        (0.5, 0.5),
        minimum=-1000,
        maximum=1000,
        doc="The point that turning and scaling leave in place: (0, 0) is the top left, (1, 1) the bottom right.",
    )
    pivot_of = Choice(
        "input",
        choices=("input", "frame"),
        doc="Whether the pivot is measured on the input's own pixels or on the document's frame.",
    )
    filter = Choice("cubic", choices=tuple(_FILTERS), doc="How pixels between pixels are found.")
    shutter = shutter_angle()
    shutter_phase = shutter_phase()
    shutter_samples = shutter_samples()

    def moments(self, request: Request) -> Sequence[Fraction]:
        return open_moments(self.shutter, self.shutter_phase, self.shutter_samples, request)

    def identity(self, request: Request) -> str | None:
        return "video" if all(node._stands() for node in (self, *at_moments(self))) else None

    def region_needed(self, name: str, request: Request) -> DataWindow:
        # The pivot is measured on the whole input, so the region that is wanted cannot be traced back.
        return request.surroundings

    def motion(self, window: DataWindow, request: Request) -> Motion:
        shutter = tuple([node._matrix(window, request) for node in at_moments(self)])
        return Motion(self._matrix(window, request), _FILTERS[self.filter], shutter)

    def cost(self, request: Request) -> float:
        return 9.0 * resamplings(self)

    def _stands(self) -> bool:
        return self.translate == (0.0, 0.0) and self.scale == (1.0, 1.0) and math.fmod(self.rotate, 360.0) == 0.0

    def _matrix(self, window: DataWindow, request: Request) -> Matrix:
        base = window if self.pivot_of == "input" else request.format
        pivot_x = base.x + self.pivot[0] * base.width
        pivot_y = base.y + self.pivot[1] * base.height
        angle = math.radians(math.fmod(self.rotate, 360.0))
        cos, sin = _exact(math.cos(angle)), _exact(math.sin(angle))
        scale_x, scale_y = self.scale
        turn = np.array([[cos * scale_x, -sin * scale_y, 0.0], [sin * scale_x, cos * scale_y, 0.0], [0.0, 0.0, 1.0]])
        proxy = float(request.scale)
        to = _shift(pivot_x + self.translate[0] * proxy, pivot_y + self.translate[1] * proxy)
        matrix: Matrix = to @ turn @ _shift(-pivot_x, -pivot_y)
        return matrix


def _shift(x: float, y: float) -> Matrix:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def _exact(value: float) -> float:
    """Sines of right angles as they are, not as floats next to them."""
    return float(round(value)) if abs(value - round(value)) < 1e-15 else value
