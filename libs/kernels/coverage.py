"""Outlines as pixels: exact coverage, and soft edges of any width."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from libs.kernels import checks, native
from libs.kernels.reference import coverage as fallback
from libs.kernels.threads import over_rows
from libs.kernels.types import RULES, Pixels, Rule

__all__ = ["coverage", "feather"]

Edges = npt.NDArray[np.float64]

_FARTHEST = 1e8
"""Pixels: beyond this a float64 does not tell the parts of a pixel well enough."""
_MOST_EDGES = 2 << 20
"""That the threads of one feather have together: each has its own."""


def coverage(
    edges: Edges,
    shape: tuple[int, int],
    origin: tuple[int, int],
    rule: Rule = "nonzero",
    out: Pixels | None = None,
    threads: int = 1,
) -> Pixels:
    """How much of each pixel the inside of closed outlines covers, 0 to 1: [height, width, 1], of `shape`.

    `edges`, [count, 4], are the outlines' straight edges x0, y0, x1, y1 in pixels, in any order; together they must be
    closed. `origin`, x and y, is where the first pixel lies. What is inside, `rule` says: by "nonzero" what outlines
    wind around, by "evenodd" what they wind around an odd number of times. "centres" gives 1 for pixels whose centre
    is inside by the first rule, and 0 for others.

    Coverage is exact to 10⁻⁶ for each edge in a pixel: signed areas to the right of edges, summed along rows (D.
    Turner's smooth rasteriser in FreeType; R. Levien's font-rs, 2016). Where outlines cross within a pixel, areas of
    opposite winding cancel and those of the same count at most once, as in these. By the native kernels a part of
    a picture is bit by bit a part of the whole. Memory: sixteen rows for each thread. Outlines may wind around a
    point 2,047 times. ValueError for edges that are not finite or beyond 10⁸ pixels.
    """
    edges = _checked(edges, 4)
    if rule not in RULES:
        raise ValueError(f"no rule {rule!r}; there are {', '.join(RULES)}")
    out = checks.result(out, (*shape, 1))
    library = native.library()
    if library is None:
        fallback.coverage(edges, origin, rule, out)
        return out
    _draw(partial(library.artifex_coverage, native.address(edges), len(edges), RULES.index(rule)), origin, out, threads)
    return out


def feather(
    edges: Edges, shape: tuple[int, int], origin: tuple[int, int], out: Pixels | None = None, threads: int = 1
) -> Pixels:
    """How far up the slopes around edges each pixel's centre lies, 0 to 1: [height, width, 1], of `shape`.

    `edges`, [count, 8], are x0, y0, x1, y1, the widths w of the slope at both ends, above 0, and its heights h, 0 to 1;
    widths and heights change linearly along an edge. A pixel at p has the largest of h(s) (1 − |p − s| / w(s)) of all
    points s of all edges, and 0 beyond every slope: of one width everywhere 1 − distance / width. Where h changes, it
    is that of the point s that is nearest by |p − s| / w(s). `origin` as of `coverage`; a part of a picture is bit by
    bit a part of the whole. Memory: 96 bytes for each edge and thread; more than 192 MiB only of a single
    thread. ValueError for edges that are not finite or beyond 10⁸ pixels, and for widths below 10⁻³ or heights outside
    0 to 1.
    """
    edges = _checked(edges, 8)
    if edges.size and (edges[:, 4:6].min() < 1e-3 or edges[:, 6:].min() < 0.0 or edges[:, 6:].max() > 1.0):
        raise ValueError("the slope around an edge has a width of 0.001 pixels or more, and a height from 0 to 1")
    out = checks.result(out, (*shape, 1))
    library = native.library()
    if library is None:
        fallback.feather(edges, origin, out)
        return out
    threads = min(threads, max(1, _MOST_EDGES // max(1, len(edges))))
    _draw(partial(library.artifex_feather, native.address(edges), len(edges)), origin, out, threads, multiple=16)
    return out


def _draw(kernel: Callable[..., int], origin: tuple[int, int], out: Pixels, threads: int, multiple: int = 1) -> None:
    """`out` by a kernel that is told where it begins, how many columns and rows are wanted, and where they go."""

    def rows(first: int, count: int) -> None:
        part = out[first : first + count]
        native.check(kernel(origin[0], origin[1] + first, out.shape[1], count, *native.rows(part)))

    over_rows(rows, out.shape[0], threads, multiple)


def _checked(edges: Edges, columns: int) -> Edges:
    edges = np.ascontiguousarray(edges, dtype=np.float64)
    if edges.ndim != 2 or edges.shape[1] != columns:
        raise ValueError(f"edges are [count, {columns}], not {list(edges.shape)}")
    if edges.size and not np.abs(edges).max() <= _FARTHEST:
        raise ValueError("edges are of finite numbers, at most 1e8 pixels from the origin")
    return edges
