"""How bright pictures are."""

from __future__ import annotations

import ctypes

from libs.kernels import checks, native
from libs.kernels.reference import light as fallback
from libs.kernels.types import Matrix, Pixels

__all__ = ["light_level"]


def light_level(pixels: Pixels, *, to_light: Matrix, peak: float) -> tuple[float, float]:
    """Of [height, width, 4], how bright the brightest pixel is and how bright all are on average (CTA-861.3).

    A pixel is as bright as the largest of its R, G and B by the 3x3 `to_light`, within 0..`peak`; the colour is taken
    as it is, that is over black. What is not a number is dark. A picture without pixels is dark.
    """
    pixels = checks.picture(pixels, "pixels", 4)
    to_light = checks.square(to_light, "to_light")
    height, width = pixels.shape[:2]
    if not pixels.size:
        return 0.0, 0.0
    library = native.library()
    if library is None:
        return fallback.light_level(pixels, to_light, peak)
    weights = native.floats(to_light.ravel())
    brightest, total = ctypes.c_double(), ctypes.c_double()
    library.artifex_light_level(
        native.address(pixels),
        native.stride(pixels),
        native.address(weights),
        peak,
        height,
        width,
        ctypes.addressof(brightest),
        ctypes.addressof(total),
    )
    return brightest.value, total.value / (height * width)
