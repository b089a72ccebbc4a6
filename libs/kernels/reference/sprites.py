"""Many small pictures drawn into one, each as an array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from libs.kernels.types import Pixels


def draw_sprites(
    pixels: Pixels, origin: tuple[int, int], sprites: npt.NDArray[Any], levels: Sequence[Pixels], *, over: bool
) -> None:
    height, width = pixels.shape[:2]
    for sprite in sprites:
        reach = float(sprite["outer"])
        left, right = _span(float(sprite["x"]) - origin[0], reach, width)
        top, bottom = _span(float(sprite["y"]) - origin[1], reach, height)
        if left >= right or top >= bottom:
            continue
        dx = (origin[0] + np.arange(left, right) + 0.5 - sprite["x"])[None, :]
        dy = (origin[1] + np.arange(top, bottom) + 0.5 - sprite["y"])[:, None]
        if levels:
            u = sprite["across"] * (sprite["cosine"] * dx + sprite["sine"] * dy)
            v = sprite["down"] * (sprite["cosine"] * dy - sprite["sine"] * dx)
            shape = _picture(levels[sprite["level"]], u, v)
        else:
            part = np.clip((reach - np.hypot(dx, dy)) / (reach - sprite["inner"]), 0.0, 1.0)
            shape = (part * part * (3.0 - 2.0 * part)).astype(np.float32)[..., None]
        light = shape * sprite["colour"]
        below = pixels[top:bottom, left:right]
        below[...] = light + below * (1.0 - light[..., 3:]) if over else below + light


def _span(middle: float, reach: float, size: int) -> tuple[int, int]:
    return max(0, math.floor(middle - reach)), min(size, math.ceil(middle + reach) + 1)


def _picture(level: Pixels, u: npt.NDArray[np.float64], v: npt.NDArray[np.float64]) -> Pixels:
    height, width = level.shape[:2]
    # With a border of nothing, into which all that lies outside is brought.
    padded = np.pad(level, ((1, 1), (1, 1), (0, 0)))
    at_x, at_y = np.clip(u + width / 2 + 0.5, 0.0, width + 1.0), np.clip(v + height / 2 + 0.5, 0.0, height + 1.0)
    x = np.minimum(np.floor(at_x).astype(np.int64), width)
    y = np.minimum(np.floor(at_y).astype(np.int64), height)
    fx, fy = (at_x - x).astype(np.float32)[..., None], (at_y - y).astype(np.float32)[..., None]
    above = padded[y, x] * (1.0 - fx) + padded[y, x + 1] * fx
    below = padded[y + 1, x] * (1.0 - fx) + padded[y + 1, x + 1] * fx
    result: Pixels = above * (1.0 - fy) + below * fy
    return result
