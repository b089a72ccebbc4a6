"""Sums over a fixed neighbourhood of each pixel."""

from __future__ import annotations

import ctypes
from typing import Final

from libs.kernels import checks, fourier, native
from libs.kernels.footprints import Footprint
from libs.kernels.reference import convolution as fallback
from libs.kernels.threads import over_rows
from libs.kernels.types import Pixels

__all__ = ["convolve"]

_MOST_STEPS: Final = 900
"""Of a footprint, for each pixel: beyond it, transforms cost less."""


def convolve(pixels: Pixels, footprint: Footprint, out: Pixels | None = None, threads: int = 1) -> Pixels:
    """Each pixel of the result is the sum of those of `pixels` that the footprint has around it, by its weights.

    `pixels`, [height, width, 4], has `top`, `bottom`, `left` and `right` more on its sides than the result, which
    `footprint.reach` tells: [height − top − bottom, width − left − right, 4]. `out` must not overlap `pixels`.
    ValueError where nothing would be left.

    Runs of weights are differences of sums in float32, which err by about 1e-7 of the brightest value within some
    hundred pixels to the sides. What is not a finite number spoils as far. Large footprints, as a disc with a radius of
    more than some 70 pixels, are left to Fourier transforms in float64, at the same cost for all sizes.
    """
    pixels = checks.picture(pixels, "pixels", 4)
    top, bottom, left, right = footprint.reach
    height, width = pixels.shape[0] - top - bottom, pixels.shape[1] - left - right
    if height < 0 or width < 0:
        raise ValueError(f"a picture of {list(pixels.shape[:2])} is smaller than what the footprint reaches")
    out = checks.result(out, (height, width, 4), apart=pixels)
    if out.size == 0:
        return out
    if len(footprint.taps) + 2 * len(footprint.runs) > _MOST_STEPS:
        fourier.convolve(pixels, footprint, out, threads)
        return out
    library = native.library()
    if library is None:
        fallback.convolve(pixels, footprint, out)
        return out
    given = _Footprint(
        len(footprint.taps),
        native.address(footprint.taps),
        native.address(footprint.tap_weights),
        len(footprint.runs),
        native.address(footprint.runs),
        native.address(footprint.run_weights),
        *footprint.reach,
    )

    def rows(first: int, count: int) -> None:
        native.check(
            library.artifex_convolve(
                native.address(pixels),
                native.stride(pixels),
                ctypes.addressof(given),
                width,
                first,
                count,
                native.address(out),
                native.stride(out),
            )
        )

    over_rows(rows, height, threads)
    return out


class _Footprint(ctypes.Structure):
    """`footprint` of src/convolve.c."""

    _fields_ = (
        ("taps", ctypes.c_int64),
        ("tap_at", ctypes.c_void_p),
        ("tap_weight", ctypes.c_void_p),
        ("runs", ctypes.c_int64),
        ("run_at", ctypes.c_void_p),
        ("run_weight", ctypes.c_void_p),
        ("top", ctypes.c_int64),
        ("bottom", ctypes.c_int64),
        ("left", ctypes.c_int64),
        ("right", ctypes.c_int64),
    )
