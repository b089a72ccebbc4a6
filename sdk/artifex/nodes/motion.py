"""Moving a picture in its plane, told apart from doing it: what the engine needs to make one resampling of several."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]
"""Homogeneous, 3 by 3: the way of a point of the input to the output, in pixels, where a pixel's centre is at +½."""

Filter = Literal["nearest", "bilinear", "cubic", "mitchell", "lanczos4"]
"""How pixels between pixels are found."""


@dataclass(frozen=True, slots=True)
class Motion:
    """Where a node moves its only input to. A matrix without an inverse makes the picture vanish."""

    matrix: Matrix
    filter: Filter
