"""Closed outlines of simple shapes, as corners near enough to the true curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Pair, Window

Corners = NDArray[np.float64]
"""[count, 2]: x and y in pixels, x growing right and y down."""

FINE: Final = 1.0 / 4096
"""Pixels between an outline's straight edges and the curve, so that coverage errs less than a 16-bit code of it."""
SOFT: Final = 1.0 / 256
"""Pixels that the line of a soft edge may be off, where the edge is narrow."""
SOFT_PARTS: Final = 2000.0
"""Of a wide edge its line may be off by the width over this."""

ELLIPSE: Final = "ellipse"
RECTANGLE: Final = "rectangle"
POLYGON: Final = "polygon"
STAR: Final = "star"
SHAPES: Final = (ELLIPSE, RECTANGLE, POLYGON, STAR)


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape in its place; all sizes in pixels. None has an area where a size is 0."""

    kind: str
    center: tuple[float, float]
    size: tuple[float, float]
    """Of the whole shape, across and down, before it is turned."""
    turn: float
    """Degrees clockwise around the centre."""
    radius: float
    """Of a rectangle's corners; at most half its shorter side."""
    corners: int
    """Of a polygon, or points of a star. The first is on top."""
    inner: float
    """How far from the centre a star's inner corners are, in parts of its points'."""

    def outline(self, tolerance: float = FINE) -> Corners:
        """The corners in order; those of curves lie on them, the edges between at most `tolerance` pixels off.

        An outline of no area is empty. The array is shared: it cannot be written to.
        """
        return _outline(self, tolerance)

    @property
    def empty(self) -> bool:
        return min(self.size) <= 0.0


@lru_cache(maxsize=64)
def _outline(shape: Shape, tolerance: float) -> Corners:
    half = np.array(shape.size) / 2.0
    if shape.empty:
        result: Corners = np.zeros((0, 2))
    elif shape.kind == ELLIPSE:
        result = _circle(_steps(float(half.max()), tolerance)) * half
    elif shape.kind == RECTANGLE:
        result = _rectangle(half, min(shape.radius, float(half.min())), tolerance)
    elif shape.kind == POLYGON:
        result = _circle(shape.corners) * half
    else:
        result = _circle(2 * shape.corners) * half
        result[1::2] *= shape.inner
    cos, sin = turn(shape.turn)
    result = result @ np.array([[cos, sin], [-sin, cos]]) + np.array(shape.center)
    result.setflags(write=False)
    return result


def _circle(count: int, first: float = -0.25, part: float = 1.0, *, last: bool = False) -> Corners:
    """Points of the unit circle, clockwise as seen, from `first` on (in turns; −¼ is the top)."""
    angle = math.tau * (first + part * np.arange(count + last) / count)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _rectangle(half: Corners, radius: float, tolerance: float) -> Corners:
    signs = np.array([[1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]])
    if radius <= 0.0:
        return signs * half
    steps = -(-_steps(radius, tolerance) // 4)
    arcs = [
        radius * _circle(steps, (corner - 1) / 4, 0.25, last=True) + sign * (half - radius)
        for corner, sign in enumerate(signs)
    ]
    return np.concatenate(arcs)


def _steps(radius: float, tolerance: float) -> int:
    """How many sides a polygon in a circle needs to be nowhere farther from it than the tolerance."""
    if radius <= tolerance:
        return 8
    return max(8, math.ceil(math.pi / math.acos(1.0 - tolerance / radius)))


def pixels_around(left: float, top: float, right: float, bottom: float, margin: float) -> Window:
    """The whole pixels that a box touches, with a margin on each side."""
    x, y = math.floor(left - margin), math.floor(top - margin)
    return Window(x, y, math.ceil(right + margin) - x, math.ceil(bottom + margin) - y)


def at_least_a_pixel(soft: Pair) -> Pair:
    """A soft edge, pixels inwards and outwards and not both 0, made a pixel wide if it was less, on both sides alike.

    As much of it as it was wide, and of none the rest, covers what the narrow one would.
    """
    part = min(soft[0] + soft[1], 1.0)
    return soft[0] / part, soft[1] / part


def turn(degrees: float) -> tuple[float, float]:
    """Cosine and sine of a clockwise turn."""
    angle = math.radians(math.fmod(degrees, 360.0))
    return _exact(math.cos(angle)), _exact(math.sin(angle))


def _exact(value: float) -> float:
    """Sines of right angles as they are, not as floats next to them."""
    return float(round(value)) if abs(value - round(value)) < 1e-15 else value
