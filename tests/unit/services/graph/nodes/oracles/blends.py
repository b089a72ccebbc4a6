"""Blend functions of straight colours in float64: as the standards print them, and as Merge goes on beyond 0 and 1.

Written from W3C Compositing and Blending Level 1 (section 10), NV_blend_equation_advanced (table X.2) and the reference
of Nuke's Merge; s is the source (a), b the backdrop.
"""

from collections.abc import Callable

import numpy as np

from services.graph.domain.evaluate.colour import WorkingColour
from tests.unit.services.graph.nodes.oracles.pictures import Array

Blend = Callable[[Array, Array], Array]
LUMA = np.array(WorkingColour("ACEScg").luma)


def multiply(s: Array, b: Array) -> Array:
    return s * b


def screen(s: Array, b: Array) -> Array:
    return b + s - b * s


def hard_light(s: Array, b: Array) -> Array:
    return np.where(s <= 0.5, multiply(b, 2 * s), screen(b, 2 * s - 1))


def color_dodge(s: Array, b: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(b == 0, 0, np.where(s == 1, 1, np.minimum(1, b / (1 - s))))


def color_burn(s: Array, b: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(b == 1, 1, np.where(s == 0, 0, 1 - np.minimum(1, (1 - b) / s)))


def soft_light(s: Array, b: Array) -> Array:
    d = np.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, np.sqrt(np.maximum(b, 0)))
    return np.where(s <= 0.5, b - (1 - 2 * s) * b * (1 - b), b + (2 * s - 1) * (d - b))


def vivid_light(s: Array, b: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(s <= 0, 0, 1 - np.minimum(1, (1 - b) / (2 * s)))
        high = np.where(s >= 1, 1, np.minimum(1, b / (2 * (1 - s))))
    return np.where(s < 0.5, low, high)


def pin_light(s: Array, b: Array) -> Array:
    low = np.where(s < 0.5, 0, 2 * s - 1)
    return np.where(2 * s - 1 > b, low, np.where(s < 0.5 * b, 2 * s, b))


def lum(c: Array, weights: Array = LUMA) -> Array:
    return np.asarray((c * weights).sum(-1, keepdims=True))


def clip_color(c: Array, low: Array | float, high: Array | float, weights: Array) -> Array:
    light, least, most = lum(c, weights), c.min(-1, keepdims=True), c.max(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        c = np.where(least < low, light + (c - light) * (light - low) / (light - least), c)
        return np.where(most > high, light + (c - light) * (high - light) / (most - light), c)


def sat(c: Array) -> Array:
    return np.asarray(c.max(-1, keepdims=True) - c.min(-1, keepdims=True))


def set_sat(c: Array, wanted: Array) -> Array:
    """The W3C's words: the least becomes 0, the most the saturation, and the middle one keeps its share."""
    order = np.argsort(c, -1)
    least, middle, most = np.moveaxis(np.take_along_axis(c, order, -1), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(most > least, (middle - least) * wanted[..., 0] / (most - least), 0)
    full = np.where(most > least, wanted[..., 0], 0)
    result = np.zeros_like(c)
    np.put_along_axis(result, order, np.stack([np.zeros_like(full), share, full], -1), -1)
    return result


def set_lum(
    c: Array, light: Array, low: Array | float = 0.0, high: Array | float = 1.0, weights: Array = LUMA
) -> Array:
    return clip_color(c + (light - lum(c, weights)), low, high, weights)


W3C_LUMA = np.array([0.3, 0.59, 0.11])
DISPLAYED: dict[str, Blend] = {
    "hue": lambda s, b: set_lum(set_sat(s, sat(b)), lum(b, W3C_LUMA), weights=W3C_LUMA),
    "saturation": lambda s, b: set_lum(set_sat(b, sat(s)), lum(b, W3C_LUMA), weights=W3C_LUMA),
    "color": lambda s, b: set_lum(s, lum(b, W3C_LUMA), weights=W3C_LUMA),
    "luminosity": lambda s, b: set_lum(b, lum(s, W3C_LUMA), weights=W3C_LUMA),
}
"""To the letter, with the W3C's weights of display-encoded red, green and blue."""

PUBLISHED: dict[str, Blend] = {
    "multiply": multiply,
    "screen": screen,
    "overlay": lambda s, b: hard_light(b, s),
    "darken": np.minimum,
    "lighten": np.maximum,
    "difference": lambda s, b: np.abs(b - s),
    "exclusion": lambda s, b: b + s - 2 * b * s,
    "hard-light": hard_light,
    "soft-light": soft_light,
    "color-dodge": color_dodge,
    "color-burn": color_burn,
    "vivid-light": vivid_light,
    "pin-light": pin_light,
    "linear-burn": lambda s, b: np.maximum(s + b - 1, 0),
    "divide": lambda s, b: s / b,
    "geometric": lambda s, b: 2 * s * b / (s + b),
    "hypot": np.hypot,
    "hue": lambda s, b: set_lum(set_sat(s, sat(b)), lum(b)),
    "saturation": lambda s, b: set_lum(set_sat(b, sat(s)), lum(b)),
    "color": lambda s, b: set_lum(s, lum(b)),
    "luminosity": lambda s, b: set_lum(b, lum(s)),
}
"""For colours from 0 to 1. Linear light, which is clipped at 1 there, is compared with FFmpeg."""

STEEP = frozenset({"divide", "color-burn", "color-dodge", "vivid-light"})
"""Quotients: near their poles the float32 of a picture itself decides; compared by their own tests."""


def published(operation: str, *, display: bool = False) -> Blend:
    """As printed; the W3C's weights of luminance with `display`, the working space's without."""
    return DISPLAYED[operation] if display and operation in DISPLAYED else PUBLISHED[operation]


def _screen(s: Array, b: Array) -> Array:
    return np.where((s > 1) | (b > 1), np.maximum(s, b), screen(s, b))


def _limits(s: Array, b: Array) -> tuple[Array, Array]:
    least = np.minimum(np.minimum(s.min(-1, keepdims=True), b.min(-1, keepdims=True)), 0)
    return least, np.maximum(np.maximum(s.max(-1, keepdims=True), b.max(-1, keepdims=True)), 1)


def _dodge(s: Array, b: Array) -> Array:
    held = np.clip(s, 0, 1)
    return np.where((b > 0) & (b < 1), color_dodge(held, b), b)


def _burn(s: Array, b: Array) -> Array:
    return np.where((b > 0) & (b < 1), color_burn(np.clip(s, 0, 1), b), b)


_BEYOND: dict[str, Blend] = {
    "overlay": lambda s, b: np.where(b > 1, b, np.where(b <= 0.5, 2 * s * b, 1 - 2 * (1 - s) * (1 - b))),
    "hard-light": lambda s, b: np.where(s <= 0.5, 2 * s * b, _screen(2 * s - 1, b)),
    "soft-light": lambda s, b: np.where((b > 0) & (b < 1), soft_light(np.clip(s, 0, 1), b), b),
    "color-dodge": _dodge,
    "color-burn": _burn,
    "vivid-light": lambda s, b: np.where(s < 0.5, _burn(2 * s, b), _dodge(2 * s - 1, b)),
    "linear-light": lambda s, b: np.maximum(b + 2 * s - 1, np.minimum(b, 0)),
    "linear-burn": lambda s, b: np.maximum(b + s - 1, np.minimum(b, 0)),
    "pin-light": lambda s, b: np.maximum(2 * s - 1, np.minimum(b, 2 * s)),
    "divide": lambda s, b: np.where(b > 0, np.clip(s / np.where(b > 0, b, 1), -65504, 65504), 0),
    "geometric": lambda s, b: np.where((s > 0) & (b > 0), 2 * s * b / np.where(s + b > 0, s + b, 1), 0),
    "hue": lambda s, b: set_lum(set_sat(s, sat(b)), lum(b), *_limits(s, b)),
    "saturation": lambda s, b: set_lum(set_sat(b, sat(s)), lum(b), *_limits(s, b)),
    "color": lambda s, b: set_lum(s, lum(b), *_limits(s, b)),
    "luminosity": lambda s, b: set_lum(b, lum(s), *_limits(s, b)),
}


def beyond(operation: str) -> Blend:
    """For all numbers, as Merge's documentation has it."""
    return _BEYOND.get(operation, PUBLISHED.get(operation, multiply))


def _multiplied_exclusion(a: Array, b: Array) -> Array:
    low_a, low_b = np.minimum(a, 1), np.minimum(b, 1)
    beyond_one = np.abs(np.maximum(a - 1, 0) - np.maximum(b - 1, 0))
    return np.asarray(low_a + low_b - 2 * low_a * low_b + beyond_one)


MULTIPLIED: dict[str, Blend] = {"screen": _screen, "exclusion": _multiplied_exclusion}
"""Formulas that are the same for premultiplied colour, and whose beyond is that of premultiplied colour."""
