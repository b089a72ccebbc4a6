"""Blur beside SciPy's Gaussian in float64, OpenImageIO's convolution and OpenCV's own Gaussian."""

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
from scipy import ndimage, signal

from artifex.nodes import Frame, Window
from libs.kernels import gaussian_reach
from services.graph.nodes.effect.blur import Blur
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import WHOLE, Array, array, buffer, chart, noise
from tests.unit.services.graph.support import node


def blurred(frame: Frame, region: Window = WHOLE, scale: Fraction = Fraction(1), **params: Any) -> Frame:
    size = (WHOLE.width, WHOLE.height)
    return applied(node(Blur, **params), {"video": frame}, size, region=region, scale=scale)


def by_scipy(frame: Frame, sigma: tuple[float, float], region: Window = WHOLE, *, repeat: bool = False) -> Array:
    """SciPy on the document's pixels, or on the picture with ample black around it."""
    reach = (gaussian_reach(sigma[1]), gaussian_reach(sigma[0]))
    canvas = region if repeat else region.union(frame.window).grown(max(reach))
    pixels = frame.filled(canvas).astype(np.float64)
    channels = [
        ndimage.gaussian_filter(
            pixels[..., channel], sigma[::-1], mode="nearest" if repeat else "constant", radius=reach
        )
        for channel in range(pixels.shape[2])
    ]
    result: Array = np.stack(channels, -1)[region.inside(canvas)]
    return result


def by_openimageio(frame: Frame, sigma: tuple[float, float]) -> Array:
    across, down = (signal.windows.gaussian(2 * gaussian_reach(side) + 1, side) for side in sigma)
    canvas = WHOLE.grown(max(gaussian_reach(side) for side in sigma))
    weights = np.outer(down, across)[..., None]
    kernel = oiio.ImageBuf(oiio.ImageSpec(weights.shape[1], weights.shape[0], 1, oiio.FLOAT))
    kernel.specmod().x, kernel.specmod().y = -(weights.shape[1] // 2), -(weights.shape[0] // 2)
    kernel.set_pixels(kernel.roi, weights.astype(np.float32))
    result = oiio.ImageBufAlgo.convolve(buffer(frame.filled(canvas)), kernel)
    return array(result)[WHOLE.inside(canvas)]


def by_opencv(frame: Frame, sigma: tuple[float, float]) -> Array:
    size = tuple(2 * gaussian_reach(side) + 1 for side in sigma)
    found = cv2.GaussianBlur(
        frame.pixels, (size[0], size[1]), sigma[0], sigmaY=sigma[1], borderType=cv2.BORDER_REPLICATE
    )
    return np.asarray(found, np.float64)


def _error(frame: Frame, sigma: tuple[float, float], expected: Array, edges: str = "black") -> float:
    return largest(blurred(frame, size=sigma, edges=edges).filled(WHOLE), expected)


# Tolerances are 10⁻⁵ of the picture's brightest value: native kernels pass over wide Gaussians at a coarser step.
COMPARISONS = [
    Comparison("Blur", "SciPy float64", "σ 3 × 1.5, black edges", 2e-6,
               lambda: _error(noise(1), (3.0, 1.5), by_scipy(noise(1), (3.0, 1.5)))),
    Comparison("Blur", "SciPy float64", "σ 12 on ramps up to 16, repeated edges", 1.6e-4,
               lambda: _error(chart(), (12.0, 12.0), by_scipy(chart(), (12.0, 12.0), repeat=True), "repeat")),
    Comparison("Blur", "OpenImageIO convolve", "σ 2 × 3", 4e-6,
               lambda: _error(noise(2), (2.0, 3.0), by_openimageio(noise(2), (2.0, 3.0)))),
    Comparison("Blur", "OpenCV GaussianBlur", "σ 4, repeated edges", 1e-5,
               lambda: _error(noise(3), (4.0, 4.0), by_opencv(noise(3), (4.0, 4.0)), "repeat")),
]  # fmt: skip
