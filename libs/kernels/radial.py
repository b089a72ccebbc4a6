"""Means along rays through a point and along arcs around it."""

from __future__ import annotations

import ctypes
from typing import Final

from libs.kernels import checks, native
from libs.kernels.reference import radial as fallback
from libs.kernels.threads import over_rows
from libs.kernels.types import Pixels

__all__ = ["MOST_SAMPLES", "radial"]

MOST_SAMPLES: Final = 1024
"""Of a pixel: where its way is longer than so many pixels, they lie farther apart."""
_FARTHEST: Final = 1e9
"""So that lengths and places are whole numbers of 64 bits."""


def radial(
    pixels: Pixels,
    centre: tuple[float, float],
    amount: float,
    size: tuple[int, int],
    origin_out: tuple[int, int],
    origin_in: tuple[int, int],
    *,
    spin: bool,
    repeat: bool,
    out: Pixels | None = None,
    threads: int = 1,
) -> Pixels:
    """A new picture of `size` (height, width): each pixel is the mean of a way through it, half of it on each side.

    Zoom: the way lies on the ray from `centre`, (x, y) in the document's pixels, and is `amount` of the distance long.
    Spin: it lies on the circle around `centre`, and is `amount` radians long. Of a way of l pixels, n = 1 + ⌈l⌉ samples
    are taken in the middles of n equal parts, at most `MOST_SAMPLES`, each read bilinearly from `pixels`,
    [height, width, 4], premultiplied. What lies outside is transparent black, or with `repeat` the nearest pixel of the
    edge. `origin_out` and `origin_in` say where the first pixels of the result and of `pixels` lie, x first. `out` must
    not overlap `pixels`. ValueError for a centre or an amount that is no number, or beyond a thousand million.
    """
    pixels = checks.picture(pixels, "pixels", 4)
    if not all(abs(number) <= _FARTHEST for number in (*centre, amount)):
        raise ValueError(
            f"the centre and the amount are finite numbers of at most {_FARTHEST:g}, not {centre}, {amount}"
        )
    out = checks.result(out, (*size, 4), apart=pixels)
    if out.size == 0:
        return out
    if pixels.size == 0:
        out[...] = 0.0
        return out
    # A way has two halves: a negative amount is the same way.
    at = (centre[0] - 0.5 - origin_in[0], centre[1] - 0.5 - origin_in[1])
    first = (float(origin_out[0] - origin_in[0]), float(origin_out[1] - origin_in[1]))
    way = _Radial(*pixels.shape[:2], *at, abs(amount), *first, int(spin), int(repeat), MOST_SAMPLES)
    library = native.library()
    if library is None:
        fallback.radial(pixels, at, abs(amount), first, out, spin=spin, repeat=repeat, most=MOST_SAMPLES)
        return out

    def rows(begin: int, count: int) -> None:
        library.artifex_radial(
            native.address(pixels),
            native.stride(pixels),
            ctypes.addressof(way),
            size[1],
            begin,
            count,
            native.address(out),
            native.stride(out),
        )

    over_rows(rows, size[0], threads)
    return out


class _Radial(ctypes.Structure):
    """`radial` of src/radial.c."""

    _fields_ = (
        ("height", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("x", ctypes.c_double),
        ("y", ctypes.c_double),
        ("amount", ctypes.c_double),
        ("origin_x", ctypes.c_double),
        ("origin_y", ctypes.c_double),
        ("spin", ctypes.c_int32),
        ("repeat", ctypes.c_int32),
        ("most_samples", ctypes.c_int64),
    )
