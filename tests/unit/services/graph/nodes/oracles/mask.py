"""Mask beside FreeType's rasteriser, OpenCV, SciPy, OpenImageIO and its formulas in float64."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import OpenImageIO as oiio
from scipy import ndimage, special

from artifex.nodes import Frame, Window
from libs.kernels import gaussian_reach
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.nodes.composite.mask import Mask
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.outlines import by_freetype, by_opencv, by_scipy, made
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WHOLE, WIDTH, Array, array, buffer, chart, noise
from tests.unit.services.graph.support import node

CENTER = (30.5 / WIDTH, 23.5 / HEIGHT)


def masked(frames: dict[str, Frame] | None = None, region: Window = WHOLE, scale: Any = 1, **params: Any) -> Frame:
    return made(node(Mask, **params), frames, region, scale)


def whole(frames: dict[str, Frame] | None = None, **params: Any) -> Array:
    return masked(frames, **params).filled(WHOLE)[..., 0].astype(np.float64)


def centres() -> tuple[Array, Array]:
    """x and y of all pixels' centres."""
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    return x, y


def turned(degrees: float) -> tuple[Array, Array]:
    """x and y of all pixels' centres, as a shape at `CENTER` sees them that is turned."""
    x, y = centres()
    x, y, angle = x - 30.5, y - 23.5, np.radians(degrees)
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def star(points: int, radius: float, inner: float, degrees: float) -> Array:
    angle = np.arange(2 * points) * np.pi / points - np.pi / 2
    far = np.where(np.arange(2 * points) % 2, inner * radius, radius)
    angle = angle + np.radians(degrees)
    return np.stack([30.5 + far * np.cos(angle), 23.5 + far * np.sin(angle)], 1)


def rounded_box(degrees: float, width: float, height: float, radius: float) -> Array:
    """The distance to a box of round corners (I. Quilez, 2D distance functions)."""
    x, y = turned(degrees)
    qx, qy = np.abs(x) - width / 2 + radius, np.abs(y) - height / 2 + radius
    outside = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0))
    return outside + np.minimum(np.maximum(qx, qy), 0) - radius


def slope(distance: Array, inwards: float, outwards: float) -> Array:
    return np.clip((outwards - distance) / (inwards + outwards), 0, 1)


def _ellipse() -> float:
    """The area in each pixel: of 2,048 heights in it the exact width."""
    a, b, steps = 17.3, 12.1, 2048
    y = (np.arange(HEIGHT * steps) + 0.5) / steps - 23.5
    half = a * np.sqrt(np.maximum(0.0, 1.0 - (y / b) ** 2))[:, None]
    left = np.arange(WIDTH)[None, :] - 30.5
    covered = np.clip(np.minimum(left + 1, half) - np.maximum(left, -half), 0, 1)
    expected = covered.reshape(HEIGHT, steps, WIDTH).mean(1)
    return largest(whole(source="ellipse", center=CENTER, size=(2 * a, 2 * b)), expected)


def _star_by_freetype() -> float:
    expected = by_freetype([[(x, y, True) for x, y in star(5, 20.0, 0.4, 0.0)]])
    return largest(whole(source="star", center=CENTER, size=(40.0, 40.0), inner=0.4), expected)


def _hexagon_by_opencv() -> float:
    corners = star(3, 20.0, 1.0, 17.0)
    ours = whole(source="polygon", center=CENTER, size=(40.0, 40.0), corners=6, rotate=17.0)
    return largest(ours, by_opencv([corners], 32))


def _box_by_samples() -> float:
    """Which of 32 × 32 points in each pixel lie inside."""
    steps, found = 32, np.zeros((HEIGHT, WIDTH))
    x, y = centres()
    for across in (np.arange(steps) + 0.5) / steps - 0.5:
        for down in (np.arange(steps) + 0.5) / steps - 0.5:
            px, py, angle = x + across - 30.5, y + down - 23.5, np.radians(20.0)
            qx = np.abs(px * np.cos(angle) + py * np.sin(angle)) - 10.0
            qy = np.abs(py * np.cos(angle) - px * np.sin(angle)) - 5.0
            found += np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0) <= 5.0
    ours = whole(source="rectangle", center=CENTER, size=(30.0, 20.0), radius=5.0, rotate=20.0)
    return largest(ours, found / steps**2)


def _soft_circle() -> float:
    ours = whole(source="ellipse", center=CENTER, size=(24.0, 24.0), feather=(5.0, 7.0))
    return largest(ours, slope(np.hypot(*turned(0.0)) - 12.0, 5.0, 7.0))


def _soft_box() -> float:
    ours = whole(source="rectangle", center=CENTER, size=(30.0, 16.0), radius=4.0, rotate=33.0, feather=(0.0, 6.0))
    return largest(ours, slope(rounded_box(33.0, 30.0, 16.0, 4.0), 0.0, 6.0))


def _soft_star_by_scipy() -> float:
    shape: dict[str, Any] = {"source": "star", "center": CENTER, "size": (30.0, 30.0), "inner": 0.5}
    expected = slope(by_scipy([star(5, 15.0, 0.5, 0.0)]), 3.0, 6.0)
    return largest(whole(**shape, feather=(3.0, 6.0)), expected)


def _line() -> float:
    x, y = centres()
    ax, ay, bx, by = 0.2 * WIDTH, 0.1 * HEIGHT, 0.9 * WIDTH, 0.7 * HEIGHT
    place = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)
    stops = ((0.1, 0.2), (0.4, 1.0), (0.9, 0.0))
    expected = np.interp(place, [0.1, 0.4, 0.9], [0.2, 1.0, 0.0])
    return largest(whole(source="linear_gradient", start=(0.2, 0.1), end=(0.9, 0.7), stops=stops), expected)


def _rings() -> float:
    x, y = turned(25.0)
    place = np.hypot(x / 20.0, y / 14.0)
    stops = ((0.25, 1.0), (0.75, 0.4), (1.0, 0.0))
    expected = np.interp(place, [0.25, 0.75, 1.0], [1.0, 0.4, 0.0])
    ours = whole(source="radial_gradient", stops=stops, size=(40.0, 28.0), rotate=25.0, center=CENTER)
    return largest(ours, expected)


def _luminance(frame: Frame) -> Array:
    """By OpenImageIO, with the weights of the working space."""
    summed = oiio.ImageBufAlgo.channel_sum(buffer(frame.pixels), (*WorkingColour("ACEScg").luma, 0.0))
    return array(summed).reshape(HEIGHT, WIDTH)


def _trapezoid(value: Array, low: float, high: float, below: float, above: float) -> Array:
    return np.interp(value, [low - below, low, high, high + above], [0.0, 1.0, 1.0, 0.0])


def _luma() -> float:
    frame = noise(3)
    ours = whole({"video": frame}, source="luma", range=(0.5, 1.5), softness=(0.4, 0.7))
    return largest(ours, _trapezoid(_luminance(frame), 0.5, 1.5, 0.4, 0.7))


def _luma_in_stops() -> float:
    frame = chart()
    stops = np.log2(np.maximum(_luminance(frame), np.finfo(np.float32).tiny) / 0.18)
    ours = whole({"video": frame}, source="luma", units="stops", range=(-1.0, 2.0), softness=(2.0, 1.0))
    return largest(ours, _trapezoid(stops, -1.0, 2.0, 2.0, 1.0))


def _soft_key() -> float:
    """The formula of the docstring, with SciPy's Gaussian and quantiles."""
    frame, soft, sigma = noise(4), (2.0, 4.0), 2.0
    blurred = ndimage.gaussian_filter(
        frame.pixels[..., 3].astype(np.float64), sigma, mode="constant", radius=gaussian_reach(sigma)
    )
    expected = np.clip((soft[1] + sigma * special.ndtri(blurred)) / sum(soft), 0, 1)
    return largest(whole({"video": frame}, source="alpha", feather=soft), expected)


def _channel() -> float:
    frame = noise(5)
    ours = whole({"video": frame}, source="green")
    return largest(ours, np.clip(array(oiio.ImageBufAlgo.channels(buffer(frame.pixels), (1,)))[..., 0], 0, 1))


COMBINATIONS: dict[str, Callable[[Array, Array], Array]] = {
    "union": lambda m, b: m + b - m * b,
    "subtract": lambda m, b: b * (1 - m),
    "intersect": lambda m, b: m * b,
    "difference": lambda m, b: m + b - 2 * m * b,
}


def _combined(combine: str) -> float:
    below = Frame(np.ascontiguousarray(noise(6).pixels[5:40, 10:50, 3:]), 10, 5)
    shape: dict[str, Any] = {"source": "ellipse", "center": CENTER, "size": (50.0, 30.0), "feather": (9.0, 4.0)}
    m, b = 1.0 - whole(**shape), below.filled(WHOLE)[..., 0].astype(np.float64)
    return largest(
        whole({"mask": below}, **shape, combine=combine, opacity=0.7, invert=True), COMBINATIONS[combine](0.7 * m, b)
    )


COMPARISONS = [
    Comparison("Mask", "area in float64", "an ellipse's coverage", 3e-4, _ellipse),
    Comparison("Mask", "FreeType's smooth rasteriser", "a star's coverage", 2e-3, _star_by_freetype),
    Comparison("Mask", "OpenCV fillPoly, 32 × 32 finer", "a turned hexagon's coverage", 0.05, _hexagon_by_opencv),
    Comparison("Mask", "32 × 32 points in each pixel", "a turned box with round corners", 0.01, _box_by_samples),
    Comparison("Mask", "distance in float64", "a circle's feather of 12 px", 1e-3, _soft_circle),
    Comparison("Mask", "Quilez' distance in float64", "a turned round box's feather of 6 px", 1e-3, _soft_box),
    Comparison("Mask", "SciPy's distance transform, 16 × finer", "a star's feather of 9 px", 2e-2, _soft_star_by_scipy),
    Comparison("Mask", "NumPy interp", "a linear gradient of three stops", 2e-6, _line),
    Comparison("Mask", "NumPy interp", "a turned elliptic gradient of three stops", 2e-6, _rings),
    Comparison("Mask", "OpenImageIO channel_sum", "luma from 0.5 to 1.5 with slopes", 5e-6, _luma),
    Comparison("Mask", "OpenImageIO channel_sum, log2", "luma in stops, on ramps up to 16", 5e-6, _luma_in_stops),
    Comparison("Mask", "SciPy Gaussian and ndtri", "an alpha channel's feather of 6 px", 2e-5, _soft_key),
    Comparison("Mask", "OpenImageIO channels", "a channel, clipped", 0.0, _channel),
    *[Comparison("Mask", "Porter–Duff in float64", name, 2e-6, partial(_combined, name)) for name in COMBINATIONS],
]
