"""What nodes share that move their picture by a matrix, and blur it as it moves."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, Final

from artifex.nodes import Choice, Float, Integer, Matrix, Motion, Node, Request, Vector2, Window
from services.graph.nodes.transform.shutter import at_moments, open_moments
from services.graph.nodes.transform.warping import FILTERS

_FRAME: Final = "frame"


class Moved(Node, base=True):
    """Moves its input by `matrix`; with a shutter, by that of each of its moments.

    A type declares the filter and the shutter among its own parameters, where it wants them to stand.
    """

    filter: Choice
    shutter: Float
    shutter_phase: Float
    shutter_samples: Integer

    resampling: ClassVar[float]
    """Nanoseconds for a pixel of one resampling."""

    def stands(self) -> bool:
        """Whether nothing moves, whatever the picture."""
        raise NotImplementedError

    def matrix(self, window: Window, request: Request) -> Matrix:
        """Where the node moves a picture of that window, in pixels at the request's scale."""
        raise NotImplementedError

    def moments(self, request: Request) -> Sequence[Fraction]:
        return open_moments(self.shutter, self.shutter_phase, self.shutter_samples, request)

    def identity(self, request: Request) -> str | None:
        return "video" if all(node.stands() for node in (self, *at_moments(self))) else None

    def motion(self, window: Window, request: Request) -> Motion:
        shutter = tuple([node.matrix(window, request) for node in at_moments(self)])
        return Motion(self.matrix(window, request), FILTERS[self.filter], shutter)

    def cost(self, request: Request) -> float:
        return self.resampling * max(1, len(self.then))


class Turned(Moved, base=True):
    """Moves around a pivot, which may be measured on the input's own pixels."""

    pivot: Vector2
    pivot_of: Choice

    def region_needed(self, name: str, request: Request) -> Window:
        # The pivot is measured on the whole input, so the region that is wanted cannot be traced back.
        return request.surroundings

    def pivot_at(self, window: Window, request: Request) -> tuple[float, float]:
        """The pivot in pixels, of a picture of that window."""
        base = request.format if self.pivot_of == _FRAME else window
        return base.x + self.pivot[0] * base.width, base.y + self.pivot[1] * base.height


def scale_factors() -> Vector2:
    return Vector2((1.0, 1.0), minimum=-100, maximum=100, doc="Size across and down; negative mirrors, 0 vanishes.")


def pivot_place() -> Vector2:
    return Vector2(
        (0.5, 0.5),
        minimum=-1000,
        maximum=1000,
        doc="The point that turning and scaling leave in place: (0, 0) is the top left, (1, 1) the bottom right.",
    )


def pivot_base() -> Choice:
    return Choice(
        "input",
        choices=("input", _FRAME),
        doc="Whether the pivot is measured on the input's own pixels or on the document's frame.",
    )


def cosine_and_sine(degrees: float) -> tuple[float, float]:
    """Of right angles as they are, not as floats next to them."""
    angle = math.radians(math.fmod(degrees, 360.0))
    return _exact(math.cos(angle)), _exact(math.sin(angle))


def _exact(value: float) -> float:
    return float(round(value)) if abs(value - round(value)) < 1e-15 else value
