"""Paths of cubic Bézier curves, as straight edges near enough to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import EMPTY, Column, Rows, Window
from services.graph.nodes.shapes.outlines import FINE, SOFT, SOFT_PARTS, pixels_around

Numbers = NDArray[np.float64]

_FAR: Final = 1e5
COLUMNS: Final = (
    Column("x", -_FAR, _FAR),
    Column("y", -_FAR, _FAR),
    Column("in_x", -_FAR, _FAR, 0.0),
    Column("in_y", -_FAR, _FAR, 0.0),
    Column("out_x", -_FAR, _FAR, 0.0),
    Column("out_y", -_FAR, _FAR, 0.0),
    Column("feather", 0.0, 1000.0, 0.0),
    Column("path", 0.0, 1023.0, 0.0),
)
"""Of a path's points: place, handles relative to it, width of the soft edge; and which path it belongs to."""

_MOST_STEPS: Final = 1024
"""Edges that one curve becomes at most, which bounds memory; enough for curves that bend by 300 pixels."""
_AT_ONCE: Final = 32
"""Curves that are cut at once."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Paths as straight edges."""

    edges: Numbers
    """[count, 4]: x0, y0, x1, y1 in pixels; closed, path by path."""
    slopes: Numbers
    """[count, 8]: what `libs.kernels.feather` takes; empty where nothing is soft."""


def box_of(rows: Rows, scale: float, feather: float) -> Window:
    """Whole pixels, at `scale`, around all that paths of these points can cover, with their softness.

    A curve lies within the box of its control points.
    """
    if not rows:
        return EMPTY
    points = np.array(rows)[:, :7] * scale
    x = points[:, [0]] + np.hstack([np.zeros((len(points), 1)), points[:, [2, 4]]])
    y = points[:, [1]] + np.hstack([np.zeros((len(points), 1)), points[:, [3, 5]]])
    reach = float(points[:, 6].max()) + feather * scale
    return pixels_around(float(x.min()), float(y.min()), float(x.max()), float(y.max()), reach + 1.0)


def lines_of(rows: Rows, *, closed: bool, scale: float, feather: float) -> Lines:
    """The paths of points as in `COLUMNS`, at `scale`, with `feather` added to every point's own.

    Of a closed path the last point is joined to the first by a curve of their handles, of another by a straight edge
    that has no softness. A soft edge narrower than a pixel is a pixel wide and so much lower.
    """
    edges: list[Numbers] = []
    slopes: list[Numbers] = []
    # Of one path are all points of its number, wherever they stand.
    for _, group in groupby(sorted(rows, key=_path), key=_path):
        points = np.array(list(group))
        points[:, :7] *= scale
        points[:, 6] += feather * scale
        curves = _curves(points, closed=closed)
        flat = _flattened(curves, np.full(len(curves), FINE))
        corners = np.concatenate([flat[:, :2], points[-1:, :2] if not closed else flat[:0, :2]])
        if len(corners) > 1:
            edges.append(np.hstack([corners, np.roll(corners, -1, axis=0)]))
        if points[:, 6].max() > 0.0 and len(curves):
            slopes.append(_slopes(curves, points, closed=closed))
    return Lines(
        np.concatenate(edges) if edges else np.zeros((0, 4)),
        np.concatenate(slopes) if slopes else np.zeros((0, 8)),
    )


def _path(row: tuple[float, ...]) -> int:
    return math.floor(row[7] + 0.5)


def _curves(points: Numbers, *, closed: bool) -> Numbers:
    """[count, 4, 3]: the control points of each curve, x, y and the feather's width."""
    following = np.roll(points, -1, axis=0)
    first, last = points[:, [0, 1, 6]], following[:, [0, 1, 6]]
    third = (last - first) / 3.0
    behind, before = points[:, 4:6], following[:, 2:4]
    # Without handles the way is straight, and goes evenly.
    straight = ~np.hstack([behind, before]).any(axis=1, keepdims=True)
    second, penultimate = first + third, last - third
    second[:, :2] = np.where(straight, second[:, :2], first[:, :2] + behind)
    penultimate[:, :2] = np.where(straight, penultimate[:, :2], last[:, :2] + before)
    curves = np.stack([first, second, penultimate, last], axis=1)
    return curves if closed else curves[:-1]


def _flattened(curves: Numbers, tolerance: Numbers) -> Numbers:
    """[count, 3]: points of each curve, from its first on and without its last.

    As many as keep the edges between within the tolerance: the square root of 3/4 of the largest second difference of
    the control points over it (G. Wang, The Subdivision Method for Finding the Intersection between Two Bézier Curves,
    1984; see also R. Goldman, Pyramid Algorithms, 2003).
    """
    if not len(curves):
        return np.zeros((0, 3))
    bend = np.abs(curves[:, :-2, :2] - 2.0 * curves[:, 1:-1, :2] + curves[:, 2:, :2])
    size = np.hypot(bend[..., 0], bend[..., 1]).max(axis=1)
    steps = np.clip(np.ceil(np.sqrt(0.75 * size / tolerance)), 1, _MOST_STEPS).astype(np.int64)
    # Some curves at once: what a point takes on the way is ten times itself.
    return np.concatenate(
        [
            _points(curves[first : first + _AT_ONCE], steps[first : first + _AT_ONCE])
            for first in range(0, len(curves), _AT_ONCE)
        ]
    )


def _points(curves: Numbers, steps: NDArray[np.int64]) -> Numbers:
    """[count, 3]: so many points of each curve, even in t, without its last."""
    which = np.repeat(np.arange(len(curves)), steps)
    t = (np.arange(which.size) - np.repeat(np.cumsum(steps) - steps, steps)) / steps[which]
    u = 1.0 - t
    weights = np.stack([u * u * u, 3.0 * u * u * t, 3.0 * u * t * t, t * t * t], axis=1)
    result: Numbers = np.einsum("pw,pwc->pc", weights, curves[which])
    return result


def _slopes(curves: Numbers, points: Numbers, *, closed: bool) -> Numbers:
    """The edges of the curves with the widths and heights of their soft edge, where there is any."""
    narrowest = np.minimum(curves[:, 0, 2], curves[:, 3, 2])
    flat = _flattened(curves, np.maximum(SOFT, narrowest / SOFT_PARTS))
    end = flat[:1] if closed else np.array([[*points[-1, :2], points[-1, 6]]])
    corners = np.concatenate([flat, end])
    pairs = np.hstack([corners[:-1], corners[1:]])
    pairs = pairs[(pairs[:, 2] > 0.0) | (pairs[:, 5] > 0.0)]
    widths = pairs[:, [2, 5]]
    return np.hstack([pairs[:, [0, 1, 3, 4]], np.maximum(widths, 1.0), np.minimum(widths, 1.0)])
