"""One node beside one judge."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Comparison:
    """`error` computes both and gives the largest difference of any number in any pixel."""

    node: str
    oracle: str
    what: str
    tolerance: float
    error: Callable[[], float]

    def __str__(self) -> str:
        return f"{self.node}: {self.what}, {self.oracle}"


def largest(ours: npt.ArrayLike, theirs: npt.ArrayLike) -> float:
    """The largest difference; infinite where one is a number and the other is not, or the sizes differ."""
    a, b = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if a.shape != b.shape or (np.isfinite(a) != np.isfinite(b)).any():
        return float("inf")
    both = np.isfinite(a)
    return float(np.abs(a[both] - b[both]).max(initial=0.0))


def largest_relative(ours: npt.ArrayLike, theirs: npt.ArrayLike) -> float:
    """Like `largest`, but as parts of the value where that is beyond 1: what a float's own precision is measured in."""
    a, b = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    size = np.maximum(1.0, np.abs(b))
    return largest(a / size, b / size)
