"""Blend functions of premultiplied pictures, in NumPy; what the native kernels are compared with.

Each takes a, b and their alphas (one channel wide), and gives what there is where both are: αβ·f(A/α, B/β). Only colour
is used of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from libs.kernels.types import Pixels

Blend = Callable[[Pixels, Pixels, Pixels, Pixels], Pixels]
Luma = tuple[float, float, float]

LARGEST_HALF: Final = 65504.0
_FAINTEST: Final = np.finfo(np.float32).tiny


def _safe(divisor: Pixels, good: npt.NDArray[np.bool_]) -> Pixels:
    return np.where(good, divisor, np.float32(1.0))


def divide(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    ratio = np.clip(a * ba * ba / _safe(b, b > 0.0), -LARGEST_HALF, LARGEST_HALF)
    return np.where(b > 0.0, ratio, np.float32(0.0))


def geometric(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    x, y = a * ba, b * aa
    both = (x > 0.0) & (y > 0.0)
    return np.where(both, 2.0 * x * (y / _safe(x + y, both)), np.float32(0.0))


def overlay(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    return np.where(b > ba, b * aa, overlay_extended(a, b, aa, ba))


def overlay_extended(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    return np.where(2.0 * b <= ba, 2.0 * a * b, aa * ba - 2.0 * (ba - b) * (aa - a))


def hard_light(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    twice, y = 2.0 * a - aa, b * aa
    screened = np.where((b > ba) | (a > aa), np.maximum(y, twice * ba), y + twice * ba - b * twice)
    return np.where(2.0 * a <= aa, 2.0 * a * b, screened)


def soft_light(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    within = (b > 0.0) & (b < ba)
    straight = np.where(within, b / _safe(ba, within), np.float32(0.0))
    s = np.where(aa > 0.0, np.clip(a / _safe(aa, aa > 0.0), 0.0, 1.0), np.float32(0.0))
    lift = np.where(straight <= 0.25, ((16.0 * straight - 12.0) * straight + 4.0) * straight, np.sqrt(straight))
    mixed = straight + (2.0 * s - 1.0) * np.where(s <= 0.5, straight * (1.0 - straight), lift - straight)
    return np.where(within, aa * ba * mixed, b * aa)


def color_dodge(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    room = aa - np.maximum(a, 0.0)
    raised: Pixels = np.where(room > 0.0, np.minimum(b * aa / _safe(room, room > 0.0), ba), ba)
    return np.where(b > 0.0, aa * np.maximum(raised, b), aa * b)


def color_burn(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    lit = np.minimum(a, aa)
    lowered: Pixels = np.where(lit > 0.0, ba - np.minimum((ba - b) * aa / _safe(lit, lit > 0.0), ba), np.float32(0.0))
    return np.where((b > 0.0) & (b < ba), aa * lowered, aa * b)


def vivid_light(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    return np.where(2.0 * a < aa, color_burn(2.0 * a, b, aa, ba), color_dodge(2.0 * a - aa, b, aa, ba))


def linear_burn(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    y = b * aa
    result: Pixels = np.maximum((a - aa) * ba + y, np.minimum(y, 0.0))
    return result


def linear_light(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    return linear_burn(2.0 * a, b, aa, ba)


def pin_light(a: Pixels, b: Pixels, aa: Pixels, ba: Pixels) -> Pixels:
    result: Pixels = np.maximum((2.0 * a - aa) * ba, np.minimum(b * aa, 2.0 * a * ba))
    return result


SEPARABLE: Final[dict[str, Blend]] = {
    "multiply": lambda a, b, aa, ba: a * b,
    "darken": lambda a, b, aa, ba: np.minimum(a * ba, b * aa),
    "lighten": lambda a, b, aa, ba: np.maximum(a * ba, b * aa),
    "hypot": lambda a, b, aa, ba: np.sqrt((a * ba) ** 2 + (b * aa) ** 2),
    "exclusion-extended": lambda a, b, aa, ba: a * ba + b * aa - 2.0 * a * b,
    "overlay-extended": overlay_extended,
    "divide": divide,
    "geometric": geometric,
    "overlay": overlay,
    "hard-light": hard_light,
    "soft-light": soft_light,
    "color-dodge": color_dodge,
    "color-burn": color_burn,
    "vivid-light": vivid_light,
    "linear-light": linear_light,
    "linear-burn": linear_burn,
    "pin-light": pin_light,
}


def nonseparable(operation: str, a: Pixels, b: Pixels, aa: Pixels, ba: Pixels, luma: Luma) -> Pixels:
    """hue, saturation, color or luminosity: three channels of αβ·f. Clipped to what lies between 0 and 1 or the two."""
    x, y = (a * ba)[..., :3], (b * aa)[..., :3]
    weights = np.asarray(luma, np.float32)
    floor = np.minimum(np.minimum(_least(x), _least(y)), 0.0)
    ceiling = np.maximum(np.maximum(_most(x), _most(y)), aa * ba)

    def luminance(c: Pixels) -> Pixels:
        parts: Pixels = c * weights
        total: Pixels = parts[..., 0:1] + parts[..., 1:2] + parts[..., 2:3]
        return total

    if operation in ("hue", "saturation"):
        colour = _with_saturation(x, y) if operation == "hue" else _with_saturation(y, x)
    else:
        colour = x if operation == "color" else y
    wanted = luminance(x if operation == "luminosity" else y)
    colour = colour + (wanted - luminance(colour))
    below, above = wanted - _least(colour), _most(colour) - wanted
    for over, room in ((below, wanted - floor), (above, ceiling - wanted)):
        shrink = np.where(over > room, np.maximum(room, 0.0) / np.maximum(over, _FAINTEST), np.float32(1.0))
        colour = wanted + (colour - wanted) * shrink
    return colour


def _least(c: Pixels) -> Pixels:
    result: Pixels = c.min(axis=-1, keepdims=True)
    return result


def _most(c: Pixels) -> Pixels:
    result: Pixels = c.max(axis=-1, keepdims=True)
    return result


def _with_saturation(c: Pixels, other: Pixels) -> Pixels:
    low, wide = _least(c), _most(c) - _least(c)
    return np.where(wide > 0.0, (c - low) / _safe(wide, wide > 0.0) * (_most(other) - _least(other)), np.float32(0.0))
