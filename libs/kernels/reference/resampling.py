"""Moving a picture by sums over shifted copies of its samples."""

from __future__ import annotations

import numpy as np

from libs.kernels.types import Filter, Matrix, Pixels
from libs.kernels.weights import TAPS, filter_weights

_STRIP = 64
"""Rows worked on at once."""
_FAR = 1e7
"""Beyond this many pixels a point is outside of every picture."""


@np.errstate(all="ignore")
def resample(pixels: Pixels, to_sample: Matrix, name: Filter, out: Pixels) -> None:
    for top in range(0, out.shape[0], _STRIP):
        strip = out[top : top + _STRIP]
        x, y = _points(to_sample, top, strip.shape[0], strip.shape[1])
        sample(pixels, x, y, name, strip)


def _points(to_sample: Matrix, top: int, height: int, width: int) -> tuple[Matrix, Matrix]:
    """Of each output pixel the sample's index, as a fraction, across and down; far outside where there is none."""
    columns, rows = np.arange(width, dtype=np.float64), np.arange(top, top + height, dtype=np.float64)
    x, y, w = (
        to_sample[row, 0] * columns[None, :] + (to_sample[row, 1] * rows[:, None] + to_sample[row, 2])
        for row in range(3)
    )
    x, y = x / w, y / w
    near = (w > 0.0) & (np.abs(x) < _FAR) & (np.abs(y) < _FAR)
    return np.where(near, x, -_FAR), np.where(near, y, -_FAR)


def sample(pixels: Pixels, x: Matrix, y: Matrix, name: Filter, out: Pixels) -> None:
    height, width = pixels.shape[:2]
    taps = TAPS[name]
    if taps == 1:
        x, y = x + 0.5, y + 0.5
    left, top = np.floor(x), np.floor(y)
    across = filter_weights(name, x - left).astype(np.float32)
    down = filter_weights(name, y - top).astype(np.float32)
    left, top = left.astype(np.int64) - (taps - 1) // 2, top.astype(np.int64) - (taps - 1) // 2
    out[...] = 0.0
    for i in range(taps):
        row = top + i
        line = np.zeros_like(out)
        for j in range(taps):
            column = left + j
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            line[inside] += pixels[row[inside], column[inside]] * across[..., j][inside][:, None]
        out += line * down[..., i, None]
