"""Putting premultiplied pictures together, pixel by pixel."""

from __future__ import annotations

import numpy as np

from libs.kernels import checks, native
from libs.kernels.reference import composite as fallback
from libs.kernels.types import OPERATIONS, Pixels

__all__ = ["merge", "over", "premultiply", "unpremultiply"]


def over(a: Pixels, b: Pixels, amount: float | Pixels = 1.0, out: Pixels | None = None) -> Pixels:
    """a over b, both premultiplied [height, width, 4]: b + m(a + b(1 − α) − b) = ma + b(1 − mα).

    `amount`, m, is a number or a mask [height, width, 1]. The result goes to `out`, which may be a or b, or is new.
    Source: T. Porter and T. Duff, Compositing Digital Images, 1984.
    """
    return merge("over", a, b, amount, out)


def merge(operation: str, a: Pixels, b: Pixels, amount: float | Pixels = 1.0, out: Pixels | None = None) -> Pixels:
    """b + m(operation(a, b) − b), both premultiplied [height, width, 4]; `amount`, m, as for `over`.

    With A and B premultiplied colours and α, β their alphas (Porter and Duff, 1984; W3C Compositing and Blending
    Level 1 for the blend modes):

        over       A + B(1 − α)            under      B + A(1 − β)
        in         Aβ                      out        A(1 − β)
        atop       Aβ + B(1 − α)           xor        A(1 − β) + B(1 − α)
        mask       Bα                      stencil    B(1 − α)
        copy       A                       plus       A + B
        multiply   AB + A(1 − β) + B(1 − α)
        screen     A + B − AB
        overlay    2AB if 2B ≤ β, else αβ − 2(β − B)(α − A); and A(1 − β) + B(1 − α)
        darken     min(Aβ, Bα) + A(1 − β) + B(1 − α)
        lighten    max(Aβ, Bα) + A(1 − β) + B(1 − α)
        difference A + B − 2 min(Aβ, Bα)
        exclusion  Aβ + Bα − 2AB + A(1 − β) + B(1 − α)

    The first nine hold for alpha too; the others' alpha is α + β − αβ, and min(1, α + β) of plus. Nothing is clipped.
    ValueError for another operation.
    """
    if operation not in OPERATIONS:
        raise ValueError(f"no operation {operation!r}; there are {', '.join(OPERATIONS)}")
    a, b = checks.picture(a, "a", 4), checks.picture(b, "b", 4)
    checks.same_shape(a, b)
    amount = checks.amount(amount, a.shape)
    out = checks.result(out, a.shape)
    library = native.library()
    if library is None:
        fallback.merge(operation, a, b, amount, out)
        return out
    mask = amount if isinstance(amount, np.ndarray) else None
    library.artifex_merge(
        OPERATIONS.index(operation),
        native.address(a),
        native.stride(a),
        native.address(b),
        native.stride(b),
        None if mask is None else native.address(mask),
        0 if mask is None else native.stride(mask),
        amount if mask is None else 1.0,
        native.address(out),
        native.stride(out),
        a.shape[0],
        a.shape[1],
    )
    return out


def premultiply(pixels: Pixels, alpha: Pixels | None = None, out: Pixels | None = None) -> Pixels:
    """Colour times alpha, of [height, width, 4]; `out` may be `pixels`.

    Without `alpha` this undoes `unpremultiply`: by the pixel's own alpha, where 0 leaves colour as it is. With `alpha`,
    [height, width, 1], colour is multiplied by it everywhere and it becomes the result's alpha.
    """
    pixels = checks.picture(pixels, "pixels", 4)
    if alpha is not None:
        if alpha.shape != (*pixels.shape[:2], 1):
            raise ValueError(f"alpha of this picture is {[*pixels.shape[:2], 1]}, not {list(alpha.shape)}")
        alpha = checks.picture(alpha, "alpha", 1)
    out = checks.result(out, pixels.shape)
    library = native.library()
    if library is None:
        fallback.premultiply(pixels, alpha, out)
        return out
    library.artifex_premultiply(
        native.address(pixels),
        native.stride(pixels),
        None if alpha is None else native.address(alpha),
        0 if alpha is None else native.stride(alpha),
        native.address(out),
        native.stride(out),
        out.shape[0],
        out.shape[1],
    )
    return out


def unpremultiply(pixels: Pixels, out: Pixels | None = None) -> Pixels:
    """Colour over alpha, of [height, width, 4]; alpha 0 leaves colour as it is. `out` may be `pixels`."""
    pixels = checks.picture(pixels, "pixels", 4)
    out = checks.result(out, pixels.shape)
    library = native.library()
    if library is None:
        fallback.unpremultiply(pixels, out)
        return out
    library.artifex_unpremultiply(
        native.address(pixels), native.stride(pixels), native.address(out), native.stride(out), *out.shape[:2]
    )
    return out
