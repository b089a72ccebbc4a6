"""ColorWheels beside the formulas of primary grading in float64, and OpenColorIO's GradingPrimaryTransform."""

from functools import partial
from typing import Any

import numpy as np
import PyOpenColorIO as ocio

from services.graph.nodes.color.color_wheels import ColorWheels
from tests.unit.services.graph.nodes.oracles.colour import (
    by_ocio,
    error,
    from_acescct,
    mirrored_power,
    pictures,
    to_acescct,
    with_saturation,
    within,
)
from tests.unit.services.graph.nodes.oracles.comparison import Comparison
from tests.unit.services.graph.nodes.oracles.pictures import Array, noise

SPACES = {"log": "ACEScct", "linear": "ACEScg", "video": "Gamma 2.4 Encoded Rec.709"}

CASES: dict[str, dict[str, Any]] = {
    "log brightness": {"brightness": (9.35, 0.0, -9.35, 1.0)},
    "log contrast": {"contrast": (1.3, 1.0, 0.8, 1.0), "pivot": 0.3},
    "log gamma": {"gamma": (1.2, 1.0, 0.8, 1.0), "pivot_black": 0.1, "pivot_white": 0.8},
    "log": {"brightness": (4.0, 0.0, -3.0, 1.0), "contrast": (1.2, 1.1, 1.0, 1.0), "gamma": (1.1, 1.0, 0.9, 1.0),
            "saturation": 1.2},
    "linear exposure": {"style": "linear", "exposure": (1.0, 0.0, -1.0, 1.0)},
    "linear": {"style": "linear", "exposure": (0.5, 0.2, -0.3, 1.0), "offset": (0.01, 0.0, -0.02, 1.0),
               "contrast": (1.2, 1.1, 0.9, 1.0), "pivot": 0.4, "saturation": 0.7},
    "video lift": {"style": "video", "lift": (0.05, 0.0, -0.05, 1.0)},
    "video gain": {"style": "video", "gain": (1.3, 1.0, 0.8, 1.0)},
    "video": {"style": "video", "lift": (0.03, 0.0, -0.02, 1.0), "gamma": (1.2, 1.0, 0.9, 1.0),
              "gain": (1.1, 1.0, 0.9, 1.0), "offset": (0.0, 0.02, 0.0, 1.0), "saturation": 1.3, "pivot_black": 0.05,
              "pivot_white": 0.95},
}  # fmt: skip


def graded(c: Array, **p: Any) -> Array:
    """The docstring's formulas, in the style's space."""
    wheel = {
        name: np.array(p.get(name, (default,) * 3)[:3])
        for name, default in [("lift", 0.0), ("gamma", 1.0), ("gain", 1.0), ("offset", 0.0), ("brightness", 0.0),
                              ("contrast", 1.0), ("exposure", 0.0)]
    }  # fmt: skip
    style, pivot = p.get("style", "log"), p.get("pivot", 0.18)
    black, white = p.get("pivot_black", 0.0), p.get("pivot_white", 1.0)
    if style == "linear":
        c = (c + wheel["offset"]) * 2.0 ** wheel["exposure"]
        c = pivot * mirrored_power(c / pivot, wheel["contrast"])
    elif style == "log":
        at = float(to_acescct(np.array(pivot)))
        c = (c + wheel["brightness"] * 6.25 / 1023 - at) * wheel["contrast"] + at
    else:
        slope = (white - black) / (white / wheel["gain"] + wheel["lift"] - black)
        c = (c - black + wheel["offset"] + wheel["lift"]) * slope + black
    if style != "linear":
        c = black + (white - black) * mirrored_power((c - black) / (white - black), 1 / wheel["gamma"])
    return with_saturation(c, p.get("saturation", 1.0))


def expected(rgb: Array, **p: Any) -> Array:
    return within(SPACES[p.get("style", "log")], partial(graded, **p), rgb)


def _by_transform(rgb: Array) -> Array:
    """The log case by OpenColorIO itself, with its own names and units."""
    value = ocio.GradingPrimary(ocio.GRADING_LOG)
    value.brightness = ocio.GradingRGBM(4.0, 0.0, -3.0, 0.0)
    value.contrast = ocio.GradingRGBM(1.2, 1.1, 1.0, 1.0)
    value.gamma = ocio.GradingRGBM(1.1, 1.0, 0.9, 1.0)
    value.saturation = 1.2
    value.pivot = -0.1728230  # 0.41358848 is 0.5 + 0.5 of it
    transform = ocio.GradingPrimaryTransform(ocio.GRADING_LOG)
    transform.setValue(value)
    return from_acescct(by_ocio(transform, to_acescct(rgb)))


# OpenColorIO's own powers are good to 2e-5 of a code of a logarithm, which is twelve times as much light.
COMPARISONS = [
    *(
        Comparison("ColorWheels", "float64", f"{name}, {picture}", 2e-5,
                   partial(error, ColorWheels, partial(expected, **params), frame, **params))
        for name, params in CASES.items() for picture, frame in pictures().items()
    ),
    Comparison("ColorWheels", "OCIO GradingPrimaryTransform", "log", 5e-4,
               partial(error, ColorWheels, _by_transform, noise(5), **CASES["log"])),
]  # fmt: skip
