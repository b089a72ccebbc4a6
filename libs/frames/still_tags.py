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
        told = tags.get(name)
        if isinstance(told, tuple | list) and len(told) == 2 and told[1]:
            rate = Fraction(int(told[0]), int(told[1]))
        elif isinstance(told, int | float) and told == told and 0 < told < _MOST_RATE:
            rate = snap_rate(Fraction(told).limit_denominator(1001))
        else:
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
