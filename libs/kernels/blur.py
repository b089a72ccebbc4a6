"""Gaussian blur."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from libs.kernels import checks, native
from libs.kernels.reference import blur as fallback
from libs.kernels.room import ROOMS
from libs.kernels.threads import over_rows
from libs.kernels.types import Pixels
from libs.kernels.weights import TAIL, gaussian_reach, gaussian_weights

__all__ = ["gaussian", "gaussian_reach"]

_ALIASING: Final = 5e-7
"""Of the brightest value: how far sampling the blurred picture may bend it."""


def gaussian(
    pixels: Pixels,
    sigma_x: float,
    sigma_y: float,
    out: Pixels | None = None,
    threads: int = 1,
    origin: tuple[int, int] = (0, 0),
) -> Pixels:
    """`pixels`, [height, width, 1..4], blurred by a Gaussian of these standard deviations in pixels; 0 leaves a side.

    The weights exp(−x²/2σ²), scaled to the sum of 1, are cut off at `gaussian_reach(sigma)`. Outside lies transparent
    black. `out` may be `pixels`. ValueError for a sigma that is negative or no number.

    The native kernels compute wide blurs at two rates (src/blur.c), which differs from the weighted sum by at most
    1e-5 of the brightest value; `origin`, where the first pixel lies in the document (x, y), fixes the coarse grid, so
    that parts of a picture come out as they do in the whole. What is not a finite number spoils pixels as far as twice
    the reach.
    """
    pixels = checks.picture(pixels, "pixels")
    if not 1 <= pixels.shape[2] <= 4:
        raise ValueError(f"a picture to blur has 1 to 4 channels, not {pixels.shape[2]}")
    for sigma in (sigma_x, sigma_y):
        if not (math.isfinite(sigma) and sigma >= 0.0):
            raise ValueError(f"sigma is a number of pixels from 0 on, not {sigma}")
    out = checks.result(out, pixels.shape)
    if gaussian_reach(sigma_x) == gaussian_reach(sigma_y) == 0:
        np.copyto(out, pixels)
        return out
    if pixels.size == 0:
        return out
    library = native.library()
    if library is None:
        fallback.gaussian(pixels, sigma_x, sigma_y, out)
    elif pixels.shape[2] in (2, 3):
        # The native kernels know masks and RGBA.
        wide = np.zeros((*pixels.shape[:2], 4), np.float32)
        wide[..., : pixels.shape[2]] = pixels
        out[...] = gaussian(wide, sigma_x, sigma_y, wide, threads, origin)[..., : pixels.shape[2]]
    else:
        _two_rates(library, pixels, sigma_x, sigma_y, out, threads, origin)
    return out


def _two_rates(
    library: native.Library,
    pixels: Pixels,
    sigma_x: float,
    sigma_y: float,
    out: Pixels,
    threads: int,
    origin: tuple[int, int],
) -> None:
    height, width, channels = pixels.shape
    columns, rows = _side(width, _split(sigma_x), origin[0]), _side(height, _split(sigma_y), origin[1])
    direct = rows.step == 1
    # Without a second step down, `low` is the result, and nobody may write where others still read.
    in_place = direct and not np.may_share_memory(pixels, out)
    low = out if in_place else ROOMS.take((rows.low_size, width, channels))
    together = 16 // channels

    def down(first: int, count: int) -> None:
        native.check(
            library.artifex_blur_down(
                native.address(pixels),
                native.stride(pixels),
                channels,
                ctypes.addressof(rows),
                ctypes.addressof(columns),
                first,
                count,
                native.address(low),
                native.stride(low),
            )
        )

    def up(first: int, count: int) -> None:
        library.artifex_blur_up(
            native.address(low),
            native.stride(low),
            width * channels,
            ctypes.addressof(rows),
            first,
            count,
            native.address(out),
            native.stride(out),
        )

    over_rows(down, -(-rows.low_size // together), threads)
    if not direct:
        over_rows(up, height, threads, multiple=rows.step)
    elif not in_place:
        out[...] = low


class _Side(ctypes.Structure):
    """`side` of src/blur.c."""

    _fields_ = (
        ("size", ctypes.c_int64),
        ("step", ctypes.c_int64),
        ("low_first", ctypes.c_int64),
        ("low_size", ctypes.c_int64),
        ("down", ctypes.c_void_p),
        ("down_reach", ctypes.c_int64),
        ("up", ctypes.c_void_p),
        ("up_taps", ctypes.c_int64),
        ("up_first", ctypes.c_int64),
    )
    step: int
    low_size: int


@dataclass(frozen=True, eq=False)
class _Split:
    """One Gaussian as two, of which the first is computed at every `step`-th pixel only."""

    step: int
    down: npt.NDArray[np.float32]
    """2 · down_reach + 1 weights, with 3 · step zeros on both sides."""
    down_reach: int
    up: npt.NDArray[np.float32]
    """[step, taps]: for an output that lies so far behind a coarse sample, the weights of the coarse samples around."""
    up_reach: int


@lru_cache(maxsize=64)
def _split(sigma: float) -> _Split:
    """σ² = σ₁² + σ₂², with the coarse grid between.

    A signal left by σ₂ and sampled at every D-th pixel repeats its spectrum at 2π/D. σ₁ must take that off again: what
    stays is at most exp(−(2π/D)² σ₁² σ₂² / 2σ²), which is set to `_ALIASING`. With a = σ₁/D and r = σ/D this is
    a² (1 − a²/r²) = ln(1/_ALIASING) / 2π², which has a solution where r² is at least four times the right side.
    """
    needed = math.log(1.0 / _ALIASING) / (2.0 * math.pi**2)
    step = max(1, int(sigma / math.sqrt(4.1 * needed)))
    if step == 1:
        down = gaussian_weights(sigma)
        return _Split(1, _padded(down, 3), down.size // 2, np.ones((1, 1), np.float32), 0)
    ratio = (sigma / step) ** 2
    fine = step * math.sqrt(0.5 * ratio * (1.0 - math.sqrt(1.0 - 4.0 * needed / ratio)))
    coarse = math.sqrt(sigma * sigma - fine * fine)
    reach = math.ceil(TAIL * coarse)
    down = _bell(np.arange(-reach, reach + 1) / coarse)
    up_reach = int(TAIL * fine / step)
    taps = np.arange(-up_reach, up_reach + 2) * step
    up = _bell((taps[None, :] - np.arange(step)[:, None]) / fine)
    return _Split(step, _padded(down, 3 * step), reach, native.floats(up), up_reach)


def _bell(at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    weights: npt.NDArray[np.float64] = np.exp(-0.5 * at * at)
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def _padded(weights: npt.NDArray[np.float64], zeros: int) -> npt.NDArray[np.float32]:
    return native.floats(np.pad(weights, zeros))


def _side(size: int, split: _Split, origin: int) -> _Side:
    """The split laid over `size` pixels, with coarse samples at whole multiples of the step in the document."""
    if split.step == 1:
        first, count = 0, size
    else:
        first = -(origin % split.step) - split.step * split.up_reach
        count = (size - 1 - first) // split.step + split.up_reach + 2
    return _Side(
        size,
        split.step,
        first,
        count,
        native.address(split.down),
        split.down_reach,
        native.address(split.up),
        split.up.shape[1],
        -split.up_reach,
    )
