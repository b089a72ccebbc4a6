"""HDRGrading beside its zones in float64, and OpenColorIO's tonal grading and curves."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import PyOpenColorIO as ocio

from artifex.nodes import Frame
from services.graph.nodes.color.hdr_grading import HDRGrading
from tests.unit.services.graph.nodes.oracles.colour import by_ocio, changed, error, pictures
from tests.unit.services.graph.nodes.oracles.comparison import Comparison
from tests.unit.services.graph.nodes.oracles.pictures import Array

ZONES = {"blacks": -5.0, "shadows": -2.5, "midtones": 0.0, "highlights": 2.5, "whites": 5.0}
"""Where they are, in stops from middle grey."""
# OpenColorIO counts stops from a grey that is shifted by this, so that its logarithm joins a line smoothly.
SHIFT = -0.000157849851665374

CASES: dict[str, dict[str, Any]] = {
    "exposure": {"exposure": 1.5},
    "midtones": {"midtones": (0.5, 0.3, 0.2, 1.0)},
    "zones": {"blacks": (-0.5, -0.5, -0.3, 1.0), "shadows": (0.4, 0.3, 0.2, 1.0), "highlights": (-0.4, -0.5, -0.6, 1.0),
              "whites": (-1.0, -1.0, -1.2, 1.0)},
    "shoulder": {"shoulder": 0.4},
    "toe": {"toe": 1.4, "toe_start": -1.0},
    "contrast": {"contrast": 1.3},
    "tone": {"shoulder": 0.6, "toe": 0.8, "contrast": 0.8, "shoulder_start": 0.5, "shoulder_width": 6.0},
    "saturation": {"midtones_saturation": 1.4, "whites_saturation": 0.3},
    "all": {"exposure": -0.3, "shadows": (0.5, 0.4, 0.3, 1.0), "shoulder": 0.6, "contrast": 1.1,
            "highlights_saturation": 0.8},
}  # fmt: skip


def light_at(stops: Array | float) -> Array:
    """Of a place in stops, the light."""
    result: Array = np.exp2(stops) * (0.18 + SHIFT) - SHIFT
    return result


def _curve(exposures: list[float]) -> Any:
    points = [(at, at + by) for at, by in zip(ZONES.values(), exposures, strict=True)]
    points = [(-6.0, -6.0 + exposures[0]), *points, (6.0, 6.0 + exposures[-1])]
    curve = ocio.GradingBSplineCurve([number for point in points for number in point])
    curve.setSlopes([1.0] * len(points))
    return curve


def expected(rgb: Array, **p: Any) -> Array:
    """By OpenColorIO's transforms one after the other, each by itself."""
    c = rgb * 2.0 ** p.get("exposure", 0.0)
    if any(zone in p for zone in ZONES):
        curves = ocio.GradingRGBCurve(ocio.GRADING_LIN)
        for channel, name in enumerate(("red", "green", "blue")):
            setattr(curves, name, _curve([p.get(zone, (0.0,) * 4)[channel] for zone in ZONES]))
        zones = ocio.GradingRGBCurveTransform(ocio.GRADING_LIN)
        zones.setValue(curves)
        c = by_ocio(zones, c)
    if p.keys() & {"toe", "shoulder", "contrast"}:
        tone = ocio.GradingTone(ocio.GRADING_LIN)
        tone.blacks = ocio.GradingRGBMSW(1, 1, 1, p.get("toe", 1.0), p.get("toe_start", -2.0), p.get("toe_width", 4.0))
        tone.whites = ocio.GradingRGBMSW(
            1, 1, 1, p.get("shoulder", 1.0), p.get("shoulder_start", 1.0), p.get("shoulder_width", 4.0)
        )
        tone.scontrast = p.get("contrast", 1.0)
        toned = ocio.GradingToneTransform(ocio.GRADING_LIN)
        toned.setValue(tone)
        c = by_ocio(toned, c)
    if any(f"{zone}_saturation" in p for zone in ZONES):
        amounts = [p.get(f"{zone}_saturation", 1.0) for zone in ZONES]
        places = [-6.0, *ZONES.values(), 6.0]
        points = [n for point in zip(places, [amounts[0], *amounts, amounts[-1]], strict=True) for n in point]
        hues = ocio.GradingHueCurve(ocio.GRADING_LIN)
        hues.lum_sat = ocio.GradingBSplineCurve(points, ocio.LUM_SAT)
        saturated = ocio.GradingHueCurveTransform(ocio.GRADING_LIN)
        saturated.setValue(hues)
        c = by_ocio(saturated, c)
    return np.asarray(c)


def greys(light: npt.NDArray[Any]) -> Frame:
    pixels = np.ones((1, len(light), 4), np.float32)
    pixels[0, :, :3] = light[:, None]
    return Frame(pixels, opaque=True)


def at_zones() -> float:
    """At its place each zone is exposed by just what it says, and beyond the last by what that says."""
    exposures = np.array([0.3, -0.4, 0.2, 0.5, -0.6, -0.6, -0.6])
    places = np.array([*ZONES.values(), 6.5, 9.0])
    params = {zone: (float(by),) * 3 + (1.0,) for zone, by in zip(ZONES, exposures, strict=False)}
    result = changed(HDRGrading, greys(light_at(places)), **params).pixels[0, :, 0]
    return float(np.abs(result / light_at(places + exposures) - 1.0).max())


COMPARISONS = [
    *(
        Comparison("HDRGrading", "OCIO GradingTone, GradingRGBCurve, GradingHueCurve", f"{name}, {picture}", 2e-4,
                   partial(error, HDRGrading, partial(expected, **params), frame, **params))
        for name, params in CASES.items() for picture, frame in pictures().items()
    ),
    Comparison("HDRGrading", "float64", "stops at the zones' places, as parts of the light", 1e-5, at_zones),
]  # fmt: skip
