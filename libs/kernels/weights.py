"""Weights of filters, in float64: what native and reference kernels share."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from libs.kernels.types import Filter, Matrix

TAIL: Final = 4.9
"""Sigmas at which a Gaussian is cut off: 1e-6 of its sum lies beyond."""
_LEAST_SIGMA: Final = 0.01
"""Below this a Gaussian's neighbours weigh nothing."""

TAPS: Final[dict[Filter, int]] = {"nearest": 1, "bilinear": 2, "cubic": 4, "mitchell": 4, "lanczos4": 8, "box": 0}
"""Samples a filter takes along one side. Box has no width of its own: it is as wide as what it averages. The native
kernels number filters by this order."""

REACH: Final[dict[Filter, float]] = {
    "nearest": 0.5, "bilinear": 1.0, "cubic": 2.0, "mitchell": 2.0, "lanczos4": 4.0, "box": 0.5,
}  # fmt: skip
"""How far a filter reaches to each side of a point, in pixels, or in steps where it is widened."""


def gaussian_reach(sigma: float) -> int:
    """How many pixels a Gaussian of `sigma` reaches to each side; what lies beyond is 1e-6 of its sum.

    A region blurred alone equals the same region of the whole where it is grown by this.
    """
    return math.ceil(TAIL * sigma) if sigma >= _LEAST_SIGMA else 0


def gaussian_weights(sigma: float) -> npt.NDArray[np.float64]:
    """exp(−x²/2σ²) over −reach..reach, with the sum of 1."""
    reach = gaussian_reach(sigma)
    if reach == 0:
        return np.ones(1)
    at = np.arange(-reach, reach + 1, dtype=np.float64) / sigma
    weights: Matrix = np.exp(-0.5 * at * at)
    weights /= weights.sum()
    return weights


def filter_weights(name: Filter, fraction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Weights [..., taps] of the samples around a point that lies `fraction` (0..1) behind the sample at or before it.

    Tap k belongs to sample floor(point) − taps/2 + 1 + k. Cubic is Keys' convolution with a = −1/2 (1981), which
    reproduces quadratics; mitchell is Mitchell and Netravali's with B = C = 1/3 (1988); lanczos4 is the sinc under a
    sinc window of 4 samples to each side, scaled to the sum of 1.
    """
    taps = TAPS[name]
    if taps == 1:
        return np.ones((*fraction.shape, 1))
    at = np.abs(fraction[..., None] - np.arange(1 - taps // 2, taps // 2 + 1))
    weights = filter_shape(name, at)
    if name == "lanczos4":
        weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def filter_shape(name: Filter, at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The filter at distances of 0 and more; see `filter_weights`."""
    if name == "bilinear":
        return np.maximum(1.0 - at, 0.0)
    if name == "lanczos4":
        return np.where(at < 4.0, np.sinc(at) * np.sinc(at / 4.0), 0.0)
    b, c = (0.0, 0.5) if name == "cubic" else (1 / 3, 1 / 3)
    near = ((12 - 9 * b - 6 * c) * at**3 + (-18 + 12 * b + 6 * c) * at**2 + (6 - 2 * b)) / 6
    far = ((-b - 6 * c) * at**3 + (6 * b + 30 * c) * at**2 + (-12 * b - 48 * c) * at + (8 * b + 24 * c)) / 6
    return np.where(at < 1.0, near, np.where(at < 2.0, far, 0.0))


def widened_weights(
    name: Filter, place: npt.NDArray[np.float64], step: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Of points at `place`, in samples, that stand for `step` samples each: the first sample, and weights [..., taps].

    The filter is stretched by the step, of 1 or more, and its weights have the sum of 1. Box weighs a sample by how
    much of its pixel lies within half a step of the point, whatever the step.
    """
    reach = REACH[name] * step
    first: npt.NDArray[np.int64]
    if name == "box":
        first = np.floor(place - reach + 0.5).astype(np.int64)
        last = np.ceil(place + reach + 0.5).astype(np.int64) - 1
    else:
        first = np.ceil(place - reach).astype(np.int64)
        last = np.floor(place + reach).astype(np.int64)
    taps = first[..., None] + np.arange(int((last - first).max(initial=0)) + 1)
    at = taps - place[..., None]
    if name == "box":
        low, high = -reach[..., None], reach[..., None]
        weights = np.maximum(np.minimum(at + 0.5, high) - np.maximum(at - 0.5, low), 0.0)
    else:
        weights = filter_shape(name, np.abs(at) / step[..., None])
    weights[taps > last[..., None]] = 0.0
    weights /= weights.sum(axis=-1, keepdims=True)
    return first, weights
