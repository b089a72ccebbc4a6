"""FilmEmulation beside its model in float64."""

from functools import partial
from typing import Any

import numpy as np

from services.graph.nodes.color.film_emulation import FilmEmulation
from tests.unit.services.graph.nodes.oracles.colour import error, pictures
from tests.unit.services.graph.nodes.oracles.comparison import Comparison
from tests.unit.services.graph.nodes.oracles.pictures import Array

# Gamma of the negative; gamma and range of the print; couplers, silver, printer lights.
STOCKS: dict[str, tuple[float, list[float], list[float], float, float, list[float]]] = {
    "neutral": (0.6, [3.2, 3.2, 3.2], [3.5, 3.5, 3.5], 0.12, 0.0, [0, 0, 0]),
    "soft": (0.55, [2.6, 2.6, 2.6], [3.5, 3.5, 3.5], 0.08, 0.0, [0, 0, 0]),
    "punchy": (0.6, [3.9, 3.9, 3.9], [3.8, 3.8, 3.8], 0.2, 0.0, [0, 0, 0]),
    "warm": (0.6, [3.1, 3.2, 3.35], [3.5, 3.5, 3.5], 0.14, 0.0, [-1.5, 0, 2]),
    "cool": (0.6, [3.35, 3.2, 3.1], [3.5, 3.5, 3.5], 0.1, 0.0, [1.5, 0, -1.5]),
    "faded": (0.6, [2.4, 2.6, 2.9], [1.5, 1.8, 1.9], 0.02, 0.0, [-1, 0, 1]),
    "bleach_bypass": (0.6, [2.6, 2.6, 2.6], [3.5, 3.5, 3.5], 0.12, 0.8, [0, 0, 0]),
}
CASES: dict[str, dict[str, Any]] = {
    **{stock: {"stock": stock} for stock in STOCKS},
    "pushed": {"exposure": 2.0, "contrast": 1.4, "white": 4.0},
    "printed": {"printer_lights": (5.0, 0.0, -5.0, 1.0), "couplers": 0.3, "silver": 0.5},
    "flat": {"stock": "faded", "contrast": 0.6, "couplers": -0.5, "white": 1.0},
}


def _logistic(x: Array, full: float, gamma: float, grey: float) -> Array:
    steepness = 4.0 * gamma / full
    centre = np.log(full / grey - 1.0) / steepness
    result: Array = full / (1.0 + np.exp(-steepness * (x - centre)))
    return result


def expected(rgb: Array, **p: Any) -> Array:
    """The docstring's model."""
    negative, gammas, ranges, couplers, silver, lights = STOCKS[p.get("stock", "neutral")]
    couplers, silver, white = couplers + p.get("couplers", 0.0), silver + p.get("silver", 0.0), p.get("white", 1.25)
    offsets = 0.025 * (np.array(lights) + p.get("printer_lights", (0.0,) * 4)[:3])
    x = np.log10(np.clip(rgb * 2.0 ** p.get("exposure", 0.0) / 0.18, 1e-4, 1e4))
    thin = 0.70 - _logistic(x, 2.046, negative, 0.70)
    y = (1.0 + couplers) * thin - couplers * thin.mean(-1, keepdims=True) + offsets
    prints = []
    for channel, (gamma, full) in enumerate(zip(gammas, ranges, strict=True)):
        grey = min(np.log10(white / 0.18) / (1.0 + silver), 0.9 * full)
        prints.append(_logistic(y[..., channel], full, gamma * p.get("contrast", 1.0), grey))
    density = np.stack(prints, -1)
    result: Array = white * 10.0 ** -(density + silver * density.mean(-1, keepdims=True))
    return result


COMPARISONS = [
    Comparison("FilmEmulation", "float64", f"{name}, {picture}", 2e-5,
               partial(error, FilmEmulation, partial(expected, **params), frame, **params))
    for name, params in CASES.items() for picture, frame in pictures().items()
]  # fmt: skip
