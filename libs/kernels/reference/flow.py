"""Flow put to use, in NumPy; what the native kernels are compared with. Formulas: `libs.kernels.flow`."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from libs.kernels.types import Pixels
from libs.kernels.weights import filter_weights

_DOUBTED: Final = np.float32(0.001)
_HIDDEN: Final = np.float32(3.0)
_Values = npt.NDArray[np.float32]


@np.errstate(all="ignore")
def agreement(there: Pixels, back: Pixels, out: Pixels) -> None:
    """Into `out` [height, width, 1], how far the flows agree."""
    if out.size == 0:
        return
    height, width = there.shape[:2]
    x, y = _grid(height, width)
    px, py = x + there[..., 0], y + there[..., 1]
    inside = (px >= -0.5) & (py >= -0.5) & (px <= width - 0.5) & (py <= height - 0.5)
    px, py = _clamped(px, width - 1), _clamped(py, height - 1)
    left = np.minimum(px.astype(np.int64), max(0, width - 2))
    top = np.minimum(py.astype(np.int64), max(0, height - 2))
    right, under = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    fx, fy = (px - left)[..., None], (py - top)[..., None]
    upper = back[top, left] * (1 - fx) + back[top, right] * fx
    lower = back[under, left] * (1 - fx) + back[under, right] * fx
    found = upper * (1 - fy) + lower * fy
    squares = (there * there).sum(-1) + (found * found).sum(-1)
    excess = ((there + found) ** 2).sum(-1) / (np.float32(0.01) * squares + np.float32(0.5))
    out[..., 0] = np.where(inside, _clamped(1 / (1 + excess * excess), 1), 0)


@np.errstate(all="ignore")
def splat(flow: Pixels, agreed: Pixels, share: float, sign: float, sums: Pixels) -> None:
    """Adds to `sums` [height, width, 4] what every point carries to where it comes to lie."""
    height, width = flow.shape[:2]
    x, y = _grid(height, width)
    px, py = x + np.float32(share) * flow[..., 0], y + np.float32(share) * flow[..., 1]
    agreed = agreed[..., 0]
    weight = _DOUBTED + (1 - _DOUBTED) * agreed
    values = np.stack([sign * flow[..., 0] * weight, sign * flow[..., 1] * weight, weight, sign * (1 - agreed)], -1)
    left, top = np.floor(px), np.floor(py)
    fx, fy = px - left, py - top
    for j, down in ((0, 1 - fy), (1, fy)):
        for i, across in ((0, 1 - fx), (1, fx)):
            column, row = left + i, top + j
            inside = (column >= 0) & (row >= 0) & (column < width) & (row < height)
            at = (row[inside] * width + column[inside]).astype(np.int64)
            amount = (down * across)[inside]
            for channel in range(4):
                part = np.bincount(at, amount * values[..., channel][inside], height * width)
                sums[..., channel] += part.reshape(height, width).astype(np.float32)


@np.errstate(all="ignore")
def between(a: Pixels, b: Pixels, sums: Pixels, share: float, out: Pixels) -> None:
    """Into `out` the picture at `share` of the way."""
    height, width = out.shape[:2]
    x, y = _grid(height, width)
    s = np.float32(share)
    u, v = sums[..., 0] / sums[..., 2], sums[..., 1] / sums[..., 2]
    only = sums[..., 3] / (np.abs(sums[..., 3]) + _HIDDEN * sums[..., 2])
    ax, ay, bx, by = x - s * u, y - s * v, x + (1 - s) * u, y + (1 - s) * v
    wa = (1 - s) * np.minimum(1 + only, 1) * _covered(ax, ay, width, height)
    wb = s * np.minimum(1 - only, 1) * _covered(bx, by, width, height)
    total = wa + wb
    seen = total > 1e-6
    wa, wb = np.where(seen, wa / total, 1 - s)[..., None], np.where(seen, wb / total, s)[..., None]
    first = np.where(wa > 0, _sampled(a, ax, ay) * wa, 0)
    out[...] = first + np.where(wb > 0, _sampled(b, bx, by) * wb, 0)


def _grid(height: int, width: int) -> tuple[_Values, _Values]:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y


def _clamped(x: _Values, high: int) -> _Values:
    """To 0 .. `high`; 0 of what is no number."""
    clamped: _Values = np.minimum(np.fmax(x, 0), high)
    return clamped


def _covered(x: _Values, y: _Values, width: int, height: int) -> _Values:
    across, down = _clamped(np.minimum(x + 1, width - x), 1), _clamped(np.minimum(y + 1, height - y), 1)
    covered: _Values = across * down
    return covered


def _sampled(pixels: Pixels, x: _Values, y: _Values) -> Pixels:
    height, width = pixels.shape[:2]
    x, y = _clamped(x, width - 1), _clamped(y, height - 1)
    left, top = np.floor(x), np.floor(y)
    across = filter_weights("cubic", (x - left).astype(np.float64)).astype(np.float32)
    down = filter_weights("cubic", (y - top).astype(np.float64)).astype(np.float32)
    result = np.zeros((*x.shape, 4), np.float32)
    for j in range(4):
        row = np.clip(top.astype(np.int64) - 1 + j, 0, height - 1)
        line = np.zeros_like(result)
        for i in range(4):
            column = np.clip(left.astype(np.int64) - 1 + i, 0, width - 1)
            line += pixels[row, column] * across[..., i, None]
        result += line * down[..., j, None]
    return result
