"""What particles look like: discs of true size, or a picture made smaller in steps."""

import cv2
import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Pixels, Window
from libs.kernels.sprites import SPRITE, Sprites

Array = NDArray[np.float64]

_SOFTEST = 1.5
"""Pixels in which a disc's edge fades at least, so that it does not flicker as it moves."""
_FLATNESS = 0.3
"""A disc that fades from its middle on holds this part of its square, over π: ∫ 2 r s(1 − r) dr."""


def discs(place: Array, radius: Array, softness: float, colour: Array) -> Sprites:
    """Discs that fade over `softness` of their radius inwards, by s(u) = u²(3 − 2u).

    One with a harder edge than pixels can show gets a softer one, and keeps its light: with a = b − w and b the radii
    between which it fades, that is π (b² − b w + 0.3 w²).
    """
    found = np.zeros(len(place), SPRITE)
    light = radius**2 * (1.0 - softness + _FLATNESS * softness**2)
    width = np.maximum(softness * radius, _SOFTEST)
    rest = light - _FLATNESS * width**2
    outer = np.where(rest >= 0.0, 0.5 * width + np.sqrt(np.maximum(light - 0.05 * width**2, 0.0)), width)
    dim = np.where(rest >= 0.0, 1.0, light / (_FLATNESS * width**2))
    found["x"], found["y"] = place[:, 0], place[:, 1]
    found["inner"], found["outer"] = outer - width, outer
    found["colour"] = colour * dim[:, None]
    return found


def pictures(place: Array, radius: Array, turn: Array, colour: Array, levels: list[Pixels]) -> Sprites:
    """The picture of `levels`, its longer side twice the radius, turned clockwise by radians."""
    found = np.zeros(len(place), SPRITE)
    sides = np.array([max(level.shape[:2]) for level in levels], np.float64)
    # One that is smaller than a pixel is as large as one, and as much darker.
    seen = np.maximum(radius, 0.5)
    level = np.clip(np.floor(np.log2(np.maximum(sides[0] / (2.0 * seen), 1.0))), 0, len(levels) - 1).astype(np.int64)
    shapes = np.array([level.shape[:2] for level in levels], np.float64)
    # Of odd sides a half is a little more, so each side has its own measure.
    down, across = (shapes[level] / shapes[0] * (sides[0] / (2.0 * seen))[:, None]).T
    corner = np.hypot(*levels[0].shape[:2]) / sides[0]
    found["x"], found["y"] = place[:, 0], place[:, 1]
    found["outer"] = seen * corner + 1.5 / np.minimum(across, down)
    found["across"], found["down"] = across, down
    found["cosine"], found["sine"] = np.cos(turn), np.sin(turn)
    found["colour"] = colour * ((radius / seen) ** 2)[:, None]
    found["level"] = level
    return found


def halved(pixels: Pixels) -> list[Pixels]:
    """A picture, and it made half as large again and again, by exact areas, down to one pixel."""
    levels = [np.ascontiguousarray(pixels)]
    while max(levels[-1].shape[:2]) > 1:
        height, width = levels[-1].shape[:2]
        size = ((width + 1) // 2, (height + 1) // 2)
        small = cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(small, np.float32).reshape(size[1], size[0], 4))
    return levels


def seen_in(sprites: Sprites, region: Window) -> tuple[Sprites, Window]:
    """The sprites of which anything may lie in `region`, and the pixels that these reach there."""
    reach = sprites["outer"].astype(np.float64)
    left, right = sprites["x"] - reach, sprites["x"] + reach
    top, bottom = sprites["y"] - reach, sprites["y"] + reach
    here = (right > region.x) & (left < region.right) & (bottom > region.y) & (top < region.bottom)
    here &= sprites["colour"].any(-1)
    if not here.any():
        return sprites[:0], Window(0, 0, 0, 0)
    x, y = int(np.floor(left[here].min())), int(np.floor(top[here].min()))
    width, height = int(np.ceil(right[here].max())) - x, int(np.ceil(bottom[here].max())) - y
    return sprites[here], Window(x, y, width, height).intersect(region)
