"""Upscaler beside OpenCV's Lanczos, the formula in float64, and SciPy's splines."""

from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from artifex.nodes import Frame, Window
from services.graph.nodes.process.upscaler import Upscaler
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest, largest_relative
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WIDTH, Array, chart
from tests.unit.services.graph.support import node


def upscaled(frame: Frame, factor: float, region: Window | None = None, **params: Any) -> Frame:
    size = (round(WIDTH * factor), round(HEIGHT * factor))
    return applied(node(Upscaler, factor=factor, **params), {"video": frame}, size, region=region)


def by_formula(pixels: Any, factor: int) -> Array:
    """The windowed sinc, scaled to the sum of 1, as a convolution between repeated edges, in float64."""
    result: Array = pixels.astype(np.float64)
    for axis in (0, 1):
        length = result.shape[axis]
        at = (np.arange(length * factor) + 0.5) / factor - 0.5
        first = np.floor(at).astype(int)
        taps = first[:, None] + np.arange(-3, 5)
        distance = at[:, None] - taps
        weights = np.where(np.abs(distance) < 4, np.sinc(distance) * np.sinc(distance / 4), 0.0)
        weights /= weights.sum(1, keepdims=True)
        read = np.take(result, np.clip(taps, 0, length - 1), axis)
        result = np.einsum("ijkc,ij->ikc" if axis == 0 else "kijc,ij->kic", read, weights)
    return result


def by_opencv(frame: Frame, factor: int) -> Array:
    size = (WIDTH * factor, HEIGHT * factor)
    return np.asarray(cv2.resize(frame.pixels, size, interpolation=cv2.INTER_LANCZOS4), np.float64)


def _opencv(factor: int) -> float:
    expected = by_opencv(chart(), factor)
    expected[..., 3] = np.clip(expected[..., 3], 0, 1)
    return largest_relative(upscaled(chart(), factor).pixels, expected)


def _formula(factor: int) -> float:
    expected = by_formula(chart().pixels, factor)
    expected[..., 3] = np.clip(expected[..., 3], 0, 1)
    return largest_relative(upscaled(chart(), factor).pixels, expected)


def _spline() -> float:
    """What is smooth, any good filter enlarges alike: SciPy's splines of order 5, away from the edge."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    wave = (0.5 + 0.4 * np.sin(x * 0.5) * np.cos(y * 0.35)).astype(np.float32)
    frame = Frame(np.ascontiguousarray(np.stack([wave, wave, wave, np.ones_like(wave)], -1)), opaque=True)
    ours = upscaled(frame, 2.0).pixels[..., 0]
    rows, columns = (np.mgrid[: 2 * HEIGHT, : 2 * WIDTH] + 0.5) / 2 - 0.5
    theirs = ndimage.map_coordinates(wave.astype(np.float64), [rows, columns], order=5, mode="nearest")
    return largest(ours[16:-16, 16:-16], theirs[16:-16, 16:-16])


COMPARISONS = [
    Comparison("Upscaler", "OpenCV Lanczos4", "2 times, ramps up to 16", 4e-6, lambda: _opencv(2)),
    Comparison("Upscaler", "OpenCV Lanczos4", "5 times", 1e-5, lambda: _opencv(5)),
    Comparison("Upscaler", "Duchon's formula, float64", "2 times, ramps up to 16", 4e-6, lambda: _formula(2)),
    Comparison("Upscaler", "Duchon's formula, float64", "3 times", 4e-6, lambda: _formula(3)),
    Comparison("Upscaler", "SciPy spline of order 5", "2 times, a smooth wave", 2e-3, _spline),
]
