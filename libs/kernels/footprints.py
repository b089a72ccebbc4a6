"""What neighbourhoods weigh: boxes, discs and lines of any size, exact to the part of a pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from libs.kernels.native import floats

__all__ = ["Footprint", "box", "disc", "line"]

_SHORTEST_RUN: Final = 4
"""Pixels from which on a run is cheaper than its single pixels."""
_LEAST_WEIGHT: Final = 1e-9
_LEAST_RADIUS: Final = 1e-3
"""Of a disc, in pixels: below it all lies in one pixel."""

Weights = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Footprint:
    """Weights around a pixel, as single pixels and as runs along rows."""

    taps: npt.NDArray[np.int32]
    """[n, 2]: how far down and across."""
    tap_weights: npt.NDArray[np.float32]
    runs: npt.NDArray[np.int32]
    """[n, 3]: how far down, across to the first pixel, and to the one after the last."""
    run_weights: npt.NDArray[np.float32]
    reach: tuple[int, int, int, int]
    """How far any of them lies to the top, bottom, left and right."""

    @classmethod
    def of(cls, weights: Weights) -> Footprint:
        """`weights`: [height, width], both odd, around the pixel in the middle. Equal neighbours make runs."""
        rows, columns = weights.shape[0] // 2, weights.shape[1] // 2
        taps, runs = [], []
        for down, row in enumerate(weights, -rows):
            edges = np.flatnonzero(np.diff(row)) + 1
            for begin, end in zip([0, *edges], [*edges, row.size], strict=True):
                if row[begin] <= _LEAST_WEIGHT:
                    continue
                if end - begin >= _SHORTEST_RUN:
                    runs.append((down, begin - columns, end - columns, row[begin]))
                else:
                    taps += [(down, at - columns, row[at]) for at in range(begin, end)]
        return cls._made(np.array(taps).reshape(-1, 3), np.array(runs).reshape(-1, 4))

    @classmethod
    def _made(cls, taps: Weights, runs: Weights) -> Footprint:
        downs = np.concatenate([taps[:, 0], runs[:, 0]])
        firsts, lasts = np.concatenate([taps[:, 1], runs[:, 1]]), np.concatenate([taps[:, 1], runs[:, 2] - 1])
        reach = (-downs.min(), downs.max(), -firsts.min(), lasts.max())
        top, bottom, left, right = (max(0, int(side)) for side in reach)
        return cls(
            np.ascontiguousarray(taps[:, :2], dtype=np.int32),
            floats(taps[:, 2]),
            np.ascontiguousarray(runs[:, :3], dtype=np.int32),
            floats(runs[:, 3]),
            (top, bottom, left, right),
        )

    def placed(self) -> Weights:
        """The weights again, as far as they reach: [top + bottom + 1, left + right + 1]."""
        top, bottom, left, right = self.reach
        weights = np.zeros((top + bottom + 1, left + right + 1))
        np.add.at(weights, (self.taps[:, 0] + top, self.taps[:, 1] + left), self.tap_weights)
        for (down, first, end), weight in zip(self.runs, self.run_weights, strict=True):
            weights[down + top, first + left : end + left] += weight
        return weights


@lru_cache(maxsize=64)
def box(radius: float, *, across: bool) -> Footprint:
    """A run of 2 · `radius` pixels along one side: each pixel weighs what of it the run covers."""
    reach = max(0, math.ceil(radius - 0.5))
    at = np.arange(-reach, reach + 1)
    covered = np.minimum(at + 0.5, radius) - np.maximum(at - 0.5, -radius)
    weights = np.ones(1) if reach == 0 else covered / (2.0 * radius)
    return Footprint.of(weights[None, :] if across else weights[:, None])


@lru_cache(maxsize=64)
def disc(radius_x: float, radius_y: float) -> Footprint:
    """An ellipse with these half-axes: each pixel weighs the area of it that the ellipse covers."""
    radius_x, radius_y = max(radius_x, _LEAST_RADIUS), max(radius_y, _LEAST_RADIUS)
    columns, rows = (max(0, math.ceil(radius - 0.5)) for radius in (radius_x, radius_y))
    edge_x = (np.arange(-columns, columns + 2) - 0.5) / radius_x
    edge_y = (np.arange(-rows, rows + 2) - 0.5) / radius_y
    corners = _quadrant(np.abs(edge_x)[None, :], np.abs(edge_y)[:, None])
    corners *= np.sign(edge_x)[None, :] * np.sign(edge_y)[:, None]
    areas = np.diff(np.diff(corners, axis=0), axis=1) / math.pi
    whole = 1.0 / (math.pi * radius_x * radius_y)
    # What lies wholly inside weighs exactly the same, and so makes runs.
    areas[np.abs(areas - whole) < 1e-9 * whole] = whole
    return Footprint.of(areas)


def _quadrant(u: Weights, v: Weights) -> Weights:
    """The area of the unit disc within 0..u and 0..v."""
    u, v = np.broadcast_arrays(np.minimum(u, 1.0), np.minimum(v, 1.0))
    begin = np.minimum(np.sqrt(1.0 - v * v), u)
    return v * begin + _under_circle(u) - _under_circle(begin)


def _under_circle(t: Weights) -> Weights:
    """∫ sqrt(1 − t²) from 0."""
    return 0.5 * (t * np.sqrt(np.maximum(1.0 - t * t, 0.0)) + np.arcsin(np.minimum(t, 1.0)))


@lru_cache(maxsize=64)
def line(length: float, angle: float) -> Footprint:
    """A line through the middle, `length` pixels long, at `angle` radians, clockwise as seen, from across.

    The weights are those of the mean, along the line, of the picture read bilinearly: exact, since between the rows and
    columns of the grid these are polynomials of the second degree, which Gauss' rule of two points integrates.
    """
    along = np.array([math.cos(angle), math.sin(angle)])
    along[np.abs(along) < 1e-15] = 0.0
    half = 0.5 * length
    reach = [math.ceil(half * abs(side)) for side in along]
    weights = np.zeros((2 * reach[1] + 3, 2 * reach[0] + 3))
    if half < _LEAST_RADIUS:
        return Footprint.of(np.ones((1, 1)))
    cuts = [np.arange(-side, side + 1) / step for side, step in zip(reach, along, strict=True) if step]
    ends = np.unique(np.clip(np.concatenate([*cuts, [-half, half]]), -half, half))
    spans = np.diff(ends)
    for place in (0.5 - math.sqrt(1.0 / 12.0), 0.5 + math.sqrt(1.0 / 12.0)):
        at = (ends[:-1] + place * spans)[:, None] * along
        first = np.floor(at).astype(np.int64)
        part = at - first
        for down in (0, 1):
            for across in (0, 1):
                share = (part[:, 0] if across else 1.0 - part[:, 0]) * (part[:, 1] if down else 1.0 - part[:, 1])
                index = (first[:, 1] + down + reach[1] + 1, first[:, 0] + across + reach[0] + 1)
                np.add.at(weights, index, 0.5 * spans * share / length)
    return Footprint.of(weights)
