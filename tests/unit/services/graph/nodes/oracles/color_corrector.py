"""ColorCorrector beside its formula in float64 and OpenColorIO's own CDL."""

from functools import partial
from typing import Any

import numpy as np
import PyOpenColorIO as ocio

from artifex.nodes import Frame
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.nodes.color.color_corrector import ColorCorrector
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest_relative
from tests.unit.services.graph.nodes.oracles.pictures import Array, chart, noise, straight
from tests.unit.services.graph.support import node

LUMA = np.array(WorkingColour("ACEScg").luma)

CASES: dict[str, dict[str, Any]] = {
    "exposure": {"exposure": 1.5},
    "gain": {"gain": (1.2, 0.8, 1.1, 1.0)},
    "lift": {"lift": (0.1, 0.0, -0.1, 1.0)},
    "gamma": {"gamma": (1.2, 0.8, 2.2, 1.0)},
    "offset": {"offset": (0.05, -0.02, 0.0, 1.0)},
    "contrast": {"contrast": 1.4},
    "flat, other pivot": {"contrast": 0.6, "pivot": 0.4},
    "grey": {"saturation": 0.0},
    "saturated": {"saturation": 1.7},
    "everything": {
        "exposure": -0.7, "lift": (0.02, 0.03, 0.04, 1.0), "gamma": (1.1, 1.0, 0.9, 1.0),
        "gain": (1.3, 1.0, 0.7, 1.0), "offset": (0.01, 0.0, -0.01, 1.0), "contrast": 1.2, "saturation": 1.3,
    },
}  # fmt: skip


def by_formula(rgb: Array, **p: Any) -> Array:
    """The docstring's formula; the power of the ASC CDL leaves negative numbers alone."""
    lift, gamma, gain, offset = (
        np.array(p.get(name, (default,) * 3)[:3])
        for name, default in [("lift", 0.0), ("gamma", 1.0), ("gain", 1.0), ("offset", 0.0)]
    )
    pivot, contrast = p.get("pivot", 0.18), p.get("contrast", 1.0)

    def power(x: Array, y: Array | float) -> Array:
        return np.where(x > 0, np.power(np.maximum(x, 0), y), x)

    c = rgb * 2.0 ** p.get("exposure", 0.0)
    c = power(c * gain * (1 - lift) + gain * lift + offset, 1 / gamma)
    c = pivot * power(c / pivot, contrast) if contrast != 1 else c
    luma = (c * LUMA).sum(-1, keepdims=True)
    result: Array = luma + p.get("saturation", 1.0) * (c - luma)
    return result


def graded(frame: Frame, **params: Any) -> Frame:
    size = (max(1, frame.window.right), max(1, frame.window.bottom))
    return applied(node(ColorCorrector, **params), {"video": frame}, size)


def by_cdl(rgb: Array) -> Array:
    """Exposure, gain, offset and gamma of the last case are slope, offset and power of a CDL without clamping."""
    p = CASES["everything"]
    slope = [2.0 ** p["exposure"] * gain * (1 - lift) for gain, lift in zip(p["gain"][:3], p["lift"][:3], strict=True)]
    offset = [g * low + o for g, low, o in zip(p["gain"][:3], p["lift"][:3], p["offset"][:3], strict=True)]
    cdl = ocio.CDLTransform()
    cdl.setSlope(slope)
    cdl.setOffset(offset)
    cdl.setPower([1 / gamma for gamma in p["gamma"][:3]])
    cdl.setStyle(ocio.CDL_NO_CLAMP)
    processor = ocio.Config.CreateRaw().getProcessor(cdl)
    pixels = np.ascontiguousarray(rgb, dtype=np.float32)
    # Its exact powers, not the fast ones.
    processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS).applyRGB(pixels)
    return pixels.astype(np.float64)


def _error(frame: Frame, expected: Array, **params: Any) -> float:
    """On straight colour, since that is what is graded, where there is any."""
    alpha = frame.pixels[..., 3] > 0.01
    return largest_relative(straight(graded(frame, **params).pixels)[alpha][:, :3], expected[alpha])


def _case_error(frame: Frame, params: dict[str, Any]) -> float:
    return _error(frame, by_formula(straight(frame.pixels)[..., :3], **params), **params)


def _cdl_error() -> float:
    names = ("exposure", "lift", "gamma", "gain", "offset")
    params = {name: CASES["everything"][name] for name in names}
    return _error(noise(4), by_cdl(straight(noise(4).pixels)[..., :3]), **params)


COMPARISONS = [
    *(
        Comparison("ColorCorrector", "CDL arithmetic float64", name, 2e-4, partial(_case_error, noise(1), params))
        for name, params in CASES.items()
    ),
    Comparison("ColorCorrector", "CDL arithmetic float64", "ramps from −0.2 to 16", 4e-4,
               partial(_case_error, chart(), CASES["everything"])),
    Comparison("ColorCorrector", "OCIO CDLTransform", "slope, offset, power", 2e-4, _cdl_error),
]  # fmt: skip
