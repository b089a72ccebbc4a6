"""What is bright in a picture, and one picture turning into another."""

from __future__ import annotations

import ctypes

import numpy as np

from libs.kernels import checks, native
from libs.kernels.reference import highlights as fallback
from libs.kernels.types import Pixels

__all__ = ["highlights", "mix"]


def highlights(
    pixels: Pixels,
    threshold: float,
    knee: float,
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0),
    out: Pixels | None = None,
) -> Pixels:
    """The light of `pixels`, [height, width, 4], beyond a threshold, with an alpha of 0.

    With L the largest of a pixel's three channels, T the threshold and K the knee, both 0 or more, the share of its
    light that is given, times the gain of each channel, is

        0                         L ≤ T − K
        (L − T + K)² / (4 K L)    between
        (L − T) / L               L ≥ T + K

    so what is given begins softly and has no corner. Nothing of a channel that is not above 0; all of what is infinite.
    A pixel with a NaN gives NaN. `out` may be `pixels`. ValueError where one of the two is negative.
    """
    pixels = checks.picture(pixels, "pixels", 4)
    if not (threshold >= 0.0 and knee >= 0.0):
        raise ValueError(f"a threshold and its knee are 0 or more, not {threshold} and {knee}")
    out = checks.result(out, pixels.shape)
    library = native.library()
    if library is None:
        fallback.highlights(pixels, threshold, knee, gains, out)
        return out
    of = _Highlights(threshold, knee, gains)
    library.artifex_highlights(*native.rows(pixels), ctypes.addressof(of), *native.rows(out), *out.shape[:2])
    return out


def mix(a: Pixels, b: Pixels, amount: float | Pixels, out: Pixels | None = None) -> Pixels:
    """a(1 − m) + b m, of premultiplied pictures [height, width, 4].

    `amount`, m, is a number or a mask [height, width, 1]. Where it is 0 the result is a to the bit, and where it is 1
    it is b, even if the other is not finite there. `out` may be a or b.
    """
    a, b = checks.picture(a, "a", 4), checks.picture(b, "b", 4)
    checks.same_shape(a, b)
    amount = checks.amount(amount, a.shape)
    out = checks.result(out, a.shape)
    library = native.library()
    if library is None:
        fallback.mix(a, b, amount, out)
        return out
    mask = amount if isinstance(amount, np.ndarray) else None
    library.artifex_mix(
        *native.rows(a),
        *native.rows(b),
        *native.rows(mask),
        amount if mask is None else 0.0,
        *native.rows(out),
        *out.shape[:2],
    )
    return out


class _Highlights(ctypes.Structure):
    """`highlights` of src/highlights.c."""

    _fields_ = (
        ("threshold", ctypes.c_float),
        ("knee", ctypes.c_float),
        ("gains", ctypes.c_float * 3),
    )
