"""Glow beside its formula in float64, with SciPy's Gaussians."""

from typing import Any

import numpy as np
from scipy import ndimage

from artifex.nodes import Frame, Output, Window
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.nodes.effect.glow import Glow
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import WHOLE, Array, chart, noise
from tests.unit.services.graph.support import node


def glowing(frame: Frame, region: Window = WHOLE, output: Output | None = None, **params: Any) -> Frame:
    masks: dict[str, Frame] = {name: params.pop(name) for name in ("mask", "source") if name in params}
    size = (WHOLE.width, WHOLE.height)
    return applied(node(Glow, **params), {"video": frame, **masks}, size, region=region, output=output)


def bright_part(frame: Frame, threshold: float, knee: float, window: Window) -> Array:
    """B, by a table of the knee's curve: its second derivative, integrated twice."""
    pixels = frame.filled(window).astype(np.float64)
    light = pixels[..., :3].max(-1)
    width = threshold * knee
    # s'' is 1 / 2K within the knee: s is the ramp max(0, L − T), averaged over L ± K.
    at = (np.arange(2000) + 0.5) / 1000 - 1.0
    ramp = np.zeros_like(light)
    for shift in at if width else (0.0,):
        ramp += np.maximum(light - threshold + shift * width, 0.0)
    ramp /= at.size if width else 1
    share = np.divide(ramp, light, out=np.zeros_like(light), where=light > 0)
    result: Array = np.maximum(pixels, 0.0) * share[..., None]
    result[..., 3] = 0.0
    return result


def by_formula(
    frame: Frame,
    *,
    threshold: float,
    knee: float,
    size: tuple[float, float],
    octaves: int,
    falloff: float,
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0),
    conserve: bool = False,
) -> tuple[Array, Array]:
    """The picture with all of its glow, and what is added to it."""
    reach = int(5 * max(size) * 2 ** (octaves - 1)) + 1
    canvas = WHOLE.union(frame.window).grown(reach)
    bright = bright_part(frame, threshold, knee, canvas)
    weights = falloff ** np.arange(octaves)
    light = np.zeros_like(bright)
    for octave, weight in enumerate(weights / weights.sum()):
        sigma = (size[1] * 2**octave, size[0] * 2**octave, 0)
        light += weight * ndimage.gaussian_filter(bright, sigma, mode="constant", truncate=7.0)
    light *= [*WorkingColour("ACEScg").from_display(tint), 1.0]
    if conserve:
        light -= bright
    part = light[WHOLE.inside(canvas)]
    return frame.filled(WHOLE) + part, part


_PLAIN: dict[str, Any] = {"threshold": 0.8, "knee": 0.5, "size": (1.5, 2.0), "octaves": 3, "falloff": 0.6}
_WIDE: dict[str, Any] = {"threshold": 2.0, "knee": 1.0, "size": (4.0, 4.0), "octaves": 2, "falloff": 1.5}

COMPARISONS = [
    Comparison("Glow", "formula in float64, SciPy's Gaussians", "three octaves beyond 0.8", 1e-5,
               lambda: largest(glowing(noise(1), **_PLAIN).filled(WHOLE), by_formula(noise(1), **_PLAIN)[0])),
    Comparison("Glow", "formula in float64, SciPy's Gaussians", "tinted, moved light of ramps up to 16", 2e-4,
               lambda: largest(
                   glowing(chart(), **_WIDE, energy="conserve", tint=(1.0, 0.5, 0.2, 1.0)).filled(WHOLE),
                   by_formula(chart(), **_WIDE, conserve=True, tint=(1.0, 0.5, 0.2))[0])),
]  # fmt: skip
