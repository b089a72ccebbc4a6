"""Gaussian blur."""

from __future__ import annotations

import math

from libs.kernels import checks
from libs.kernels.reference import blur as fallback
from libs.kernels.types import Pixels
from libs.kernels.weights import gaussian_reach

__all__ = ["gaussian", "gaussian_reach"]


def gaussian(pixels: Pixels, sigma_x: float, sigma_y: float, out: Pixels | None = None, threads: int = 1) -> Pixels:
    """`pixels`, [height, width, 1..4], blurred by a Gaussian of these standard deviations in pixels; 0 leaves a side.

    The weights exp(−x²/2σ²), scaled to the sum of 1, are cut off at `gaussian_reach(sigma)`. Outside lies transparent
    black. `out` may be `pixels`. ValueError for a sigma that is negative or no number.
    """
    pixels = checks.picture(pixels, "pixels")
    if not 1 <= pixels.shape[2] <= 4:
        raise ValueError(f"a picture to blur has 1 to 4 channels, not {pixels.shape[2]}")
    for sigma in (sigma_x, sigma_y):
        if not (math.isfinite(sigma) and sigma >= 0.0):
            raise ValueError(f"sigma is a number of pixels from 0 on, not {sigma}")
    out = checks.result(out, pixels.shape)
    if pixels.size == 0:
        return out
    fallback.gaussian(pixels, sigma_x, sigma_y, out)
    return out
