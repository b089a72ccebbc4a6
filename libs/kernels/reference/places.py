"""Where pixels of a result are read, all pixels of a step at once."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
_TRIES: Final = 40


@np.errstate(all="ignore")
def lens(facts: Array, straighten: bool, x0: float, y0: float, places: Array) -> None:
    """See `artifex_lens`."""
    cx, cy, f = facts[:3]
    fold = facts[8]
    height, width = places.shape[:2]
    x, y = np.meshgrid((x0 + np.arange(width) - cx) / f, (y0 + np.arange(height) - cy) / f)
    if straighten:
        u, v, seen = _straightened(facts, x, y)
    else:
        (u, v), _ = _distorted(facts, x, y)
        seen = x * x + y * y <= fold
    places[..., 0] = np.where(seen, cx + f * u, np.nan)
    places[..., 1] = np.where(seen, cy + f * v, np.nan)


def _distorted(facts: Array, x: Array, y: Array) -> tuple[tuple[Array, Array], tuple[Array, Array, Array]]:
    k1, k2, k3, p1, p2 = facts[3:8]
    r = x * x + y * y
    c, dc = 1 + r * (k1 + r * (k2 + r * k3)), k1 + r * (2 * k2 + 3 * r * k3)
    to = (x * c + 2 * p1 * x * y + p2 * (r + 2 * x * x), y * c + p1 * (r + 2 * y * y) + 2 * p2 * x * y)
    across = c + 2 * x * x * dc + 2 * p1 * y + 6 * p2 * x
    mixed = 2 * x * y * dc + 2 * p1 * x + 2 * p2 * y
    down = c + 2 * y * y * dc + 6 * p1 * y + 2 * p2 * x
    return to, (across, mixed, down)


def _straightened(facts: Array, x: Array, y: Array) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    fold = facts[8]
    u, v = x.copy(), y.copy()
    lost = np.zeros(x.shape, np.bool_)
    for _ in range(_TRIES):
        r = u * u + v * v
        back = np.where(r > fold, 0.98 * np.sqrt(fold / r), 1.0)
        u, v = u * back, v * back
        at, (across, mixed, down) = _distorted(facts, u, v)
        ex, ey, det = x - at[0], y - at[1], across * down - mixed * mixed
        done = (np.abs(ex) < 1e-13 * (1 + np.abs(x))) & (np.abs(ey) < 1e-13 * (1 + np.abs(y)))
        if done.all():
            break
        lost |= ~done & ~(det > 1e-12)
        u = np.where(done, u, u + (ex * down - ey * mixed) / det)
        v = np.where(done, v, v + (ey * across - ex * mixed) / det)
    at, (across, mixed, down) = _distorted(facts, u, v)
    close = (np.abs(at[0] - x) < 1e-10 * (1 + np.abs(x))) & (np.abs(at[1] - y) < 1e-10 * (1 + np.abs(y)))
    return u, v, close & ~lost & (u * u + v * v <= fold) & (across * down - mixed * mixed > 0)


@np.errstate(all="ignore")
def mesh(
    patches: Array, steps: npt.NDArray[np.int32], source: Array, beyond: float, x0: float, y0: float, places: Array
) -> None:
    """See `artifex_mesh`."""
    rows, columns = patches.shape[:2]
    for inner in (False, True):
        for j in range(rows):
            for i in range(columns):
                across, down = (int(count) for count in steps[j, i])
                more_s, more_t = math.ceil(beyond * across), math.ceil(beyond * down)
                low_s, high_s = 0 if i else -more_s, across + (more_s if i == columns - 1 else 0)
                low_t, high_t = 0 if j else -more_t, down + (more_t if j == rows - 1 else 0)
                reach = 2.0 / min(across, down)
                sheet = _Sheet(patches[j, i], source[:2] + source[2:] * (i, j), source[2:], (x0, y0), reach, places)
                for b in range(low_t, high_t):
                    for a in range(low_s, high_s):
                        if (0 <= a < across and 0 <= b < down) == inner:
                            _piece(sheet, (a / across, b / down), ((a + 1) / across, (b + 1) / down))


class _Sheet(NamedTuple):
    """What the pieces of one patch share."""

    patch: Array
    corner: Array
    """What (0, 0) of it shows, and below how far it is to (1, 1)."""
    size: Array
    origin: tuple[float, float]
    reach: float
    """How far (s, t) may lie from where a piece says that it lies."""
    places: Array


def _piece(to: _Sheet, low: tuple[float, float], high: tuple[float, float]) -> None:
    st = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    at = _on_patch(to.patch, st[:, 0], st[:, 1])[0]
    for triangle in ([0, 1, 2], [0, 2, 3]):
        _triangle(to, at[triangle], st[triangle])


def _triangle(to: _Sheet, at: Array, st: Array) -> None:
    sides = np.stack([at[1] - at[0], at[2] - at[0]], axis=1)
    area = np.linalg.det(sides)
    if not abs(area) > 1e-12:
        return
    height, width = to.places.shape[:2]
    low = np.ceil(np.maximum(at.min(axis=0) - to.origin, 0.0) - 1e-9).astype(int)
    high = np.floor(np.minimum(at.max(axis=0) - to.origin, (width - 1, height - 1)) + 1e-9).astype(int)
    if (high < low).any():
        return
    columns, rows = (found.ravel() for found in np.meshgrid(np.arange(low[0], high[0] + 1),
                                                            np.arange(low[1], high[1] + 1)))  # fmt: skip
    points = np.stack([columns, rows], axis=1) + np.array(to.origin)
    x, y = (points - at[0]).T
    q, r = (x * sides[1, 1] - y * sides[0, 1]) / area, (y * sides[0, 0] - x * sides[1, 0]) / area
    inside = (q >= -1e-9) & (r >= -1e-9) & (q + r <= 1 + 1e-9)
    start = st[0] + q[inside, None] * (st[1] - st[0]) + r[inside, None] * (st[2] - st[0])
    solved = _solved(to.patch, points[inside], start, to.reach)
    to.places[rows[inside], columns[inside]] = to.corner + solved * to.size


def _solved(patch: Array, points: Array, start: Array, reach: float) -> Array:
    """(s, t) of points; the start where the patch folds."""
    found, exact = start.copy(), np.zeros(len(points), np.bool_)
    trying = np.ones(len(points), np.bool_)
    for _ in range(12):
        at, by_s, by_t = _on_patch(patch, found[:, 0], found[:, 1])
        error = points - at
        exact |= trying & (np.abs(error) < 1e-10).all(axis=1)
        det = by_s[:, 0] * by_t[:, 1] - by_s[:, 1] * by_t[:, 0]
        trying &= ~exact & ~(np.abs(det) < 1e-12)
        step = np.stack(
            [
                (error[:, 0] * by_t[:, 1] - error[:, 1] * by_t[:, 0]) / det,
                (error[:, 1] * by_s[:, 0] - error[:, 0] * by_s[:, 1]) / det,
            ],
            axis=1,
        )
        found[trying] += step[trying]
        trying &= (np.abs(found - start) <= reach).all(axis=1)
    return np.where(exact[:, None], found, start)


def _on_patch(patch: Array, s: Array, t: Array) -> tuple[Array, Array, Array]:
    powers_s, powers_t = s[:, None] ** np.arange(4), t[:, None] ** np.arange(4)
    slopes_s, slopes_t = (
        np.concatenate([np.zeros((len(at), 1)), at[:, None] ** np.arange(3) * [1, 2, 3]], axis=1) for at in (s, t)
    )
    return (
        np.einsum("nj,ni,jix->nx", powers_t, powers_s, patch),
        np.einsum("nj,ni,jix->nx", powers_t, slopes_s, patch),
        np.einsum("nj,ni,jix->nx", slopes_t, powers_s, patch),
    )
