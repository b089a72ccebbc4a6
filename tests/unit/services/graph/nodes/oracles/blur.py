"""Blur beside SciPy's filters in float64, OpenImageIO's convolution and OpenCV's own Gaussian."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
from scipy import integrate, ndimage, signal

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


def ellipse(radius_x: float, radius_y: float) -> Array:
    """What an ellipse covers of each pixel around its middle, as parts of its area: by quadrature along each column."""
    columns, rows = math.ceil(radius_x + 0.5), math.ceil(radius_y + 0.5)
    edges = np.arange(-rows, rows + 2) - 0.5

    def covered(x: float) -> Array:
        half = radius_y * math.sqrt(max(0.0, 1.0 - (x / radius_x) ** 2))
        return np.diff(np.clip(edges, -half, half))

    areas = []
    for column in range(-columns, columns + 1):
        ends = np.clip([column - 0.5, column + 0.5], -radius_x, radius_x)
        # Where the rim crosses a row the integrand has a corner.
        corners = [radius_x * math.sqrt(1.0 - (edge / radius_y) ** 2) for edge in edges if abs(edge) < radius_y]
        points = [point for corner in corners for point in (-corner, corner) if ends[0] < point < ends[1]]
        areas.append(integrate.quad_vec(covered, *ends, epsabs=1e-11, points=points or None)[0])
    result: Array = np.stack(areas, 1) / (math.pi * radius_x * radius_y)
    return result


def correlated(frame: Frame, weights: Array, *, repeat: bool = False) -> Array:
    """The document's pixels summed by SciPy in float64."""
    canvas = WHOLE if repeat else WHOLE.grown(max(weights.shape))
    pixels = frame.filled(canvas).astype(np.float64)
    mode = "nearest" if repeat else "constant"
    channels = [ndimage.correlate(pixels[..., channel], weights, mode=mode) for channel in range(4)]
    result: Array = np.stack(channels, -1)[WHOLE.inside(canvas)]
    return result


def along(
    frame: Frame, way: Callable[[float, Array, Array], tuple[Array, Array]], points: int, *, repeat: bool
) -> Array:
    """The mean of the picture at `points` places of each pixel's way, from -½ to ½, read by SciPy's linear spline."""
    y, x = np.mgrid[0 : WHOLE.height, 0 : WHOLE.width].astype(np.float64)
    pixels = frame.filled(WHOLE).astype(np.float64)
    total = np.zeros_like(pixels)
    for part in (np.arange(points) + 0.5) / points - 0.5:
        at_x, at_y = way(float(part), x, y)
        for channel in range(4):
            total[..., channel] += ndimage.map_coordinates(
                pixels[..., channel], [at_y, at_x], order=1, mode="nearest" if repeat else "grid-constant"
            )
    return total / points


def straight_way(length: float, degrees: float) -> Callable[[float, Array, Array], tuple[Array, Array]]:
    dx, dy = length * math.cos(math.radians(degrees)), length * math.sin(math.radians(degrees))
    return lambda part, x, y: (x + part * dx, y + part * dy)


def zoom_way(amount: float, centre: tuple[float, float]) -> Callable[[float, Array, Array], tuple[Array, Array]]:
    cx, cy = centre[0] * WHOLE.width - 0.5, centre[1] * WHOLE.height - 0.5
    return lambda part, x, y: (cx + (x - cx) * (1 + part * amount), cy + (y - cy) * (1 + part * amount))


def spin_way(degrees: float, centre: tuple[float, float]) -> Callable[[float, Array, Array], tuple[Array, Array]]:
    cx, cy = centre[0] * WHOLE.width - 0.5, centre[1] * WHOLE.height - 0.5

    def way(part: float, x: Array, y: Array) -> tuple[Array, Array]:
        c, s = math.cos(math.radians(part * degrees)), math.sin(math.radians(part * degrees))
        return cx + c * (x - cx) - s * (y - cy), cy + s * (x - cx) + c * (y - cy)

    return way


def _kind_error(frame: Frame, expected: Array, **params: Any) -> float:
    return largest(blurred(frame, **params).filled(WHOLE), expected)


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
    Comparison("Blur", "SciPy uniform_filter, float64", "box of 9 × 5", 4e-6,
               lambda: largest(blurred(noise(4), kind="box", size=(4.5, 2.5)).filled(WHOLE),
                               ndimage.uniform_filter(noise(4).pixels.astype(np.float64), (5, 9, 1), mode="constant"))),
    Comparison("Blur", "SciPy correlate with the ellipse's areas", "defocus of 7.3 × 4.1 on ramps up to 16", 3e-5,
               lambda: _kind_error(chart(), correlated(chart(), ellipse(7.3, 4.1)), kind="defocus", size=(7.3, 4.1))),
    Comparison("Blur", "SciPy linear spline, 400 points", "directional, 13.7 px at 33°", 4e-4,
               lambda: _kind_error(noise(5), along(noise(5), straight_way(13.7, 33.0), 400, repeat=True),
                                   kind="directional", length=13.7, angle=33.0, edges="repeat")),
    Comparison("Blur", "SciPy linear spline, 300 points", "zoom of 0.4 on ramps up to 16", 0.15,
               lambda: _kind_error(chart(), along(chart(), zoom_way(0.4, (0.3, 0.6)), 300, repeat=False),
                                   kind="zoom", zoom=0.4, center=(0.3, 0.6))),
    Comparison("Blur", "SciPy linear spline, 300 points", "spin of 25° on ramps up to 16", 0.15,
               lambda: _kind_error(chart(), along(chart(), spin_way(25.0, (0.5, 0.5)), 300, repeat=True),
                                   kind="spin", spin=25.0, edges="repeat")),
]  # fmt: skip
