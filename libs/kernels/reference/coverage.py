"""Outlines as pixels in NumPy: the same sums over all pieces of all edges at once, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from libs.kernels.types import Pixels, Rule

_Numbers = npt.NDArray[np.float64]


def coverage(edges: _Numbers, origin: tuple[int, int], rule: Rule, out: Pixels) -> None:
    height, width = out.shape[:2]
    x, y = origin
    sums = np.zeros((height, width + 2))
    if rule == "centres":
        _cross(edges, x, y, sums)
    else:
        _accumulate(edges, x, y, sums)
    area = np.abs(np.cumsum(sums, axis=1)[:, :width])
    # Sums of float64 leave some 10⁻¹⁴ behind where there is nothing.
    area = np.where(area < 1e-9, 0.0, area)
    if rule == "evenodd":
        area = 1.0 - np.abs(area % 2.0 - 1.0)
    out[..., 0] = np.minimum(area, 1.0)


def _accumulate(edges: _Numbers, x: int, y: int, sums: _Numbers) -> None:
    """Adds what every edge leaves to the right of it."""
    height, width = sums.shape[0], sums.shape[1] - 2
    x0, y0, x1, y1 = edges[edges[:, 1] != edges[:, 3]].T
    # Only what lies in the rows that are wanted; then cut at each row's border, then at each column's.
    x0, y0, x1, y1 = _within(x0, y0, x1, y1, y, y + height)
    y0, x0, y1, x1 = _cut(y0, x0, y1, x1)
    # What lies left of the target counts in full, and so may stand at its border; to the right nothing counts.
    x0, y0, x1, y1 = _split_at(x0, y0, x1, y1, float(x))
    x0, x1 = np.maximum(x0, x), np.maximum(x1, x)
    x0, y0, x1, y1 = _split_at(x0, y0, x1, y1, float(x + width))
    seen = np.minimum(x0, x1) < x + width
    x0, y0, x1, y1 = _cut(x0[seen], y0[seen], x1[seen], y1[seen])
    middle, rise = 0.5 * (x0 + x1), y1 - y0
    row = np.clip(np.floor(0.5 * (y0 + y1)).astype(np.int64) - y, 0, height - 1)
    cell = np.floor(middle).astype(np.int64)
    inside = rise != 0.0
    row, cell, middle, rise = row[inside], cell[inside], middle[inside], rise[inside]
    area = rise * (cell + 1.0 - middle)
    np.add.at(sums, (row, cell - x), area)
    np.add.at(sums, (row, cell - x + 1), rise - area)


def _cross(edges: _Numbers, x: int, y: int, sums: _Numbers) -> None:
    """Adds a winding to all pixels whose centre lies to the right of a crossing of their row's middle."""
    for x0, y0, x1, y1 in edges:
        low, high = min(y0, y1), max(y0, y1)
        rows = np.arange(max(y, int(np.floor(low))), min(y + sums.shape[0], int(np.ceil(high))))
        rows = rows[(rows + 0.5 >= low) & (rows + 0.5 < high)]
        if rows.size:
            at = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
            columns = np.clip(np.ceil(at - 0.5).astype(np.int64) - x, 0, sums.shape[1] - 1)
            np.add.at(sums, (rows - y, columns), np.sign(y1 - y0))


def _within(x0: _Numbers, y0: _Numbers, x1: _Numbers, y1: _Numbers, low: float, high: float) -> tuple[_Numbers, ...]:
    """The parts of edges between two heights."""
    with np.errstate(all="ignore"):
        slope = (x1 - x0) / (y1 - y0)
        ya, yb = np.clip(y0, low, high), np.clip(y1, low, high)
        xa, xb = x0 + (ya - y0) * slope, x0 + (yb - y0) * slope
    kept = ya != yb
    return xa[kept], ya[kept], xb[kept], yb[kept]


def _split_at(a0: _Numbers, b0: _Numbers, a1: _Numbers, b1: _Numbers, at: float) -> tuple[_Numbers, ...]:
    """Edges that cross a = `at`, in two."""
    over = (np.minimum(a0, a1) < at) & (np.maximum(a0, a1) > at)
    between = b0[over] + (b1[over] - b0[over]) * ((at - a0[over]) / (a1[over] - a0[over]))
    there = np.full(between.size, at)
    return (
        np.concatenate([a0[~over], a0[over], there]),
        np.concatenate([b0[~over], b0[over], between]),
        np.concatenate([a1[~over], there, a1[over]]),
        np.concatenate([b1[~over], between, b1[over]]),
    )


def _cut(a0: _Numbers, b0: _Numbers, a1: _Numbers, b1: _Numbers) -> tuple[_Numbers, ...]:
    """Edges from (a0, b0) to (a1, b1), cut at every whole a."""
    first = np.floor(np.minimum(a0, a1))
    pieces = np.maximum(np.ceil(np.maximum(a0, a1)) - first, 1.0).astype(np.int64)
    which = np.repeat(np.arange(a0.size), pieces)
    step = np.arange(which.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    low, high = np.minimum(a0, a1)[which], np.maximum(a0, a1)[which]
    begin, end = np.maximum(first[which] + step, low), np.minimum(first[which] + step + 1.0, high)
    length = (a1 - a0)[which]
    with np.errstate(all="ignore"):
        slope = np.where(length == 0.0, 0.0, (b1 - b0)[which] / length)
    forward = length >= 0.0
    start, stop = np.where(forward, begin, end), np.where(forward, end, begin)
    b_start = np.where(length == 0.0, b0[which], b0[which] + (start - a0[which]) * slope)
    b_stop = np.where(length == 0.0, b1[which], b0[which] + (stop - a0[which]) * slope)
    return start, b_start, stop, b_stop


def feather(edges: _Numbers, origin: tuple[int, int], out: Pixels) -> None:
    out[...] = 0.0
    height, width = out.shape[:2]
    for x0, y0, x1, y1, w0, w1, h0, h1 in edges:
        reach = max(w0, w1)
        left, right = _span(min(x0, x1) - reach - origin[0], max(x0, x1) + reach - origin[0], width)
        top, bottom = _span(min(y0, y1) - reach - origin[1], max(y0, y1) + reach - origin[1], height)
        if left >= right or top >= bottom:
            continue
        dx = np.arange(left, right)[None, :] + (origin[0] + 0.5 - x0)
        dy = np.arange(top, bottom)[:, None] + (origin[1] + 0.5 - y0)
        part = out[top:bottom, left:right, 0]
        np.maximum(part, _slope(dx, dy, x1 - x0, y1 - y0, (w0, w1), (h0, h1)), out=part)


def _slope(
    dx: _Numbers, dy: _Numbers, way_x: float, way_y: float, widths: tuple[float, float], heights: tuple[float, float]
) -> npt.NDArray[Any]:
    length = float(np.hypot(way_x, way_y))
    per = 1.0 / length if length > 1e-9 else 0.0
    along_x, along_y = way_x * per, way_y * per
    slope, rise = (widths[1] - widths[0]) * per, (heights[1] - heights[0]) * per
    a, b = dx * along_x + dy * along_y, dy * along_x - dx * along_y
    u = a
    if slope != 0.0:
        beside = widths[0] + slope * a
        near = beside > 1e-6
        u = np.where(near, a + slope * b * b / np.where(near, beside, 1.0), length if slope > 0.0 else 0.0)
    u = np.clip(u, 0.0, length if per else 0.0)
    if not per:
        distance = np.hypot(dx, dy)
        u = np.zeros_like(distance)
    else:
        distance = np.hypot(b, a - u)
    return (heights[0] + rise * u) * (1.0 - distance / (widths[0] + slope * u))


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    return max(0, int(np.floor(low))), min(size, int(np.ceil(high)) + 1)
