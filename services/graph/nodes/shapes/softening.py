"""Soft edges of masks that have no outline, such as keys."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Frame, Pair, Window
from libs.kernels import gaussian, gaussian_reach
from services.graph.nodes.shapes.outlines import at_least_a_pixel

_SIGMAS: Final = 2.0
"""How many standard deviations from an edge the soft edge's farther end is."""
_KNOTS: Final = 1025


def softening_reach(soft: Pair) -> int:
    """How many pixels around a pixel `softened` reads."""
    return gaussian_reach(max(at_least_a_pixel(soft)) / _SIGMAS)


def softened(mask: Frame, soft: Pair, window: Window, threads: int = 1) -> Frame:
    """The part of `mask` in `window`, its edges soft from `soft`, pixels inwards and outwards, not both 0.

    A Gaussian makes of a straight edge at the distance d (below 0 inside) the value b = Φ(−d/σ), so that d is
    −σ Φ⁻¹(b), and the result is (soft[1] − d) / (soft[0] + soft[1]), 0 to 1: a straight edge gets a straight slope of
    the true size. σ is half the larger of both. Φ is the normal distribution. Whatever is thin or soft already gets
    what its light is worth: nothing is decided by a threshold, and so a proxy shows what the full picture does.
    An edge of less than a pixel's softness is that of one pixel, mixed with the mask as it is.
    """
    reach, width = softening_reach(soft), soft[0] + soft[1]
    soft = at_least_a_pixel(soft)
    target = mask.window.grown(reach).intersect(window)
    needed = target.grown(reach).intersect(mask.window)
    if target.empty or needed.empty:
        return Frame.empty(1)
    sigma = max(soft) / _SIGMAS
    canvas = target.union(needed)
    pixels = gaussian(mask.filled(canvas), sigma, sigma, threads=threads, origin=(canvas.x, canvas.y))
    wide = Frame(pixels, canvas.x, canvas.y).crop(target)
    blurred, values = _curve(soft[0] / sigma, soft[1] / sigma)
    result = np.interp(wide.pixels, blurred, values).astype(np.float32)
    if width < 1.0:
        plain = mask.filled(target)
        result = plain + np.float32(width) * (result - plain)
    return Frame(result, target.x, target.y)


@lru_cache(maxsize=32)
def _curve(inwards: float, outwards: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The blurred values of an edge from `outwards` to `inwards`, in standard deviations, and what they become."""
    place = np.linspace(-outwards, inwards, _KNOTS)
    blurred = np.array([0.5 * math.erfc(-z / math.sqrt(2.0)) for z in place])
    return blurred, np.linspace(0.0, 1.0, _KNOTS)
