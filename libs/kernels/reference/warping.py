"""Reading a picture where a map says, by sums over gathered samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from libs.kernels.reference.resampling import sample
from libs.kernels.types import Filter, Matrix, Pixels
from libs.kernels.weights import REACH, widened_weights

if TYPE_CHECKING:
    from libs.kernels.warping import Level

_FAR: Final = 1e7
_DEEP: Final = 4.0
_LONG: Final = 32.0
_WIDEST: Final = 4096.0
_SAME: Final = 1.0 + 1e-6


@np.errstate(all="ignore")
def project(levels: list[Level], m: Matrix, name: Filter, out: Pixels) -> int:
    """By a matrix from (column, row) to samples. The number of a level that is missing, or 0."""
    x, y = np.meshgrid(np.arange(out.shape[1], dtype=np.float64), np.arange(out.shape[0], dtype=np.float64))
    w = m[2, 0] * x + (m[2, 1] * y + m[2, 2])
    px, py = ((m[row, 0] * x + (m[row, 1] * y + m[row, 2])) / w for row in (0, 1))
    sx = np.hypot((m[0, 0] - px * m[2, 0]) / w, (m[0, 1] - px * m[2, 1]) / w)
    sy = np.hypot((m[1, 0] - py * m[2, 0]) / w, (m[1, 1] - py * m[2, 1]) / w)
    return _read(levels, np.where(w > 0.0, px, np.nan), py, sx, sy, name, out)


@np.errstate(all="ignore")
def warp(levels: list[Level], places: Matrix, name: Filter, out: Pixels) -> int:
    """By places, in samples. The number of a level that is missing, or 0."""
    here = places[1:-1, 1:-1]
    sums = np.zeros_like(here)
    for before, behind in (
        (np.s_[1:-1, :-2], np.s_[1:-1, 2:]),
        (np.s_[:-2, 1:-1], np.s_[2:, 1:-1]),
    ):
        has, follows = (np.abs(places[side]) < _FAR for side in (before, behind))
        both = (places[behind] - places[before]) * 0.5
        one = np.where(follows, places[behind] - here, np.where(has, here - places[before], 0.0))
        sums += np.where(has & follows, both, one) ** 2
    steps = np.sqrt(sums)
    return _read(levels, here[..., 0], here[..., 1], steps[..., 0], steps[..., 1], name, out)


@np.errstate(all="ignore")
def shrink(pixels: Pixels, m: Matrix, name: Filter, out: Pixels) -> None:
    """By a scale and a shift, across and down apart."""
    columns = _sides(m[0, 0], m[0, 2], name, out.shape[1], pixels.shape[1])
    rows = _sides(m[1, 1], m[1, 2], name, out.shape[0], pixels.shape[0])
    for y, (top, down) in enumerate(rows):
        line = np.einsum("i,ijc->jc", down, pixels[top : top + down.size], dtype=np.float32)
        for x, (left, across) in enumerate(columns):
            out[y, x] = across @ line[left : left + across.size]


def halve(pixels: Pixels, shift: tuple[int, int], out: Pixels) -> None:
    """Means of four, of a picture that begins (0 or 1, 0 or 1) pixels inside of the first four."""
    whole = np.zeros((2 * out.shape[0], 2 * out.shape[1], out.shape[2]), np.float32)
    dx, dy = shift
    whole[dy : dy + pixels.shape[0], dx : dx + pixels.shape[1]] = pixels
    upper, lower = whole[0::2], whole[1::2]
    out[...] = ((upper[:, 0::2] + upper[:, 1::2]) + (lower[:, 0::2] + lower[:, 1::2])) * np.float32(0.25)


def _sides(
    scale: float, shift: float, name: Filter, count: int, size: int
) -> list[tuple[int, npt.NDArray[np.float32]]]:
    step = min(max(abs(scale), 1e-6 if name == "box" else 1.0), _WIDEST)
    result: list[tuple[int, npt.NDArray[np.float32]]] = []
    for place in scale * np.arange(count, dtype=np.float64) + shift:
        if not (abs(place) < _FAR and -REACH[name] * step - 1 < place < size + REACH[name] * step + 1):
            result.append((0, np.zeros(0, np.float32)))
            continue
        firsts, weights = widened_weights(name, np.array([place]), np.array([step]))
        first, line = int(firsts[0]), weights[0].astype(np.float32)
        line = line[max(0, -first) :][: max(0, size - max(first, 0))]
        result.append((max(first, 0), line))
    return result


def _read(levels: list[Level], x: Matrix, y: Matrix, sx: Matrix, sy: Matrix, name: Filter, out: Pixels) -> int:
    known = (np.abs(x) < _FAR) & (np.abs(y) < _FAR)
    sx, sy = np.minimum(sx, _WIDEST), np.minimum(sy, _WIDEST)
    out[...] = 0.0
    narrow = known & ((sx <= _SAME) & (sy <= _SAME) & (name != "box") | (name == "nearest"))
    if narrow.any():
        part = np.empty((int(narrow.sum()), out.shape[2]), np.float32)
        sample(levels[0].pixels, x[narrow], y[narrow], name, part)
        out[narrow] = part
    wide = known & ~narrow
    if not wide.any():
        return 0
    low, high = np.minimum(sx, sy)[wide], np.maximum(sx, sy)[wide]
    deep = np.maximum(np.ceil(np.log2(np.maximum(low / _DEEP, high / _LONG))), 0).astype(np.int64)
    if deep.max() >= len(levels):
        return int(deep.max())
    least = 1e-6 if name == "box" else 1.0
    values = np.zeros((deep.size, out.shape[2]), np.float32)
    for number in np.unique(deep):
        at, level, size = deep == number, levels[number], 2.0**number
        px, py = x[wide][at], y[wide][at]
        if number:
            px, py = ((place + 0.5 + moved) / size - 0.5 for place, moved in zip((px, py), level.shift, strict=True))
        across, down = (np.maximum(step[wide][at] / size, least) for step in (sx, sy))
        values[at] = _wide(level.pixels, px, py, across, down, name)
    out[wide] = values
    return 0


def _wide(pixels: Pixels, x: Matrix, y: Matrix, sx: Matrix, sy: Matrix, name: Filter) -> Pixels:
    height, width = pixels.shape[:2]
    left, across = widened_weights(name, x, sx)
    top, down = widened_weights(name, y, sy)
    across, down = across.astype(np.float32), down.astype(np.float32)
    result = np.zeros((x.size, pixels.shape[2]), np.float32)
    for i in range(down.shape[1]):
        row = top + i
        line = np.zeros_like(result)
        for j in range(across.shape[1]):
            column = left + j
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width) & (across[:, j] != 0)
            inside &= down[:, i] != 0
            line[inside] += pixels[row[inside], column[inside]] * across[inside, j, None]
        result += line * down[:, i, None]
    return result
