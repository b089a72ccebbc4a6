"""Merge beside Porter and Duff's fractions, the W3C's blend functions and OpenImageIO."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import OpenImageIO as oiio

from artifex.nodes import Frame
from services.graph.nodes.composite.merge import Merge
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest_relative
from tests.unit.services.graph.nodes.oracles.pictures import Array, array, buffer, chart, noise
from tests.unit.services.graph.support import node

# Porter and Duff 1984, table of figure 3: the fractions of A and B that remain.
FRACTIONS: dict[str, Callable[[Array, Array], tuple[Array, Array]]] = {
    "over": lambda aa, ba: (np.ones_like(aa), 1 - aa),
    "under": lambda aa, ba: (1 - ba, np.ones_like(aa)),
    "in": lambda aa, ba: (ba, np.zeros_like(aa)),
    "out": lambda aa, ba: (1 - ba, np.zeros_like(aa)),
    "atop": lambda aa, ba: (ba, 1 - aa),
    "xor": lambda aa, ba: (1 - ba, 1 - aa),
    "mask": lambda aa, ba: (np.zeros_like(aa), aa),
    "stencil": lambda aa, ba: (np.zeros_like(aa), 1 - aa),
    "copy": lambda aa, ba: (np.ones_like(aa), np.zeros_like(aa)),
}

# W3C Compositing and Blending Level 1, section 10.1: B(Cb, Cs) on straight colours.
BLENDS: dict[str, Callable[[Array, Array], Array]] = {
    "multiply": lambda s, b: s * b,
    "screen": lambda s, b: s + b - s * b,
    "overlay": lambda s, b: np.where(b <= 0.5, 2 * b * s, 1 - 2 * (1 - b) * (1 - s)),
    "darken": lambda s, b: np.minimum(s, b),
    "lighten": lambda s, b: np.maximum(s, b),
    "difference": lambda s, b: np.abs(s - b),
    "exclusion": lambda s, b: s + b - 2 * s * b,
}


def by_formula(operation: str, a: Array, b: Array) -> Array:
    aa, ba = a[..., 3:], b[..., 3:]
    if operation in FRACTIONS:
        fa, fb = FRACTIONS[operation](aa, ba)
        return a * fa + b * fb
    if operation == "plus":
        return np.concatenate([(a + b)[..., :3], np.minimum(aa + ba, 1)], -1)
    s, d = a[..., :3] / np.where(aa > 0, aa, 1), b[..., :3] / np.where(ba > 0, ba, 1)
    # Sections 9.1.4 and 5.1: co = αs(1 − αb)Cs + αsαb·B + (1 − αs)αb·Cb.
    colour = aa * (1 - ba) * s + aa * ba * BLENDS[operation](s, d) + (1 - aa) * ba * d
    return np.concatenate([colour, aa + ba - aa * ba], -1)


def merged(a: Frame, b: Frame, mask: Frame | None = None, size: tuple[int, int] = (64, 36), **params: Any) -> Frame:
    frames = {"a": a, "b": b, **({"mask": mask} if mask is not None else {})}
    return applied(node(Merge, **params), frames, size)


def _by_zover(a: Frame, b: Frame) -> Array:
    """Where a lies nearer than b, composition by depth is over."""

    def deep(frame: Frame, depth: float) -> oiio.ImageBuf:
        height, width = frame.pixels.shape[:2]
        spec = oiio.ImageSpec(width, height, 5, oiio.FLOAT)
        spec.channelnames, spec.alpha_channel, spec.z_channel = ("R", "G", "B", "A", "Z"), 3, 4
        image = oiio.ImageBuf(spec)
        z = np.full((height, width, 1), depth, np.float32)
        image.set_pixels(image.roi, np.concatenate([frame.pixels, z], -1))
        return image

    return array(oiio.ImageBufAlgo.zover(deep(a, 1.0), deep(b, 2.0)))[..., :4]


def _formula_error(operation: str) -> float:
    a, b = noise(1), noise(2)
    size = (a.window.width, a.window.height)
    ours = merged(a, b, size=size, operation=operation).pixels
    return largest_relative(ours, by_formula(operation, a.pixels.astype(np.float64), b.pixels.astype(np.float64)))


def _error(expected: Callable[[Frame, Frame], Array], operation: str = "over") -> float:
    a, b = chart(), noise(3)
    size = (a.window.width, a.window.height)
    return largest_relative(merged(a, b, size=size, operation=operation).pixels, expected(a, b))


COMPARISONS = [
    *(
        Comparison("Merge", "Porter–Duff, W3C float64", operation, 1e-6, partial(_formula_error, operation))
        for operation in Merge.operation.choices
    ),
    Comparison("Merge", "OpenImageIO over", "over, ramps on noise", 1e-6, lambda: _error(
        lambda a, b: array(oiio.ImageBufAlgo.over(buffer(a.pixels), buffer(b.pixels))))),
    Comparison("Merge", "OpenImageIO zover", "over, by depth", 1e-6, lambda: _error(_by_zover)),
    Comparison("Merge", "OpenImageIO add", "plus, colour", 1e-6, lambda: _error(
        lambda a, b: np.concatenate([
            array(oiio.ImageBufAlgo.add(buffer(a.pixels), buffer(b.pixels)))[..., :3],
            np.minimum(a.pixels[..., 3:].astype(np.float64) + b.pixels[..., 3:], 1)], -1), "plus")),
]  # fmt: skip
