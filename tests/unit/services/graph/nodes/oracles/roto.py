"""Roto beside FreeType's rasteriser, OpenCV, SciPy and its formulas in float64."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from artifex.nodes import Frame, Window
from services.graph.nodes.composite.roto import Roto
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.mask import centres, slope
from tests.unit.services.graph.nodes.oracles.outlines import bezier, by_freetype, by_opencv, by_scipy, made
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WHOLE, WIDTH, Array
from tests.unit.services.graph.support import Context, node

Rows = tuple[tuple[float, ...], ...]

LEAF: Rows = (
    (8.0, 40.0, 4.0, 6.0, -10.0, -20.0, 2.0, 0.0),
    (30.0, 5.5, -14.25, 0.0, 14.25, 0.0, 9.0, 0.0),
    (52.75, 38.0, 6.0, -22.0, -8.0, 4.0, 0.0, 0.0),
)
"""All places are multiples of 1/64 pixel."""
HOLE: Rows = (
    (22.0, 30.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    (38.5, 30.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    (30.0, 14.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
)
EIGHT: Rows = ((8.0, 8.0), (52.0, 40.0), (52.0, 8.0), (8.0, 40.0))


def full(rows: Sequence[Sequence[float]]) -> Rows:
    """Rows with the defaults of their last columns."""
    return tuple((*row, *[0.0] * (8 - len(row))) for row in rows)


def rotoed(rows: Rows, frames: dict[str, Frame] | None = None, region: Window = WHOLE, scale: Any = 1,
           **params: Any) -> Frame:  # fmt: skip
    return made(node(Roto, points=full(rows), **params), frames, region, scale)


def whole(rows: Rows, **params: Any) -> Array:
    return rotoed(rows, **params).filled(WHOLE)[..., 0].astype(np.float64)


def hard(rows: Rows) -> Rows:
    return tuple((*row[:6], 0.0, row[7]) for row in rows)


def cubics(rows: Rows) -> list[tuple[float, float, bool]]:
    """A closed path as FreeType has it: points, each with the handle behind it and the next one's before it."""
    found: list[tuple[float, float, bool]] = []
    for row, following in zip(rows, [*rows[1:], rows[0]], strict=True):
        found += [(row[0], row[1], True), (row[0] + row[4], row[1] + row[5], False),
                  (following[0] + following[2], following[1] + following[3], False)]  # fmt: skip
    return found


def moving(distance: float, shutter: float, **params: Any) -> Array:
    """A box of 10.5 by 8 px that moves right by `distance` in a frame, blurred."""
    # Not at the beginning, before which nothing moves.
    asked = Context({}, Roto.made, (WIDTH, HEIGHT), time=Fraction(1)).request
    rows = full(((20.25, 10.0), (30.75, 10.0), (30.75, 18.0), (20.25, 18.0)))
    roto = node(Roto, points=rows, shutter=shutter, **params)
    frames = [float((moment - asked.time) * asked.frame_rate) for moment in roto.moments(asked)]
    roto.then = tuple(
        node(Roto, points=tuple((row[0] + distance * frame, *row[1:]) for row in rows)) for frame in frames
    )
    return made(roto).filled(WHOLE)[..., 0].astype(np.float64)


def _curves_by_freetype() -> float:
    return largest(whole(hard(LEAF)), by_freetype([cubics(hard(LEAF))]))


def _holes_by_freetype() -> float:
    expected = by_freetype([cubics(LEAF), cubics(HOLE)], even_odd=True)
    return largest(whole((*hard(LEAF), *HOLE), fill="evenodd"), expected)


def _crossing_by_freetype() -> float:
    return largest(whole(EIGHT), by_freetype([[(x, y, True) for x, y in EIGHT]]))


def _curves_by_opencv() -> float:
    return largest(whole(hard(LEAF)), by_opencv([bezier(LEAF)], 32))


def _even_feather_by_scipy() -> float:
    covered, edge = by_freetype([cubics(LEAF)]), slope(np.abs(by_scipy([bezier(LEAF)])), 0.0, 8.0)
    return largest(whole(hard(LEAF), feather=8.0), covered + edge * (1.0 - covered))


def _varying_feather() -> float:
    """The largest of h (1 − |r − s|/w) over 2,000 points of each curve: w its own width, h lower where that is thin."""
    steps, curves = 2000, len(LEAF)
    widths, t = [row[6] for row in LEAF], np.arange(steps) / steps
    width = np.concatenate([widths[i] + (widths[(i + 1) % curves] - widths[i]) * t for i in range(curves)])
    x, y = centres()
    best = np.zeros((HEIGHT, WIDTH))
    for (sx, sy), w in zip(bezier(LEAF, steps), width, strict=True):
        np.maximum(best, min(w, 1.0) * (1.0 - np.hypot(x - sx, y - sy) / max(w, 1.0)), out=best)
    covered = by_freetype([cubics(LEAF)])
    return largest(whole(LEAF), covered + best * (1.0 - covered))


def _motion() -> float:
    """What a box covers of each pixel in the mean of all times: a trapezoid, in closed form."""
    distance, part = 24.0, 0.5
    low: Array = np.arange(WIDTH, dtype=np.float64)
    high: Array = low + 1.0

    def covered(edge: Array) -> Array:
        """∫ of the part of a pixel that lies right of an edge which goes from −way/2 to way/2 beyond it."""
        way = distance * part
        first, last = edge - way / 2, edge + way / 2

        def area(border: Array) -> Array:
            # Of a ramp from 0 at `first` to 1 at `last`, up to `border`.
            inside = np.clip(border, first, last) - first
            result: Array = inside * inside / (2 * way) + np.maximum(border - last, 0.0)
            return result

        return area(high) - area(low)

    row = covered(np.array(20.25)) - covered(np.array(30.75))
    expected = np.zeros((HEIGHT, WIDTH))
    expected[10:18] = row
    return largest(moving(distance, 180.0, shutter_samples=128), expected)


COMPARISONS = [
    Comparison("Roto", "FreeType's smooth rasteriser", "cubic curves", 4e-3, _curves_by_freetype),
    Comparison("Roto", "FreeType's smooth rasteriser", "two paths, even-odd", 4e-3, _holes_by_freetype),
    Comparison("Roto", "FreeType's smooth rasteriser", "a path across itself, non-zero", 2e-3, _crossing_by_freetype),
    Comparison("Roto", "OpenCV fillPoly, 32 × 32 finer", "cubic curves", 0.05, _curves_by_opencv),
    Comparison("Roto", "SciPy's distance transform, 16 × finer", "a feather of 8 px", 1e-2, _even_feather_by_scipy),
    Comparison("Roto", "float64, 6,000 points of the path", "a feather of 0 to 9 px along it", 6e-3, _varying_feather),
    Comparison("Roto", "closed form in float64", "a box's motion blur of 12 px, 128 samples", 5e-3, _motion),
]  # fmt: skip
