"""Putting premultiplied pictures together, pixel by pixel."""

from __future__ import annotations

import ctypes
from typing import Final

import numpy as np

from libs.kernels import checks, native
from libs.kernels.reference import composite as fallback
from libs.kernels.types import OPERATIONS, Pixels

__all__ = ["W3C_LUMA", "merge", "over", "premultiply", "unpremultiply", "with_alpha"]

W3C_LUMA: Final = (0.3, 0.59, 0.11)
"""The weights of the W3C's Lum, of display-encoded colour."""


def over(a: Pixels, b: Pixels, amount: float | Pixels = 1.0, out: Pixels | None = None) -> Pixels:
    """a over b, both premultiplied [height, width, 4]: b + m(a + b(1 − α) − b) = ma + b(1 − mα).

    `amount`, m, is a number or a mask [height, width, 1]. The result goes to `out`, which may be a or b, or is new.
    Source: T. Porter and T. Duff, Compositing Digital Images, 1984.
    """
    return merge("over", a, b, amount, out)


def merge(
    operation: str,
    a: Pixels,
    b: Pixels,
    amount: float | Pixels = 1.0,
    out: Pixels | None = None,
    luma: tuple[float, float, float] = W3C_LUMA,
) -> Pixels:
    """b + m(operation(a, b) − b), both premultiplied [height, width, 4]; `amount`, m, as for `over`.

    With A and B premultiplied colours and α, β their alphas, for all four channels:

        over              A + B(1 − α)               under             B + A(1 − β)
        in                Aβ                         out               A(1 − β)
        atop              Aβ + B(1 − α)              destination-atop  Bα + A(1 − β)
        mask              Bα                         stencil           B(1 − α)
        copy              A                          destination       B
        xor               A(1 − β) + B(1 − α)        clear             0
        conjoint-over     A + B(1 − α/β), A where α ≥ β > 0
        disjoint-over     A + B(1 − α)/β, A + B where α + β < 1
        average           (A + B)/2

    Only for colour; alpha is α + β − αβ, and min(1, α + β) of plus:

        plus   A + B      minus  A − B      from  B − A      matte  Aα + B(1 − α)

    All others are αβ·f(s, b) + A(1 − β) + B(1 − α) with straight s = A/α and b = B/β and f of the W3C or of another
    source; which, and what becomes of light below 0 and beyond 1, the node Merge tells. `…-extended` are the
    polynomials of screen, overlay and exclusion for all numbers. `luma` weighs red, green and blue for hue, saturation,
    color and luminosity. Finite pictures (up to 10^18) give finite results. ValueError for another operation.
    """
    if operation not in OPERATIONS:
        raise ValueError(f"no operation {operation!r}; there are {', '.join(OPERATIONS)}")
    a, b = checks.picture(a, "a", 4), checks.picture(b, "b", 4)
    checks.same_shape(a, b)
    amount = checks.amount(amount, a.shape)
    out = checks.result(out, a.shape)
    library = native.library()
    if library is None:
        fallback.merge(operation, a, b, amount, out, luma)
        return out
    mask = amount if isinstance(amount, np.ndarray) else None
    weights = (ctypes.c_float * 3)(*luma)
    library.artifex_merge(
        OPERATIONS.index(operation),
        *native.rows(a),
        *native.rows(b),
        *native.rows(mask),
        ctypes.addressof(weights),
        amount if mask is None else 1.0,
        *native.rows(out),
        *out.shape[:2],
    )
    return out


def premultiply(pixels: Pixels, alpha: Pixels | None = None, out: Pixels | None = None) -> Pixels:
    """Colour times alpha, of [height, width, 4]; `out` may be `pixels`.

    Without `alpha` this undoes `unpremultiply`: by the pixel's own alpha, where 0, up to 10⁻²⁰, leaves colour as it is.
    With `alpha`, [height, width, 1], colour is multiplied by it everywhere and it becomes the result's alpha.
    """
    pixels = checks.picture(pixels, "pixels", 4)
    if alpha is not None:
        alpha = checks.plane(alpha, "alpha", pixels.shape)
    out = checks.result(out, pixels.shape)
    library = native.library()
    if library is None:
        fallback.premultiply(pixels, alpha, out)
        return out
    library.artifex_premultiply(*native.rows(pixels), *native.rows(alpha), *native.rows(out), *out.shape[:2])
    return out


def unpremultiply(pixels: Pixels, out: Pixels | None = None) -> Pixels:
    """Colour over alpha, of [height, width, 4]; alpha 0, up to 10⁻²⁰, leaves colour as it is. `out` may be `pixels`.

    Light without coverage has no straight colour, and of next to none only what float32 cannot hold: so finite pictures
    (up to 10^18) give finite results.
    """
    pixels = checks.picture(pixels, "pixels", 4)
    out = checks.result(out, pixels.shape)
    library = native.library()
    if library is None:
        fallback.unpremultiply(pixels, out)
        return out
    library.artifex_unpremultiply(*native.rows(pixels), *native.rows(out), *out.shape[:2])
    return out


def with_alpha(pixels: Pixels, alpha: Pixels, around: Pixels | None = None, out: Pixels | None = None) -> Pixels:
    """Premultiplied [height, width, 4] with another alpha, [height, width, 1], and the straight colour that they had.

    P becomes P · alpha / α; where α is 0, up to 10⁻²⁰, it stays. With `around`, premultiplied colour of the pixels'
    surroundings, what a pixel gains has their straight colour E: P + (alpha − α) · E where alpha > α. Where they have
    none either, P stays. `out` may be `pixels`.
    """
    pixels = checks.picture(pixels, "pixels", 4)
    alpha = checks.plane(alpha, "alpha", pixels.shape)
    if around is not None:
        around = checks.picture(around, "around", 4)
        checks.same_shape(pixels, around)
    out = checks.result(out, pixels.shape)
    library = native.library()
    if library is None:
        fallback.with_alpha(pixels, alpha, around, out)
        return out
    library.artifex_with_alpha(
        *native.rows(pixels), *native.rows(alpha), *native.rows(around), *native.rows(out), *out.shape[:2]
    )
    return out
