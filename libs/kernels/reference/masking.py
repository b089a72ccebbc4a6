"""Gradients and keys by range in NumPy; what the native kernels are compared with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from libs.kernels.types import MIDDLE_GREY, Pixels

_Floats = npt.NDArray[np.float32]
_Place = tuple[float, float, float]
_LEAST_PIXEL = 1e-12


@np.errstate(all="ignore")
def gradient(
    origin: tuple[int, int],
    across: _Place,
    down: _Place | None,
    steps: tuple[_Floats, _Floats, _Floats],
    first: float,
    smooth: bool,
    out: Pixels,
) -> None:
    height, width = out.shape[:2]
    x = np.arange(origin[0], origin[0] + width)[None, :] + 0.5
    y = np.arange(origin[1], origin[1] + height)[:, None] + 0.5
    place = across[0] * x + across[1] * y + across[2]
    pixel = np.full_like(place, np.hypot(across[0], across[1]))
    if down is not None:
        other = down[0] * x + down[1] * y + down[2]
        length = np.hypot(place, other)
        slope = np.hypot(place * across[0] + other * down[0], place * across[1] + other * down[1])
        pixel = np.where(length > 0.0, slope / length, pixel)
        place = length
    pixel = np.maximum(pixel, _LEAST_PIXEL)
    value = np.full_like(place, first)
    for middle, size, rise in zip(*steps, strict=True):
        u = np.clip((place - middle) / np.maximum(pixel, size) + 0.5, 0.0, 1.0)
        value += rise * (u * u * (3.0 - 2.0 * u) if smooth else u)
    out[..., 0] = value


@np.errstate(all="ignore")
def range_key(
    pixels: Pixels,
    weights: tuple[float, float, float],
    low: float,
    high: float,
    per: tuple[float, float],
    stops: bool,
    out: Pixels,
) -> None:
    value = pixels[..., :3] @ np.array(weights, np.float32)
    if stops:
        least = np.float32(np.finfo(np.float32).tiny)
        value = np.log2(np.where(value < least, least, value)) - np.float32(np.log2(MIDDLE_GREY))
    up = np.clip((value - np.float32(low)) * np.float32(per[0]) + 1.0, 0.0, 1.0)
    down = np.clip((np.float32(high) - value) * np.float32(per[1]) + 1.0, 0.0, 1.0)
    out[..., 0] = up * down
