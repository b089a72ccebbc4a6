"""Putting premultiplied pictures together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from libs.kernels.types import Pixels

Formula = Callable[[Pixels, Pixels, Pixels, Pixels], Pixels]
"""Of a, b and their alphas (one channel wide) the result."""


def _overlay(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    dark = 2.0 * a * b
    bright = aa * ba - 2.0 * (ba - b) * (aa - a)
    return np.where(2.0 * b <= ba, dark, bright) + a * (1.0 - ba) + b * (1.0 - aa)


_PORTER_DUFF: Final[dict[str, Formula]] = {
    "over": lambda a, b, aa, ba: a + b * (1.0 - aa),
    "under": lambda a, b, aa, ba: b + a * (1.0 - ba),
    "in": lambda a, b, aa, ba: a * ba,
    "out": lambda a, b, aa, ba: a * (1.0 - ba),
    "atop": lambda a, b, aa, ba: a * ba + b * (1.0 - aa),
    "xor": lambda a, b, aa, ba: a * (1.0 - ba) + b * (1.0 - aa),
    "mask": lambda a, b, aa, ba: b * aa,
    "stencil": lambda a, b, aa, ba: b * (1.0 - aa),
    "copy": lambda a, b, aa, ba: a,
}
"""Hold for all four channels alike."""

_BLENDS: Final[dict[str, Formula]] = {
    "plus": lambda a, b, aa, ba: a + b,
    "multiply": lambda a, b, aa, ba: a * b + a * (1.0 - ba) + b * (1.0 - aa),
    "screen": lambda a, b, aa, ba: a + b - a * b,
    "overlay": _overlay,
    "darken": lambda a, b, aa, ba: np.minimum(a * ba, b * aa) + a * (1.0 - ba) + b * (1.0 - aa),
    "lighten": lambda a, b, aa, ba: np.maximum(a * ba, b * aa) + a * (1.0 - ba) + b * (1.0 - aa),
    "difference": lambda a, b, aa, ba: a + b - 2.0 * np.minimum(a * ba, b * aa),
    "exclusion": lambda a, b, aa, ba: a * ba + b * aa - 2.0 * a * b + a * (1.0 - ba) + b * (1.0 - aa),
}
"""Hold for colour; alpha is that of over, and of plus the sum up to 1."""


@np.errstate(all="ignore")
def over(a: Pixels, b: Pixels, amount: float | Pixels, out: Pixels) -> None:
    # b + m(a + b(1 − α) − b) = ma + b(1 − mα)
    scaled = a * np.asarray(amount, dtype=np.float32)
    np.add(scaled, b * (1.0 - scaled[..., 3:]), out=out)


@np.errstate(all="ignore")
def merge(operation: str, a: Pixels, b: Pixels, amount: float | Pixels, out: Pixels) -> None:
    if operation == "over":
        over(a, b, amount, out)
        return
    aa, ba = a[..., 3:], b[..., 3:]
    if operation in _PORTER_DUFF:
        result = _PORTER_DUFF[operation](a, b, aa, ba)
    else:
        result = _BLENDS[operation](a, b, aa, ba)
        result[..., 3:] = np.minimum(aa + ba, 1.0) if operation == "plus" else aa + ba - aa * ba
    if isinstance(amount, float) and amount == 1.0:
        out[...] = result
    else:
        np.add(b, np.asarray(amount, dtype=np.float32) * (result - b), out=out)


@np.errstate(all="ignore")
def premultiply(pixels: Pixels, alpha: Pixels | None, out: Pixels) -> None:
    if alpha is None:
        own = pixels[..., 3:]
        factor: Pixels = np.where(own == 0.0, np.float32(1.0), own)
        alpha = own
    else:
        factor = alpha
    alpha = alpha.copy()
    np.multiply(pixels[..., :3], factor, out=out[..., :3])
    out[..., 3:] = alpha


@np.errstate(all="ignore")
def unpremultiply(pixels: Pixels, out: Pixels) -> None:
    alpha = pixels[..., 3:].copy()
    np.divide(pixels[..., :3], np.where(alpha == 0.0, np.float32(1.0), alpha), out=out[..., :3])
    out[..., 3:] = alpha
