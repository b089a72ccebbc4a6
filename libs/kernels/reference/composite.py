"""Putting premultiplied pictures together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from libs.kernels.reference.blends import SEPARABLE, Luma, nonseparable
from libs.kernels.types import Pixels

_FAINTEST: Final = np.float32(1e-20)
"""An alpha up to this has no straight colour."""

Formula = Callable[[Pixels, Pixels, Pixels, Pixels], Pixels]
"""Of a, b and their alphas (one channel wide) the result."""


def _conjoint(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    seen = np.where(ba > aa, (ba - aa) / np.where(ba > aa, ba, np.float32(1.0)), np.float32(0.0))
    return a + b * np.where(aa > 0.0, seen, np.float32(1.0))


def _disjoint(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    covered = ba > 0.0
    room = np.where(covered, np.clip((1.0 - aa) / np.where(covered, ba, np.float32(1.0)), 0.0, 1.0), np.float32(0.0))
    return a + b * np.where(aa + ba < 1.0, np.float32(1.0), room)


def _screen(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    return np.where((a > 1.0) | (b > 1.0), np.maximum(a, b), a + b - a * b)


def _exclusion(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    low_a, low_b = np.minimum(a, 1.0), np.minimum(b, 1.0)
    beyond = np.maximum(a - 1.0, 0.0) - np.maximum(b - 1.0, 0.0)
    result: Pixels = low_a + low_b - 2.0 * low_a * low_b + np.abs(beyond)
    return result


_ALIKE: Final[dict[str, Formula]] = {
    "over": lambda a, b, aa, ba: a + b * (1.0 - aa),
    "under": lambda a, b, aa, ba: b + a * (1.0 - ba),
    "in": lambda a, b, aa, ba: a * ba,
    "out": lambda a, b, aa, ba: a * (1.0 - ba),
    "atop": lambda a, b, aa, ba: a * ba + b * (1.0 - aa),
    "destination-atop": lambda a, b, aa, ba: b * aa + a * (1.0 - ba),
    "xor": lambda a, b, aa, ba: a * (1.0 - ba) + b * (1.0 - aa),
    "mask": lambda a, b, aa, ba: b * aa,
    "stencil": lambda a, b, aa, ba: b * (1.0 - aa),
    "copy": lambda a, b, aa, ba: a,
    "destination": lambda a, b, aa, ba: b,
    "clear": lambda a, b, aa, ba: np.zeros_like(a),
    "conjoint-over": _conjoint,
    "disjoint-over": _disjoint,
    "average": lambda a, b, aa, ba: (a + b) * np.float32(0.5),
}
"""Hold for all four channels alike."""

_SUMS: Final[dict[str, Formula]] = {
    "plus": lambda a, b, aa, ba: a + b,
    "minus": lambda a, b, aa, ba: a - b,
    "from": lambda a, b, aa, ba: b - a,
    "matte": lambda a, b, aa, ba: a * aa + b * (1.0 - aa),
    "difference": lambda a, b, aa, ba: a + b - 2.0 * np.minimum(a * ba, b * aa),
    "screen": _screen,
    "screen-extended": lambda a, b, aa, ba: a + b - a * b,
    "exclusion": _exclusion,
}
"""Hold for colour; alpha is that of over, and of plus the sum up to 1."""


@np.errstate(all="ignore")
def over(a: Pixels, b: Pixels, amount: float | Pixels, out: Pixels) -> None:
    # b + m(a + b(1 − α) − b) = ma + b(1 − mα)
    scaled = a * np.asarray(amount, dtype=np.float32)
    np.add(scaled, b * (1.0 - scaled[..., 3:]), out=out)


@np.errstate(all="ignore")
def merge(operation: str, a: Pixels, b: Pixels, amount: float | Pixels, out: Pixels, luma: Luma) -> None:
    if operation == "over":
        over(a, b, amount, out)
        return
    result = _merged(operation, a, b, luma)
    if isinstance(amount, float) and amount == 1.0:
        out[...] = result
    else:
        np.add(b, np.asarray(amount, dtype=np.float32) * (result - b), out=out)


def _merged(operation: str, a: Pixels, b: Pixels, luma: Luma) -> Pixels:
    aa, ba = a[..., 3:], b[..., 3:]
    if operation in _ALIKE:
        return _ALIKE[operation](a, b, aa, ba)
    if operation in _SUMS:
        result = _SUMS[operation](a, b, aa, ba)
    else:
        result = a * (1.0 - ba) + b * (1.0 - aa)
        if operation in SEPARABLE:
            result += SEPARABLE[operation](a, b, aa, ba)
        else:
            result[..., :3] += nonseparable(operation, a, b, aa, ba, luma)
    result[..., 3:] = np.minimum(aa + ba, 1.0) if operation == "plus" else aa + ba - aa * ba
    return result


def _divisor(alpha: Pixels) -> Pixels:
    """What premultiplied colour is divided by to be straight, and multiplied by to be what it was."""
    return np.where(np.abs(alpha) > _FAINTEST, alpha, np.float32(1.0))


@np.errstate(all="ignore")
def premultiply(pixels: Pixels, alpha: Pixels | None, out: Pixels) -> None:
    if alpha is None:
        alpha = pixels[..., 3:]
        factor = _divisor(alpha)
    else:
        factor = alpha
    alpha = alpha.copy()
    np.multiply(pixels[..., :3], factor, out=out[..., :3])
    out[..., 3:] = alpha


@np.errstate(all="ignore")
def unpremultiply(pixels: Pixels, out: Pixels) -> None:
    alpha = pixels[..., 3:].copy()
    np.divide(pixels[..., :3], _divisor(alpha), out=out[..., :3])
    out[..., 3:] = alpha


@np.errstate(all="ignore")
def with_alpha(pixels: Pixels, alpha: Pixels, around: Pixels | None, out: Pixels) -> None:
    colour, own = pixels[..., :3], pixels[..., 3:]
    seen = np.abs(own) > _FAINTEST
    result = np.where(seen, colour * (alpha / np.where(seen, own, np.float32(1.0))), colour)
    if around is not None:
        cover = around[..., 3:]
        known = cover > 1e-6
        beside = around[..., :3] / np.where(known, cover, np.float32(1.0))
        result = np.where(alpha > own, np.where(known, colour + beside * (alpha - own), colour), result)
    out[..., :3] = result
    out[..., 3:] = alpha
