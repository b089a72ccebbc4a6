"""Means along rays and arcs, sample by sample."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from libs.kernels.types import Pixels

Numbers = npt.NDArray[np.float64]


@np.errstate(all="ignore")
def radial(
    pixels: Pixels,
    centre: tuple[float, float],
    amount: float,
    first: tuple[float, float],
    out: Pixels,
    *,
    spin: bool,
    repeat: bool,
    most: int,
) -> None:
    height, width = out.shape[:2]
    x = (first[0] + np.arange(width) - centre[0])[None, :] + np.zeros((height, 1))
    y = (first[1] + np.arange(height) - centre[1])[:, None] + np.zeros((1, width))
    samples = np.minimum(most, 1 + np.ceil(np.hypot(x, y) * amount))
    out[...] = 0.0
    for number in range(int(samples.max())):
        rows, columns = np.nonzero(number < samples)
        n = samples[rows, columns]
        part = amount * ((number + 0.5) / n - 0.5)
        dx, dy = x[rows, columns], y[rows, columns]
        if spin:
            at_x, at_y = np.cos(part) * dx - np.sin(part) * dy, np.sin(part) * dx + np.cos(part) * dy
        else:
            at_x, at_y = dx * (1.0 + part), dy * (1.0 + part)
        read = _bilinear(pixels, centre[0] + at_x, centre[1] + at_y, repeat=repeat)
        out[rows, columns] += read
    out /= samples[..., None].astype(np.float32)


def _bilinear(pixels: Pixels, x: Numbers, y: Numbers, *, repeat: bool) -> Pixels:
    height, width = pixels.shape[:2]
    column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = (x - column).astype(np.float32)[:, None], (y - row).astype(np.float32)[:, None]
    result = np.zeros((x.size, pixels.shape[2]), np.float32)
    for j, wy in ((0, 1.0 - fy), (1, fy)):
        for i, wx in ((0, 1.0 - fx), (1, fx)):
            at_x, at_y = column + i, row + j
            inside = (at_x >= 0) & (at_x < width) & (at_y >= 0) & (at_y < height)
            part = pixels[np.clip(at_y, 0, height - 1), np.clip(at_x, 0, width - 1)] * (wx * wy)
            result += part if repeat else np.where(inside[:, None], part, np.float32(0.0))
    return result
