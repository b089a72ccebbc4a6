"""Curves through points, as OpenColorIO fits them: quadratic splines, rising, level or over the circle of hues.

What it fits needs order: points one after the other, and in rising curves none below the one before. Keyframes that
swing beyond their keys can break it between two good curves, so it is made sure of here, whatever comes.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import PyOpenColorIO as ocio

from artifex.nodes import Rows

_GAP: Final = 1e-3
"""The least distance of two points across: no value changes faster than within this."""
_RED: Final = 1 / 6
"""Where OpenColorIO's circle of hues, which begins at magenta, has red."""


def rising(points: Rows) -> ocio.GradingBSplineCurve:
    """The curve through (x, y, slope), which never falls. Where all slopes are 0, they follow from the points."""
    ordered = _apart(points)
    curve = ocio.GradingBSplineCurve(_flat(_climbing(ordered)))
    slopes = [max(row[2], 0.0) for row in ordered]
    if any(slopes):
        curve.setSlopes(slopes)
    return curve


def over(points: Rows, kind: ocio.HueCurveType) -> ocio.GradingBSplineCurve:
    """The curve through (x, y), of one of OpenColorIO's kinds that are not over hues."""
    ordered = _apart(points)
    return ocio.GradingBSplineCurve(_flat(_climbing(ordered) if kind == ocio.SAT_SAT else ordered), kind)


def over_hue(points: Rows, kind: ocio.HueCurveType, unit: float = 1.0) -> ocio.GradingBSplineCurve:
    """The curve through (degrees from red, y · `unit`), which is the same a circle later."""
    turned = _apart([((degrees / 360.0 + _RED) % 1.0, y * unit) for degrees, y in points])
    first, span = turned[0][0], turned[-1][0] - turned[0][0]
    # The first point comes again after the last.
    narrower = min(1.0, (1.0 - _GAP) / span)
    return ocio.GradingBSplineCurve(_flat([(first + (x - first) * narrower, y) for x, y in turned]), kind)


def disorder(points: Rows, *, falls: bool) -> str | None:
    """What of the points no curve goes through as they are, and what to do; None where all is well.

    `falls`: whether the curve may.
    """
    for before, after in pairwise(points):
        if after[0] < before[0] + _GAP:
            return (
                f"its points come from left to right, at least {_GAP:g} apart; move the one at {after[0]:g}, "
                f"which follows {before[0]:g}"
            )
        if after[1] < before[1] and not falls:
            return f"the curve may not fall; raise the point at {after[0]:g} to {before[1]:g} or more"
    return None


def _apart(points: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """From left to right, each at least the gap after the one before."""
    ordered: list[tuple[float, ...]] = []
    for row in sorted(points):
        x = max(row[0], ordered[-1][0] + _GAP) if ordered else row[0]
        ordered.append((x, *row[1:]))
    return ordered


def _climbing(points: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """None below the one before. Rises of next to nothing are none: slopes are divided by them."""
    highest = -math.inf
    climbing: list[tuple[float, ...]] = []
    for x, y, *_ in points:
        highest = max(highest, round(y, 6))
        climbing.append((x, highest))
    return climbing


def _flat(points: Sequence[tuple[float, ...]]) -> list[float]:
    return [number for row in points for number in row[:2]]
