"""Outlines as masks: what they cover, with soft edges of true width."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Frame, Pair, Pixels, Window
from libs.kernels import Rule, coverage, feather
from services.graph.nodes.shapes.outlines import SOFT, SOFT_PARTS, Corners, Shape, at_least_a_pixel, pixels_around
from services.graph.nodes.shapes.paths import Lines


def shape_mask(shape: Shape, soft: Pair, limit: Window, *, smooth: bool, threads: int = 1) -> Frame:
    """A shape's mask inside `limit`: exact coverage, or with `soft`, pixels inwards and outwards, a soft edge.

    With d the distance to the outline, below 0 inside, it goes from 0 at d = soft[1] to 1 at d = −soft[0], by u or with
    `smooth` by 3u² − 2u³. An edge of less than a pixel's softness is that of one pixel, mixed with plain coverage.
    """
    if shape.empty:
        return Frame.empty(1)
    width = soft[0] + soft[1]
    window = _around(shape.outline(), soft[1] + 1.0, limit)
    if window.empty:
        return Frame.empty(1)
    size, origin = (window.height, window.width), (window.x, window.y)
    plain = coverage(_closed(shape.outline()), size, origin, threads=threads) if width < 1.0 else None
    if width == 0.0:
        assert plain is not None
        return Frame(plain, window.x, window.y)
    inwards, outwards = at_least_a_pixel(soft)
    reach = max(inwards, outwards)
    edges = _closed(shape.outline(max(SOFT, reach / SOFT_PARTS)))
    even = np.broadcast_to([reach, reach, 1.0, 1.0], (len(edges), 4))
    near = feather(np.hstack([edges, even]), size, origin, threads=threads)
    inside = coverage(edges, size, origin, "centres", threads=threads)
    # d = ±reach · (1 − near), and (outwards − d) / (inwards + outwards).
    inside *= np.float32(2.0)
    inside -= np.float32(1.0)
    near -= np.float32(1.0)
    near *= inside
    near *= np.float32(-reach / (inwards + outwards))
    near += np.float32(outwards / (inwards + outwards))
    mask = _fallen(np.clip(near, 0.0, 1.0, out=near), smooth=smooth)
    if plain is not None:
        mask -= plain
        mask *= np.float32(width)
        mask += plain
    return Frame(mask, window.x, window.y)


def path_mask(lines: Lines, rule: Rule, window: Window, *, smooth: bool, threads: int = 1) -> Pixels:
    """The mask of paths in a window, [height, width, 1]: exact coverage c, with soft edges e together c + e (1 − c)."""
    size, origin = (window.height, window.width), (window.x, window.y)
    mask = coverage(lines.edges, size, origin, rule, threads=threads)
    if len(lines.slopes):
        edge = _fallen(feather(lines.slopes, size, origin, threads=threads), smooth=smooth)
        edge -= edge * mask
        mask += edge
    return mask


def _fallen(mask: Pixels, *, smooth: bool) -> Pixels:
    """The mask's own values, u, or with `smooth` 3u² − 2u³ of them, in place."""
    if smooth:
        mask *= mask * (np.float32(3.0) - np.float32(2.0) * mask)
    return mask


def _closed(corners: Corners) -> NDArray[np.float64]:
    return np.hstack([corners, np.roll(corners, -1, axis=0)])


def _around(points: Corners, margin: float, limit: Window) -> Window:
    """The whole pixels within a margin of the points' box, inside `limit`."""
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return pixels_around(left, top, right, bottom, margin).intersect(limit)
