"""Moving a picture in its plane, told apart from doing it: what the engine needs to make one resampling of several."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]
"""Homogeneous, 3 by 3: the way of a point of the input to the output, in pixels, where a pixel's centre is at +½."""

Filter = Literal["nearest", "bilinear", "cubic", "mitchell", "lanczos4", "box"]
"""How pixels between pixels are found. Box averages the pixels' areas."""


@dataclass(frozen=True, slots=True)
class Motion:
    """Where a node moves its only input to. A matrix without an inverse makes the picture vanish."""

    matrix: Matrix
    filter: Filter
    shutter: tuple[Matrix, ...] = ()
    """Where to while a shutter is open, at equal distances of time: the result is the mean of these pictures, and
    `matrix` counts no more. Empty for a picture that stands still meanwhile."""
