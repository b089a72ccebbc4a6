"""TimeRemap beside NumPy's interpolation of its keys."""

import numpy as np

from services.graph.nodes.time.time_remap import TimeRemap
from tests.unit.services.graph.nodes.moving import shown
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest

TIMES, SOURCES = [0.1, 0.5, 0.8, 1.7], [0.25, 1.0, 1.0, -0.5]


def _seconds(method: str, clock: float) -> float:
    """Of 50 frames: which second of the clip is seen."""
    keys = [[time, source] for time, source in zip(TIMES, SOURCES, strict=True)]
    ours = shown(TimeRemap, {"source": {"keys": keys}, "method": method}, 50, clock=clock, duration=2)
    return largest(ours, np.interp(np.arange(50) / 25, TIMES, SOURCES))


COMPARISONS = [
    Comparison(
        "TimeRemap", "NumPy interp", "seconds of a clip that never rests", 2e-6, lambda: _seconds("nearest", 0.0)
    ),
    Comparison("TimeRemap", "NumPy interp", "seconds, blended from 25 a second", 2e-6, lambda: _seconds("blend", 25.0)),
]
