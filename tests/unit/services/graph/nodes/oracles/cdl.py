"""CDL beside the ASC's formula in float64, and OpenColorIO's CDLTransform."""

from functools import partial
from typing import Any

import numpy as np
import PyOpenColorIO as ocio

from services.graph.nodes.color.cdl import CDL
from tests.unit.services.graph.nodes.oracles.colour import by_ocio, error, pictures, with_saturation, within
from tests.unit.services.graph.nodes.oracles.comparison import Comparison
from tests.unit.services.graph.nodes.oracles.pictures import Array, noise

NAMES = {"working": "ACEScg", "acescct": "ACEScct", "display": "Gamma 2.4 Encoded Rec.709"}

GRADE: dict[str, Any] = {
    "slope": (1.2, 0.9, 0.8, 1.0), "offset": (0.02, -0.03, 0.05, 1.0), "power": (1.1, 0.8, 1.3, 1.0), "saturation": 0.8,
}  # fmt: skip
CASES: dict[str, dict[str, Any]] = {
    "slope": {"slope": (1.5, 1.0, 0.5, 1.0)},
    "offset": {"offset": (0.1, 0.0, -0.1, 1.0)},
    "power": {"power": (1.5, 1.0, 0.6, 1.0)},
    "saturation": {"saturation": 1.1},
    "all": GRADE,
    "all, clamped": {**GRADE, "clamp": True},
    "all in light": {**GRADE, "space": "working"},
    "all in light, clamped": {**GRADE, "space": "working", "clamp": True},
    "all in display": {**GRADE, "space": "display"},
}


def by_asc(rgb: Array, **p: Any) -> Array:
    """ASC CDL 1.2; without the clamp, the power of what is negative is what it was."""
    slope, offset, power = (
        np.array(p.get(name, (default,) * 3)[:3]) for name, default in [("slope", 1.0), ("offset", 0.0), ("power", 1.0)]
    )
    c = rgb * slope + offset
    if p.get("clamp"):
        c = np.clip(c, 0, 1)
    c = with_saturation(np.where(c > 0, np.maximum(c, 0) ** power, c), p.get("saturation", 1.0))
    return np.clip(c, 0, 1) if p.get("clamp") else c


def expected(rgb: Array, **p: Any) -> Array:
    return within(NAMES[p.get("space", "acescct")], partial(by_asc, **p), rgb)


def _by_transform(rgb: Array, **p: Any) -> Array:
    transform = ocio.CDLTransform()
    transform.setSOP([*p["slope"][:3], *p["offset"][:3], *p["power"][:3]])
    transform.setSat(p["saturation"])
    transform.setStyle(ocio.CDL_ASC if p.get("clamp") else ocio.CDL_NO_CLAMP)
    return by_ocio(transform, rgb)


COMPARISONS = [
    *(
        Comparison("CDL", "ASC CDL 1.2 float64", f"{name}, {picture}", 1e-5,
                   partial(error, CDL, partial(expected, **params), frame, **params))
        for name, params in CASES.items() for picture, frame in pictures().items()
    ),
    *(
        Comparison("CDL", "OCIO CDLTransform", name, 1e-5,
                   partial(error, CDL, partial(_by_transform, **CASES[name]), noise(3), **CASES[name]))
        for name in ("all in light", "all in light, clamped")
    ),
]  # fmt: skip
