"""Merge beside Porter and Duff's fractions, the W3C's and NVIDIA's blend functions, FFmpeg and OpenImageIO."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import OpenImageIO as oiio
import PyOpenColorIO as ocio
from numpy.typing import NDArray

from artifex.nodes import Frame
from services.graph.domain.evaluate.colour import config
from services.graph.nodes.composite.merge import Merge
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles import blends, ffmpeg
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest, largest_relative
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WIDTH, Array, array, buffer, chart, noise
from tests.unit.services.graph.support import node

# Porter and Duff 1984, table of figure 3: the fractions of A and B that remain; conjoint and disjoint over from the
# weights p0, p1, p2 of NV_blend_equation_advanced, table X.1, with (X, Y, Z) = (1, 1, 1).
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
    "clear": lambda aa, ba: (np.zeros_like(aa), np.zeros_like(aa)),
    "destination": lambda aa, ba: (np.zeros_like(aa), np.ones_like(aa)),
    "destination-atop": lambda aa, ba: (1 - ba, aa),
    "conjoint-over": lambda aa, ba: (np.ones_like(aa), np.maximum(ba - aa, 0) / np.where(ba > 0, ba, 1)),
    "disjoint-over": lambda aa, ba: (np.ones_like(aa), np.minimum(ba, 1 - aa) / np.where(ba > 0, ba, 1)),
    "average": lambda aa, ba: (np.full_like(aa, 0.5), np.full_like(aa, 0.5)),
}

SUMS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "plus": lambda a, b, aa: a + b,
    "minus": lambda a, b, aa: a - b,
    "from": lambda a, b, aa: b - a,
    "matte": lambda a, b, aa: a * aa + b * (1 - aa),
}


def by_formula(operation: str, a: Array, b: Array) -> Array:
    """Any operation on premultiplied pictures, with light beyond 0 and 1 as Merge's documentation has it."""
    aa, ba = a[..., 3:], b[..., 3:]
    if operation in FRACTIONS:
        fa, fb = FRACTIONS[operation](aa, ba)
        return a * fa + b * fb
    alpha = np.minimum(aa + ba, 1) if operation == "plus" else aa + ba - aa * ba
    if operation in SUMS:
        return np.concatenate([SUMS[operation](a, b, aa)[..., :3], alpha], -1)
    if operation in blends.MULTIPLIED:
        return np.concatenate([blends.MULTIPLIED[operation](a, b)[..., :3], alpha], -1)
    s, d = a[..., :3] / np.where(aa > 0, aa, 1), b[..., :3] / np.where(ba > 0, ba, 1)
    # W3C, sections 9.1.4 and 5.1: co = αs(1 − αb)Cs + αsαb·B + (1 − αs)αb·Cb.
    mixed = blends.beyond(operation)(s, d)
    return np.concatenate([aa * (1 - ba) * s + aa * ba * mixed + (1 - aa) * ba * d, alpha], -1)


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


def within(seed: int, *, alpha: bool = True) -> Frame:
    """Random premultiplied colour from 0 to 1: what the standards' formulas are made for."""
    random = np.random.default_rng(seed)
    pixels = random.uniform(0, 1, (HEIGHT, WIDTH, 4)).astype(np.float32)
    pixels[..., 3] = pixels[..., 3] if alpha else 1.0
    pixels[..., :3] *= pixels[..., 3:]
    return Frame(pixels)


def _merged(a: Frame, b: Frame, operation: str) -> NDArray[np.float32]:
    return merged(a, b, size=(a.window.width, a.window.height), operation=operation).filled(b.window)


def _formula_error(operation: str) -> float:
    a, b = noise(1), noise(2)
    expected = by_formula(operation, a.pixels.astype(np.float64), b.pixels.astype(np.float64))
    return largest_relative(_merged(a, b, operation), expected)


def _published_error(operation: str) -> float:
    """Straight from the standard's text, on colours from 0 to 1 and any alpha."""
    a, b = within(3), within(4)
    wide_a, wide_b = a.pixels.astype(np.float64), b.pixels.astype(np.float64)
    aa, ba = wide_a[..., 3:], wide_b[..., 3:]
    s, d = wide_a[..., :3] / aa, wide_b[..., :3] / ba
    mixed = blends.published(operation)(s, d)
    colour = aa * (1 - ba) * s + aa * ba * mixed + (1 - aa) * ba * d
    return largest(_merged(a, b, operation)[..., :3], colour)


def displayed(seed: int) -> tuple[Array, Frame]:
    """Colours as sRGB encodes them, [height, width, 3], and the opaque picture of them, by OCIO alone.

    None is grey: what hue grey has is decided by rounding.
    """
    codes = np.random.default_rng(seed).uniform(0, 0.2, (HEIGHT, WIDTH, 3)) + np.array([0.1, 0.4, 0.7])
    return codes, Frame(_through("sRGB Encoded Rec.709 (sRGB)", "ACEScg", codes), opaque=True)


def _through(source: str, target: str, colours: Array) -> NDArray[np.float32]:
    pixels = np.concatenate([colours, np.ones((*colours.shape[:2], 1))], -1).astype(np.float32)
    processor = config().getProcessor(source, target).getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS)
    processor.applyRGBA(pixels)
    return pixels


def _displayed_error(operation: str) -> float:
    """The standard's text on encoded colours, and OCIO there and back."""
    (s, a), (d, b) = displayed(7), displayed(8)
    expected = _through("sRGB Encoded Rec.709 (sRGB)", "ACEScg", blends.published(operation, display=True)(s, d))
    ours = merged(a, b, size=(WIDTH, HEIGHT), operation=operation, space="display").pixels
    return largest_relative(ours[..., :3], expected[..., :3])


def _ffmpeg_error(operation: str) -> float:
    """FFmpeg's blend filter, in float, on opaque colours from 0 to 1; it clips what it gives."""
    mode, swapped = FFMPEG[operation]
    a, b = within(5, alpha=False), within(6, alpha=False)
    first, second = (b, a) if swapped else (a, b)
    theirs = ffmpeg.blended(first.pixels[..., :3], second.pixels[..., :3], mode)
    return largest(np.clip(_merged(a, b, operation)[..., :3], 0, 1), np.clip(theirs, 0, 1))


FFMPEG = {
    "multiply": ("multiply", False), "screen": ("screen", False), "overlay": ("overlay", True),
    "darken": ("darken", False), "lighten": ("lighten", False), "difference": ("difference", False),
    "exclusion": ("exclusion", False), "average": ("average", False), "plus": ("addition", False),
    "minus": ("subtract", False), "from": ("subtract", True), "divide": ("divide", False),
    "geometric": ("harmonic", False), "hard-light": ("hardlight", True), "color-dodge": ("dodge", False),
    "color-burn": ("burn", False), "vivid-light": ("vividlight", False), "linear-light": ("linearlight", False),
    "pin-light": ("pinlight", True),
}  # fmt: skip
"""By operation: FFmpeg's name of it, and whether its first input is b. Its soft light is another."""


def _error(expected: Callable[[Frame, Frame], Array], operation: str = "over") -> float:
    a, b = chart(), noise(3)
    return largest_relative(_merged(a, b, operation), expected(a, b))


def _by_openimageio(operation: str) -> Callable[[Frame, Frame], Array]:
    """A function of OpenImageIO's for colour, with the alpha of what Merge calls a union."""

    def expected(a: Frame, b: Frame) -> Array:
        first, second = (b, a) if operation == "from" else (a, b)
        one, other = buffer(first.pixels), buffer(second.pixels)
        adds = operation in ("plus", "average")
        found = array(oiio.ImageBufAlgo.add(one, other) if adds else oiio.ImageBufAlgo.sub(one, other))
        if operation == "average":
            return found / 2
        aa, ba = (frame.pixels[..., 3:].astype(np.float64) for frame in (a, b))
        alpha = np.minimum(aa + ba, 1) if operation == "plus" else aa + ba - aa * ba
        return np.concatenate([found[..., :3], alpha], -1)

    return expected


def lattice(alphas: tuple[float, ...] = (1.0, 0.5, 0.25, 0.0)) -> tuple[Frame, Frame]:
    """Every pair of straight colours from −1 to 4 in eighths, 0, ½ and 1 among them, with every pair of `alphas`.

    All of it is exact in float32, also multiplied: what differs then differs by the formula, beside poles too.
    """
    steps = np.concatenate([np.arange(-8, 17) / 8, [2.5, 3.0, 4.0]])
    s, d = np.meshgrid(steps, steps, indexing="ij")
    pairs = [(aa, ba) for aa in alphas for ba in alphas]
    fronts = [np.stack([s * aa, s[::-1] * aa, s * aa, np.full_like(s, aa)], -1) for aa, _ in pairs]
    backs = [np.stack([d * ba, d * ba, d[:, ::-1] * ba, np.full_like(d, ba)], -1) for _, ba in pairs]
    return (Frame(np.concatenate(fronts).astype(np.float32)), Frame(np.concatenate(backs).astype(np.float32)))


def _lattice_error(operation: str) -> float:
    a, b = lattice()
    expected = by_formula(operation, a.pixels.astype(np.float64), b.pixels.astype(np.float64))
    return largest_relative(_merged(a, b, operation), expected)


_COLOURFUL = frozenset({"hue", "saturation", "color", "luminosity"})
"""Sums of three weighted channels, and a quotient."""


COMPARISONS = [
    *(
        Comparison("Merge", "Porter–Duff, W3C, NV float64", f"{operation}, −0.5 to 4",
                   4e-6 if operation in _COLOURFUL else 1e-6, partial(_formula_error, operation))
        for operation in Merge.operation.choices if operation not in blends.STEEP
    ),
    *(
        Comparison("Merge", "Porter–Duff, W3C, NV float64", f"{operation}, −1 to 4 in eighths", 1e-6,
                   partial(_lattice_error, operation))
        for operation in Merge.operation.choices if operation in blends.STEEP
    ),
    *(
        Comparison("Merge", "the standard's text, float64", f"{operation}, 0 to 1", 1e-6,
                   partial(_published_error, operation))
        for operation in blends.PUBLISHED if operation not in blends.STEEP
    ),
    *(
        Comparison("Merge", "the standard's text, OCIO", f"{operation}, of sRGB", 5e-6,
                   partial(_displayed_error, operation))
        for operation in ("multiply", "screen", "overlay", "hard-light", "soft-light", "color-dodge", "color-burn",
                          "difference", "exclusion", "hue", "saturation", "color", "luminosity")
    ),
    *(
        Comparison("Merge", "FFmpeg blend, float", operation, 1e-6, partial(_ffmpeg_error, operation))
        for operation in FFMPEG
    ),
    Comparison("Merge", "OpenImageIO over", "over, ramps on noise", 1e-6, lambda: _error(
        lambda a, b: array(oiio.ImageBufAlgo.over(buffer(a.pixels), buffer(b.pixels))))),
    Comparison("Merge", "OpenImageIO zover", "over, by depth", 1e-6, lambda: _error(_by_zover)),
    *(
        Comparison("Merge", "OpenImageIO add, sub, mul", operation, 1e-6,
                   partial(lambda operation: _error(_by_openimageio(operation), operation), operation))
        for operation in ("plus", "minus", "from", "average")
    ),
]  # fmt: skip
