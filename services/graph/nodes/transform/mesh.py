"""Meshes of patches over a picture."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Filter, Window
from libs.kernels import Places
from libs.kernels.weights import REACH

_PIECE: Final = 8.0
"""Pixels that a piece of a patch is long at most: within these it is almost flat."""
_MOST_PIECES: Final = 64
_SAMPLES: Final = 9
"""Points along each side of a patch where it is looked at."""

# Coefficients of 1, s, s² and s³ of a piece between the second and the third of four points.
_SMOOTH: Final = np.array([[0.0, 1.0, 0.0, 0.0], [-0.5, 0.0, 0.5, 0.0], [1.0, -2.5, 2.0, -0.5], [-0.5, 1.5, -1.5, 0.5]])
_STRAIGHT: Final = np.array([[0.0, 1.0, 0.0, 0.0], [0.0, -1.0, 1.0, 0.0], [0.0] * 4, [0.0] * 4])


def patches_of(points: NDArray[np.float64], *, smooth: bool) -> Places:
    """[rows − 1, columns − 1, 4, 4, 2] of points [rows, columns, 2]: see `libs.kernels.mesh_places`.

    Smooth ones are the tensor product of Catmull's and Rom's splines; beyond the border points go on as the last two
    do. Others are bilinear.
    """
    for axis in (0, 1):
        ends = np.take(points, [0, 1, -2, -1], axis=axis)
        first, second, third, last = np.moveaxis(ends, axis, 0)
        before, behind = (np.expand_dims(end, axis) for end in (2 * first - second, 2 * last - third))
        points = np.concatenate([before, points, behind], axis=axis)
    blend = _SMOOTH if smooth else _STRAIGHT
    windows = np.lib.stride_tricks.sliding_window_view(points, (4, 4), axis=(0, 1))  # [..., x or y, row, column]
    return np.ascontiguousarray(np.einsum("tj,si,rcxji->rctsx", blend, blend, windows))


def steps_of(patches: Places) -> NDArray[np.int32]:
    """[rows, columns, 2]: how many pieces each patch is cut in, across and down."""
    at, _, _ = _sampled(patches, 0.0)
    across = np.hypot(*np.moveaxis(np.diff(at, axis=3), -1, 0)).sum(axis=3).max(axis=2)
    down = np.hypot(*np.moveaxis(np.diff(at, axis=2), -1, 0)).sum(axis=2).max(axis=2)
    pieces = np.ceil(np.stack([across, down], axis=-1) / _PIECE)
    return np.clip(pieces, 1, _MOST_PIECES).astype(np.int32)


def seen_window(patches: Places, beyond: float) -> Window:
    """Pixels that the mesh can show anything in."""
    return _window(_sampled(patches, beyond)[0].reshape(-1, 2), 2)


def source_needed(patches: Places, shown: Window, source: tuple[float, float, float, float], filter: Filter) -> Window:
    """What is read of the picture for the part `shown` of the mesh; `source` as in `libs.kernels.mesh_places`."""
    u, v, du, dv = source
    at, by_s, by_t = _sampled(patches, 0.25)
    needed = Window(0, 0, 0, 0)
    for row in range(patches.shape[0]):
        for column in range(patches.shape[1]):
            here = (row, column)
            if _window(at[here].reshape(-1, 2), 4).intersect(shown).empty:
                continue
            det = np.abs(by_s[here][..., 0] * by_t[here][..., 1] - by_s[here][..., 1] * by_t[here][..., 0]).min()
            reach = 2.0 * (REACH[filter] + 1)
            with np.errstate(divide="ignore"):
                x = 2 + reach * max(1.0, float(np.hypot(*np.moveaxis(by_t[here], -1, 0)).max() * du / det))
                y = 2 + reach * max(1.0, float(np.hypot(*np.moveaxis(by_s[here], -1, 0)).max() * dv / det))
            x, y = min(x, 1e6), min(y, 1e6)
            corners = np.array([[u + column * du - x, v + row * dv - y], [u + (column + 1) * du + x,
                                                                          v + (row + 1) * dv + y]])  # fmt: skip
            needed = needed.union(_window(corners, 0))
    return needed


def _sampled(patches: Places, beyond: float) -> tuple[Places, Places, Places]:
    """Points of each patch, and their derivatives by s and by t, [rows, columns, down, across, 2]."""
    at = np.linspace(-beyond, 1 + beyond, _SAMPLES)
    powers = at[:, None] ** np.arange(4)
    slopes = np.stack([np.zeros_like(at), np.ones_like(at), 2 * at, 3 * at**2], axis=1)
    points, by_s, by_t = (
        np.einsum("bt,as,rctsx->rcbax", down, across, patches)
        for down, across in ((powers, powers), (powers, slopes), (slopes, powers))
    )
    return points, by_s, by_t


def _window(points: Places, margin: int) -> Window:
    low, high = np.clip(points.min(axis=0), -1e7, 1e7), np.clip(points.max(axis=0), -1e7, 1e7)
    x, y = math.floor(low[0]) - margin, math.floor(low[1]) - margin
    return Window(x, y, math.ceil(high[0]) + margin - x, math.ceil(high[1]) + margin - y)
