"""Half floats, for caches and for passing pictures on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from libs.kernels import checks, native
from libs.kernels.types import Pixels

__all__ = ["from_half", "to_half"]

Half = npt.NDArray[np.float16]


def to_half(pixels: Pixels, out: Half | None = None) -> Half:
    """`pixels` as IEEE 754 binary16, rounded to nearest, ties to even: 11 significant bits, infinity beyond 65504."""
    pixels = checks.picture(pixels, "pixels")
    if out is None:
        out = np.empty(pixels.shape, np.float16)
    elif out.shape != pixels.shape or out.dtype != np.float16 or not out.flags.c_contiguous:
        raise ValueError(f"out is contiguous float16 {list(pixels.shape)}, not {out.dtype} {list(out.shape)}")
    library = native.library()
    if library is None:
        with np.errstate(all="ignore"):
            np.copyto(out, pixels, casting="same_kind")
        return out
    height, width, channels = out.shape
    library.artifex_to_half(
        native.address(pixels), native.stride(pixels), native.address(out), native.stride(out), height, width * channels
    )
    return out


def from_half(half: Half, out: Pixels | None = None) -> Pixels:
    """Half floats [height, width, channels] as float32; exact."""
    if half.ndim != 3 or half.dtype != np.float16:
        raise ValueError(f"half is float16 [height, width, channels], not {half.dtype} {list(half.shape)}")
    out = checks.result(out, half.shape)
    library = native.library()
    if library is None:
        np.copyto(out, half)
        return out
    half = np.ascontiguousarray(half)
    height, width, channels = out.shape
    library.artifex_from_half(
        native.address(half), native.stride(half), native.address(out), native.stride(out), height, width * channels
    )
    return out
