"""What stills say of themselves beside their pixels and colours."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from libs.frames.timing import snap_rate

_RATES: Final = ("framesPerSecond", "FramesPerSecond", "dpx:FrameRate")
_MOST_RATE: Final = 1000


def rate_of(tags: dict[str, Any]) -> Fraction | None:
    """Frames a second, where a still tells."""
    for name in _RATES:
        # An attribute of that name may be of any type.
        match tags.get(name):
            case (int(above), int(below)) if below:
                rate = Fraction(above, below)
            case int() | float() as told if 0 < told < _MOST_RATE:
                rate = snap_rate(Fraction(told).limit_denominator(1001))
            case _:
                continue
        if 0 < rate < _MOST_RATE:
            return rate
    return None


def aspect_of(tags: dict[str, Any]) -> Fraction:
    """Width of a pixel for a height of 1."""
    told = tags.get("PixelAspectRatio", 1.0)
    if not isinstance(told, int | float) or not 0.1 <= told <= 10.0:
        return Fraction(1)
    return Fraction(float(told)).limit_denominator(1000)
