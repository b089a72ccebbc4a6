"""Meshes of patches over a picture."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Filter, Window
from libs.kernels import Places
from libs.kernels.warping import widths
from libs.kernels.weights import REACH

_PIECE: Final = 8.0
"""Pixels that a piece of a patch is long at most: within these it is almost flat."""
_MOST_PIECES: Final = 64
_SAMPLES: Final = 9
"""Points along each side of a patch where it is looked at."""
_APART: Final = 4
"""Patches from one to another that meet only where the mesh comes round again; bounds of nearer ones may anyway."""
_FAR: Final = 10**6
"""Beyond all that is read."""

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
    at, _, _ = _sampled(patches, beyond)
    return _window(at.reshape(-1, 2), 2 + _bulge(at))


def source_needed(patches: Places, shown: Window, source: tuple[float, float, float, float], filter: Filter) -> Window:
    """What is read of the picture for the part `shown` of the mesh; `source` as in `libs.kernels.mesh_places`.

    Where the mesh may lie over itself there it is everything.
    """
    u, v, du, dv = source
    at, by_s, by_t = _sampled(patches, 0.25)
    near = shown.grown(4 + _bulge(at))
    seen = [here for here in np.ndindex(at.shape[:2]) if not _window(at[here].reshape(-1, 2), 0).intersect(near).empty]
    if not seen:
        return Window(0, 0, 0, 0)
    dets = by_s[..., 0] * by_t[..., 1] - by_s[..., 1] * by_t[..., 0]
    if _overlap(np.array(seen), at, dets):
        # From one to the other places may step by all that lies between.
        return Window(-_FAR, -_FAR, 2 * _FAR, 2 * _FAR)
    needed = Window(0, 0, 0, 0)
    for here in seen:
        det = np.abs(dets[here]).min()
        steps = [
            float(np.hypot(*np.moveaxis(other[here], -1, 0)).max() * size / det)
            for other, size in ((by_t, du), (by_s, dv))
        ]
        x, y = (min(2 + 2 * (REACH[filter] + 1) * width, _FAR) for width in widths(*steps))
        left, top = u + here[1] * du, v + here[0] * dv
        needed = needed.union(_window(np.array([[left - x, top - y], [left + du + x, top + dv + y]]), 0))
    return needed


def _overlap(seen: NDArray[np.int64], at: Places, dets: NDArray[np.float64]) -> bool:
    """Whether one of these patches may lie over another, or over itself: the mesh folds, or comes round again."""
    found = dets[seen[:, 0], seen[:, 1]]
    if not found.min() * found.max() > 0.0:
        return True
    corners = at[seen[:, 0], seen[:, 1]].reshape(len(seen), -1, 2)
    low, high = corners.min(axis=1), corners.max(axis=1)
    meet = ((low[:, None] < high) & (low < high[:, None])).all(axis=-1)
    apart = np.abs(seen[:, None] - seen).max(axis=-1) >= _APART
    return bool((meet & apart).any())


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


def _bulge(at: Places) -> int:
    """How many pixels a patch goes beyond its points: a curve leaves a chord by an eighth of the second difference."""
    return math.ceil(sum(float(np.abs(np.diff(at, 2, axis=axis)).max()) for axis in (2, 3)) / 8)


def _window(points: Places, margin: int) -> Window:
    low, high = np.clip(points.min(axis=0), -1e7, 1e7), np.clip(points.max(axis=0), -1e7, 1e7)
    x, y = math.floor(low[0]) - margin, math.floor(low[1]) - margin
    return Window(x, y, math.ceil(high[0]) + margin - x, math.ceil(high[1]) + margin - y)
