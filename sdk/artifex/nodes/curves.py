"""Values over time: keyframes and the ways between them."""

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
    ease: Ease = Ease.LINEAR


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
        w = float(_SHAPES[b.ease](u)[0])
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
                w = _SHAPES[b.ease](u)
                result[inside] = a.components[0] + (b.components[0] - a.components[0]) * w
        return result
