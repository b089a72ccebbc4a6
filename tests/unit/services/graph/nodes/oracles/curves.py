"""Curves beside OpenColorIO's curve transforms, made of the same points with its own names and scales."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import PyOpenColorIO as ocio

from services.graph.nodes.color.curves import Curves
from tests.unit.services.graph.nodes.oracles.colour import by_ocio, error, light, pictures, within
from tests.unit.services.graph.nodes.oracles.comparison import Comparison
from tests.unit.services.graph.nodes.oracles.pictures import Array

SPACES = {"log": "ACEScct", "linear": "ACEScg", "video": "Gamma 2.4 Encoded Rec.709"}
_STYLES = {"log": ocio.GRADING_LOG, "linear": ocio.GRADING_LIN, "video": ocio.GRADING_VIDEO}
S = ((0.0, 0.0, 0.0), (0.3, 0.24, 0.0), (0.5, 0.56, 0.0), (1.0, 1.0, 0.0))
"""A gentle S."""
STOPS = ((-6.0, -6.5, 0.0), (-2.0, -2.2, 0.0), (0.0, 0.1, 0.0), (4.0, 3.5, 0.0), (6.0, 5.0, 0.0))

CASES: dict[str, dict[str, Any]] = {
    "master": {"master": S},
    "channels": {"red": S, "green": ((0.0, 0.02, 0.0), (1.0, 0.9, 0.0)), "blue": ((0.1, 0.05, 0.0), (0.6, 0.6, 0.0))},
    "all four": {"master": S, "red": S, "blue": ((0.0, 0.05, 0.0), (1.0, 0.95, 0.0))},
    "slopes": {"master": ((0.0, 0.0, 0.5), (0.4, 0.4, 1.5), (1.0, 1.0, 0.7))},
    "linear": {"style": "linear", "master": STOPS, "green": ((-7.0, -7.0, 0.0), (0.0, -0.2, 0.0), (7.0, 7.0, 0.0))},
    "video": {"style": "video", "master": S},
    "hue to hue": {"hue_vs_hue": ((0.0, 0.0), (60.0, 20.0), (120.0, 0.0), (240.0, -30.0))},
    "hue to saturation": {"hue_vs_saturation": ((0.0, 1.5), (120.0, 0.6), (240.0, 1.0))},
    "hue to luminance": {"hue_vs_luminance": ((30.0, 1.4), (200.0, 0.8), (330.0, 1.0))},
    "saturations": {"luminance_vs_saturation": ((0.2, 0.5), (0.4, 1.0), (0.6, 0.7)),
                    "saturation_vs_saturation": ((0.0, 0.0), (0.2, 0.3), (1.0, 1.1)),
                    "saturation_vs_luminance": ((0.0, 1.0), (0.5, 0.7))},
    "hue, linear": {"style": "linear", "hue_vs_saturation": ((0.0, 1.5), (120.0, 0.6), (240.0, 1.0)),
                    "hue_vs_hue": ((0.0, 10.0), (180.0, -10.0))},
    "hue, video": {"style": "video", "hue_vs_saturation": ((0.0, 0.5), (120.0, 1.4), (240.0, 1.0))},
}  # fmt: skip


def _channels(**p: Any) -> Any:
    """OpenColorIO's own transform of the curves of channels."""
    style = _STYLES[p.get("style", "log")]
    value = ocio.GradingRGBCurve(style)
    for name in ("master", "red", "green", "blue"):
        if name in p:
            curve = ocio.GradingBSplineCurve([number for row in p[name] for number in row[:2]])
            if any(row[2] for row in p[name]):
                curve.setSlopes([row[2] for row in p[name]])
            setattr(value, name, curve)
    transform = ocio.GradingRGBCurveTransform(style)
    transform.setValue(value)
    return transform


def _hues(**p: Any) -> Any:
    """Hues as turns from magenta, and the points in their order there."""
    style = _STYLES[p.get("style", "log")]
    value = ocio.GradingHueCurve(style)
    for ours, theirs, kind, unit in [
        ("hue_vs_hue", "hue_fx", ocio.HUE_FX, 1 / 360),
        ("hue_vs_saturation", "hue_sat", ocio.HUE_SAT, 1.0),
        ("hue_vs_luminance", "hue_lum", ocio.HUE_LUM, 1.0),
    ]:
        if ours in p:
            turned = sorted(((hue + 60) % 360 / 360, y * unit) for hue, y in p[ours])
            setattr(value, theirs, ocio.GradingBSplineCurve([number for point in turned for number in point], kind))
    for ours, theirs, kind in [
        ("luminance_vs_saturation", "lum_sat", ocio.LUM_SAT),
        ("saturation_vs_saturation", "sat_sat", ocio.SAT_SAT),
        ("saturation_vs_luminance", "sat_lum", ocio.SAT_LUM),
    ]:
        if ours in p:
            setattr(value, theirs, ocio.GradingBSplineCurve([number for row in p[ours] for number in row], kind))
    transform = ocio.GradingHueCurveTransform(style)
    transform.setValue(value)
    return transform


def expected(rgb: Array, **p: Any) -> Array:
    transform = ocio.GroupTransform([_channels(**p), _hues(**p)])
    return within(SPACES[p.get("style", "log")], lambda c: by_ocio(transform, c), rgb)


def hue_of(rgb: npt.NDArray[Any]) -> Array:
    """Degrees from red, as hexagons have it (A. R. Smith, Color Gamut Transform Pairs, 1978)."""
    r, g, b = np.moveaxis(np.asarray(rgb, np.float64), -1, 0)
    most, span = np.max(rgb, -1), np.ptp(rgb, -1)
    sixth = np.where(most == r, (g - b) / span, np.where(most == g, 2 + (b - r) / span, 4 + (r - g) / span))
    result: Array = sixth * 60 % 360
    return result


# In light, OpenColorIO's own logarithms and powers are good to 2e-5 of a stop.
COMPARISONS = [
    Comparison("Curves", "OCIO GradingRGBCurve, GradingHueCurve", f"{name}, {picture}",
               2e-4 if params.get("style") == "linear" or "hue" in name else 5e-5,
               partial(error, Curves, partial(expected, **params), frame, **params))
    for name, params in CASES.items() for picture, frame in (light() if "hue" in name else pictures()).items()
]  # fmt: skip
