"""Pictures to test kernels on."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from libs.kernels import Pixels, native

T = TypeVar("T")

SIZES = ((1, 1), (1, 7), (5, 1), (3, 4), (17, 16), (19, 37))
"""(height, width): shorter and longer than a vector, odd, and dense."""


def noise(height: int, width: int, channels: int = 4, seed: int = 1, low: float = 0.0, high: float = 1.0) -> Pixels:
    values = np.random.default_rng(seed).random((height, width, channels), dtype=np.float32)
    return values * np.float32(high - low) + np.float32(low)


def premultiplied(height: int, width: int, seed: int = 1) -> Pixels:
    pixels = noise(height, width, seed=seed)
    pixels[..., :3] *= pixels[..., 3:]
    return pixels


def strip(pixels: Pixels, guard: float = np.nan) -> tuple[Pixels, Pixels]:
    """A copy of `pixels` as a view of every other row of a larger array full of `guard`, and that array."""
    height, width, channels = pixels.shape
    whole = np.full((2 * height + 3, width, channels), guard, np.float32)
    view = whole[1 : 1 + 2 * height : 2]
    view[...] = pixels
    return view, whole


def untouched(whole: Pixels, height: int) -> bool:
    """Whether all rows between and around a strip of `strip(…)` still hold NaN."""
    rest = np.ones(whole.shape[0], bool)
    rest[1 : 1 + 2 * height : 2] = False
    return bool(np.isnan(whole[rest]).all())


def by_reference(kernel: Callable[[], T]) -> T:
    """What the NumPy kernel gives."""
    with native.using(native.NUMPY):
        return kernel()
