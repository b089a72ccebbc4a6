"""Values over time: keyframes and the ways between them."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

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


_Numbers = TypeVar("_Numbers", float, NDArray[np.float64])

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

    def at(self, u: float) -> float:
        """`__call__` of one number, which is far quicker without arrays."""
        if u <= 0.0 or u >= 1.0:
            return 0.0 if u <= 0.0 else 1.0
        return _cubic(self.y1, self.y2, self._solved(u))

    def __call__(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        # As `at`, until the last of them is solved.
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

    def integral(self, u: float) -> float:
        """The area under `at` from 0 to u, 0 ≤ u ≤ 1: ∫ y(s) x'(s) ds up to the s where x is u."""
        s = self._solved(u)
        # y and x' as polynomials in s; their product's antiderivative is of the sixth degree.
        y1, y2, y3 = 3.0 * self.y1, 3.0 * (self.y2 - 2.0 * self.y1), 1.0 + 3.0 * (self.y1 - self.y2)
        x0, x1, x2 = 3.0 * self.x1, 6.0 * (self.x2 - 2.0 * self.x1), 3.0 * (1.0 + 3.0 * (self.x1 - self.x2))
        terms = (y1 * x0, y1 * x1 + y2 * x0, y1 * x2 + y2 * x1 + y3 * x0, y2 * x2 + y3 * x1, y3 * x2)
        return sum(term * s ** (power + 2) / (power + 2) for power, term in enumerate(terms))

    def _solved(self, u: float) -> float:
        """The s at which the first coordinate is u."""
        # Newton's method, which bisection takes over from where a step would leave what is known to hold the root.
        low, high, s = 0.0, 1.0, u
        for _ in range(_ROUNDS):
            error = _cubic(self.x1, self.x2, s) - u
            if abs(error) <= _SOLVED:
                break
            if error < 0.0:
                low = s
            else:
                high = s
            slope = _cubic_slope(self.x1, self.x2, s)
            step = s - error / slope if slope else low
            s = step if low < step < high else 0.5 * (low + high)
        return s


def _cubic(a: float, b: float, s: _Numbers) -> _Numbers:
    """The Bernstein polynomial of the coordinates 0, a, b, 1, by Horner."""
    return ((1.0 + 3.0 * (a - b)) * s + 3.0 * (b - 2.0 * a)) * s * s + 3.0 * a * s


def _cubic_slope(a: float, b: float, s: _Numbers) -> _Numbers:
    return (3.0 * (1.0 + 3.0 * (a - b)) * s + 6.0 * (b - 2.0 * a)) * s + 3.0 * a


class Key(NamedTuple):
    """One keyframe: at `time` seconds the curve has these components."""

    time: Fraction
    components: tuple[float, ...]
    ease: Ease | Bezier = Ease.LINEAR


def eased(ease: Ease | Bezier, u: _Numbers) -> _Numbers:
    """The share of the later key's value at u, from 0 (the key before) to 1."""
    match ease:
        case Ease.LINEAR:
            return u
        case Ease.STEP:
            return u // 1.0  # 0 until 1
        case Ease.EASE_IN:
            return u * u
        case Ease.EASE_OUT:
            return u * (2.0 - u)
        case Ease.EASE_IN_OUT:
            return u * u * (3.0 - 2.0 * u)
        case Bezier():
            return ease.at(u) if isinstance(u, float) else ease(u)


def eased_integral(ease: Ease | Bezier, u: float) -> float:
    """The area under `eased` from 0 to u, 0 ≤ u ≤ 1."""
    match ease:
        case Ease.LINEAR:
            return u * u / 2.0
        case Ease.STEP:
            return 0.0
        case Ease.EASE_IN:
            return u * u * u / 3.0
        case Ease.EASE_OUT:
            return u * u * (1.0 - u / 3.0)
        case Ease.EASE_IN_OUT:
            return u * u * u * (1.0 - u / 2.0)
        case Bezier():
            return ease.integral(u)


class Curve:
    """A curve through keyframes; before the first and after the last it keeps their values.

    Evaluation is a pure function of time, in float64, so any frame alone equals the same frame in sequence.
    """

    __slots__ = ("_seconds", "keys", "overshoots")

    def __init__(self, keys: Sequence[Key]) -> None:
        """`keys`: at least one, in strictly increasing order of time, all with equally many components."""
        if not keys:
            raise ValueError("a curve needs a key")
        seconds: list[float] = []
        overshoots = False
        before = keys[0]
        for key in keys:
            t, per = key.time.as_integer_ratio()
            now = t / per
            # Rounding keeps the order, so only what falls on one number has to be looked at exactly.
            if seconds and now <= seconds[-1] and key.time <= before.time:
                raise ValueError("keys must be in order of time, no two at the same")
            if len(key.components) != len(before.components):
                raise ValueError("keys must have equally many components")
            overshoots = overshoots or (isinstance(key.ease, Bezier) and key.ease.overshoots)
            seconds.append(now)
            before = key
        self.keys = tuple(keys)
        self.overshoots = overshoots
        """Whether values between two keys may lie outside theirs."""
        self._seconds = tuple(seconds)
        """The nearest float64 to each time: in the same order, though two may be one number."""

    def at(self, time: Fraction) -> tuple[float, ...]:
        """The components at `time`, as Python floats."""
        keys = self.keys
        t, per = time.as_integer_ratio()
        after = bisect_right(self._seconds, t / per)
        while after and self._seconds[after - 1] == t / per and keys[after - 1].time > time:
            after -= 1
        if after == 0:
            return keys[0].components
        if after == len(keys):
            return keys[-1].components
        a, b = keys[after - 1], keys[after]
        # (time - a.time) / (b.time - a.time) in whole numbers: only the quotient leaves the rationals, rounded once, so
        # a key's own time gives exactly its value. Fractions would be reduced at every step, for nothing.
        (first, first_per), (last, last_per) = a.time.as_integer_ratio(), b.time.as_integer_ratio()
        u = (t * first_per - first * per) * last_per / ((last * first_per - first * last_per) * per)
        w = eased(b.ease, u)
        return tuple([p + (q - p) * w for p, q in zip(a.components, b.components, strict=True)])

    def travelled(self, time: Fraction) -> float:
        """The integral of the first component from second 0 to `time`, in the eases' closed forms."""
        return self._area(time) - self._area(Fraction(0))

    def _area(self, time: Fraction) -> float:
        """The integral from the first key's time to `time`."""
        first, last = self.keys[0], self.keys[-1]
        if time <= first.time:
            return float(time - first.time) * first.components[0]
        total = 0.0
        for a, b in pairwise(self.keys):
            length = float(b.time - a.time)
            u = min(float(time - a.time) / length, 1.0)
            start, end = a.components[0], b.components[0]
            total += length * (start * u + (end - start) * eased_integral(b.ease, u))
            if time <= b.time:
                return total
        return total + float(time - last.time) * last.components[0]

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
