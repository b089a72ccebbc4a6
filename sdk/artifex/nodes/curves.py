"""Values over time: keyframes and the ways between them."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray


class Ease(StrEnum):
    """How a curve arrives at a key from the one before. With u from 0 (the key before) to 1 (this key):"""

    STEP = "step"
    """Keeps the value of the key before until this key's time."""
    LINEAR = "linear"
    """u"""
    EASE_IN = "ease_in"
    """u²: starts at rest."""
    EASE_OUT = "ease_out"
    """1 − (1 − u)²: ends at rest."""
    EASE_IN_OUT = "ease_in_out"
    """3u² − 2u³ (smoothstep): starts and ends at rest."""


EASES: Final = tuple(ease.value for ease in Ease)

_SOLVED: Final = 1e-13
"""How near to u the first coordinate of a Bézier curve is solved for."""
_ROUNDS: Final = 64


@dataclass(frozen=True, slots=True)
class Bezier:
    """A cubic Bézier curve from (0, 0) to (1, 1) with the handles (x1, y1) and (x2, y2).

    Of the curve's point whose first coordinate is u, the second: `cubic-bezier()` of CSS Easing Functions Level 1.
    x1 and x2 are from 0 to 1, so that there is one such point; y1 and y2 may lie outside, and the curve then swings
    beyond its keys' values.
    """

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        if not (0.0 <= self.x1 <= 1.0 and 0.0 <= self.x2 <= 1.0):
            raise ValueError("the first coordinates of a curve's handles are from 0 to 1")
        if not (math.isfinite(self.y1) and math.isfinite(self.y2)):
            raise ValueError("a curve's handles are finite")

    @property
    def overshoots(self) -> bool:
        """Whether the curve may leave the range between its keys."""
        return not (0.0 <= self.y1 <= 1.0 and 0.0 <= self.y2 <= 1.0)

    def __call__(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        # Newton's method, which bisection takes over from where a step would leave what is known to hold the root.
        low, high, s = np.zeros_like(u), np.ones_like(u), u.copy()
        for _ in range(_ROUNDS):
            error = _cubic(self.x1, self.x2, s) - u
            if np.abs(error).max(initial=0.0) <= _SOLVED:
                break
            low, high = np.where(error < 0.0, s, low), np.where(error > 0.0, s, high)
            slope = _cubic_slope(self.x1, self.x2, s)
            with np.errstate(divide="ignore", invalid="ignore"):
                step = s - error / slope
            s = np.where((step > low) & (step < high), step, 0.5 * (low + high))
        result: NDArray[np.float64] = np.where(u <= 0.0, 0.0, np.where(u >= 1.0, 1.0, _cubic(self.y1, self.y2, s)))
        return result


def _cubic(a: float, b: float, s: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Bernstein polynomial of the coordinates 0, a, b, 1, by Horner."""
    return ((1.0 + 3.0 * (a - b)) * s + 3.0 * (b - 2.0 * a)) * s * s + 3.0 * a * s


def _cubic_slope(a: float, b: float, s: NDArray[np.float64]) -> NDArray[np.float64]:
    return (3.0 * (1.0 + 3.0 * (a - b)) * s + 6.0 * (b - 2.0 * a)) * s + 3.0 * a


_SHAPES: Final[dict[Ease, Callable[[NDArray[np.float64]], NDArray[np.float64]]]] = {
    Ease.STEP: lambda u: np.where(u < 1.0, 0.0, 1.0),
    Ease.LINEAR: lambda u: u,
    Ease.EASE_IN: lambda u: u * u,
    Ease.EASE_OUT: lambda u: u * (2.0 - u),
    Ease.EASE_IN_OUT: lambda u: u * u * (3.0 - 2.0 * u),
}


@dataclass(frozen=True, slots=True)
class Key:
    """One keyframe: at `time` seconds the curve has these components."""

    time: Fraction
    components: tuple[float, ...]
    ease: Ease | Bezier = Ease.LINEAR


def eased(ease: Ease | Bezier, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the later key's value at u, from 0 (the key before) to 1."""
    return ease(u) if isinstance(ease, Bezier) else _SHAPES[ease](u)


class Curve:
    """A curve through keyframes; before the first and after the last it keeps their values.

    Evaluation is a pure function of time, in float64, so any frame alone equals the same frame in sequence.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        """`keys`: at least one, in strictly increasing order of time, all with equally many components."""
        if not keys:
            raise ValueError("a curve needs a key")
        if any(b.time <= a.time for a, b in pairwise(keys)):
            raise ValueError("keys must be in order of time, no two at the same")
        if len({len(key.components) for key in keys}) != 1:
            raise ValueError("keys must have equally many components")
        self.keys = tuple(keys)
        self.overshoots = any(isinstance(key.ease, Bezier) and key.ease.overshoots for key in keys)
        """Whether values between two keys may lie outside theirs."""
        self._times = [key.time for key in keys]

    def at(self, time: Fraction) -> tuple[float, ...]:
        """The components at `time`, as Python floats."""
        after = bisect_right(self._times, time)
        if after == 0:
            return self.keys[0].components
        if after == len(self.keys):
            return self.keys[-1].components
        a, b = self.keys[after - 1], self.keys[after]
        # Only the quotient leaves the rationals, so a key's own time gives exactly its value.
        u = np.array([(time - a.time) / (b.time - a.time)], dtype=np.float64)
        w = float(eased(b.ease, u)[0])
        return tuple(p + (q - p) * w for p, q in zip(a.components, b.components, strict=True))

    def sample(self, start: int, count: int, rate: int) -> NDArray[np.float64]:
        """The first component at samples `start` to `start + count` of `rate` a second, as float64 [count]."""
        result = np.empty(count, dtype=np.float64)
        # Key times in samples relative to `start`: whole and fractional parts stay exact until here.
        knots = [float(key.time * rate - start) for key in self.keys]
        index = np.arange(count, dtype=np.float64)
        segments = np.searchsorted(np.array(knots), index, side="right")
        for segment in np.unique(segments):
            inside = segments == segment
            if segment == 0:
                result[inside] = self.keys[0].components[0]
            elif segment == len(self.keys):
                result[inside] = self.keys[-1].components[0]
            else:
                a, b = self.keys[segment - 1], self.keys[segment]
                u = (index[inside] - knots[segment - 1]) / (knots[segment] - knots[segment - 1])
                w = eased(b.ease, u)
                result[inside] = a.components[0] + (b.components[0] - a.components[0]) * w
        return result
