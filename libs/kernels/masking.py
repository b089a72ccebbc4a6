"""Masks made of a formula or of a picture: gradients and keys by range."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from libs.kernels import checks, native
from libs.kernels.reference import masking as fallback
from libs.kernels.types import MIDDLE_GREY, Pixels

__all__ = ["gradient", "range_key"]

_HARD: Final = 1e30
"""One over the length of a slope that has none: enough for any float's next to fall off it."""

Place = tuple[float, float, float]
"""Of a pixel's centre (x, y): m0 x + m1 y + m2."""


class _Gradient(ctypes.Structure):
    """`gradient` of src/mask.c."""

    _fields_ = (
        ("across", ctypes.c_double * 3),
        ("down", ctypes.c_double * 3),
        ("radial", ctypes.c_int32),
        ("smooth", ctypes.c_int32),
        ("steps", ctypes.c_int64),
        ("middles", ctypes.c_void_p),
        ("lengths", ctypes.c_void_p),
        ("rises", ctypes.c_void_p),
        ("first", ctypes.c_float),
    )


class _Range(ctypes.Structure):
    """`range` of src/mask.c."""

    _fields_ = (
        ("weights", ctypes.c_float * 3),
        ("stops", ctypes.c_int32),
        *((name, ctypes.c_float) for name in ("grey", "low", "low_per", "high", "high_per")),
    )


def gradient(
    shape: tuple[int, int],
    origin: tuple[int, int],
    across: Place,
    down: Place | None,
    stops: Sequence[tuple[float, float]],
    *,
    smooth: bool = False,
    out: Pixels | None = None,
) -> Pixels:
    """A gradient between stops: [height, width, 1], of `shape`, whose first pixel lies at `origin`, x and y.

    A point's place is `across` of it, or with `down` the length of the vector of both. `stops` are places and values,
    at least one, in order of place; before the first and after the last their values hold. From one stop to the next
    the value goes by u, from 0 to 1, or with `smooth` by 3u² − 2u³. No way between stops is shorter than a pixel, in
    whose middle it then lies, so that steps have no stairs. Parts are bit by bit parts of the whole. ValueError
    without stops, or where they are out of order.
    """
    if not stops or any(before > after for (before, _), (after, _) in pairwise(stops)):
        raise ValueError("a gradient has stops, in order of their places")
    out = checks.result(out, (*shape, 1))
    places, values = (native.floats(np.array(column)) for column in zip(*stops, strict=True))
    middles = native.floats((places[1:] + places[:-1]) / 2)
    lengths, rises = np.diff(places), np.diff(values)
    library = native.library()
    if library is None:
        fallback.gradient(origin, across, down, (middles, lengths, rises), float(values[0]), smooth, out)
        return out
    by = _Gradient(
        (ctypes.c_double * 3)(*across),
        (ctypes.c_double * 3)(*(down or (0.0, 0.0, 0.0))),
        down is not None,
        smooth,
        len(middles),
        native.address(middles),
        native.address(lengths),
        native.address(rises),
        float(values[0]),
    )
    library.artifex_gradient(ctypes.addressof(by), *origin, shape[1], shape[0], native.address(out), native.stride(out))
    return out


def range_key(
    pixels: Pixels,
    weights: tuple[float, float, float],
    low: float,
    high: float,
    slopes: tuple[float, float] = (0.0, 0.0),
    *,
    stops: bool = False,
    out: Pixels | None = None,
) -> Pixels:
    """Which pixels' weighted sum lies in a range: of [height, width, 4] a mask [height, width, 1].

    With v the sum of red, green and blue times `weights`, or with `stops` log2(v / 0.18), where what lies below the
    smallest normal float counts as that:

        clip((v − low) / slopes[0] + 1, 0, 1) · clip((high − v) / slopes[1] + 1, 0, 1)

    which is 1 from low to high and falls to 0 along the slopes, at once where these are 0. A NaN stays one.
    """
    pixels = checks.picture(pixels, "pixels", 4)
    out = checks.result(out, (*pixels.shape[:2], 1))
    per = (1.0 / slopes[0] if slopes[0] > 1.0 / _HARD else _HARD, 1.0 / slopes[1] if slopes[1] > 1.0 / _HARD else _HARD)
    library = native.library()
    if library is None:
        fallback.range_key(pixels, weights, low, high, per, stops, out)
        return out
    by = _Range((ctypes.c_float * 3)(*weights), stops, math.log2(MIDDLE_GREY), low, per[0], high, per[1])
    library.artifex_range(
        native.address(pixels),
        native.stride(pixels),
        ctypes.addressof(by),
        native.address(out),
        native.stride(out),
        *out.shape[:2],
    )
    return out
