"""Keys: what stands before a screen of one colour."""

from __future__ import annotations

import ctypes

import numpy as np

from libs.kernels import checks, native
from libs.kernels.reference import chroma_key as fallback
from libs.kernels.types import Pixels

__all__ = ["chroma_key"]


class _Key(ctypes.Structure):
    """`key` of src/key.c."""

    _fields_ = (
        ("screen", ctypes.c_float * 3),
        ("key", ctypes.c_int32),
        *((name, ctypes.c_float) for name in ("gain", "black", "white", "softness", "despill")),
        ("average", ctypes.c_int32),
        ("balance", ctypes.c_float * 3),
    )


def chroma_key(
    pixels: Pixels,
    *,
    screen: tuple[float, float, float],
    gain: float = 1.0,
    black: float = 0.0,
    white: float = 1.0,
    softness: float = 0.0,
    despill: float = 1.0,
    average: bool = False,
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0),
    plate: Pixels | None = None,
    core: Pixels | None = None,
    garbage: Pixels | None = None,
    out: Pixels | None = None,
) -> Pixels:
    """What stands before a screen of one colour: premultiplied RGBA, [height, width, 4].

    With P the premultiplied pixel, a its alpha, S the screen's colour, k its largest channel, p, q the other two and w
    their `balance` (the key channel's own is not used):

        D     = S[k] − max(w[p] S[p], w[q] S[q])
        raw   = clip(1 − gain · (P[k] − max(w[p] P[p], w[q] P[q])) / (a · D), 0, 1);  1 where a · D is not above 0
        step  = clip((raw − black) / (white − black), 0, 1)
        matte = step + softness · (step² (3 − 2 step) − step)
        F     = (P − min((1 − raw) · a · max(S, 0), max(P, 0))) · (matte / raw);  0 where raw is 0
        F[k] −= despill · max(0, F[k] − L),  L = max(w[p] F[p], w[q] F[q]), or their mean with `average`
        alpha = a · matte

    `plate`, [height, width, 4], is S for each pixel, of which k is that of `screen`; its alpha is not used. `core` and
    `garbage`, [height, width, 1] from 0 to 1, then change the result, with P' the pixel itself, despilled by the same
    rule: F + core · (P' − F) and alpha + core · (a − alpha); then all four times 1 − garbage.
    `out` may be `pixels`. ValueError where `white` does not lie above `black`.

    The difference of the key channel and the larger other one is P. Vlahos' travelling matte (US patent 4,007,487).
    """
    pixels = checks.picture(pixels, "pixels", 4)
    if not white > black:
        raise ValueError(f"white ({white}) must lie above black ({black})")
    core = None if core is None else checks.plane(core, "core", pixels.shape)
    garbage = None if garbage is None else checks.plane(garbage, "garbage", pixels.shape)
    if plate is not None:
        plate = checks.picture(plate, "plate", 4)
        checks.same_shape(pixels, plate)
    out = checks.result(out, pixels.shape)
    library = native.library()
    if library is None:
        fallback.chroma_key(
            pixels,
            screen=screen,
            gain=gain,
            black=black,
            white=white,
            softness=softness,
            despill=despill,
            average=average,
            balance=balance,
            plate=plate,
            core=core,
            garbage=garbage,
            out=out,
        )
        return out
    numbers = ctypes.c_float * 3
    key = int(np.argmax(screen))
    by = _Key(numbers(*screen), key, gain, black, white, softness, despill, average, numbers(*balance))
    library.artifex_chroma_key(
        *native.rows(pixels),
        ctypes.addressof(by),
        *native.rows(core),
        *native.rows(garbage),
        *native.rows(plate),
        *native.rows(out),
        *out.shape[:2],
    )
    return out
