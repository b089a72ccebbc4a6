"""Erosion and dilation in NumPy; what the native kernels are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from libs.kernels.types import Pixels


@np.errstate(all="ignore")
def morphology(
    mask: Pixels,
    lines: Sequence[tuple[int, int]],
    ends: npt.NDArray[Any],
    corners: npt.NDArray[Any],
    reach: int,
    *,
    smallest: bool,
) -> Pixels:
    """Over the shape's `lines` (row, columns on either side), `ends` between two pixels and `corners` between four.

    See libs.kernels.morphology.
    """
    height, width = mask.shape[0] - 2 * reach, mask.shape[1] - 2 * reach
    better = np.minimum if smallest else np.maximum

    def moved(dx: int, dy: int) -> Pixels:
        return mask[reach + dy : reach + dy + height, reach + dx : reach + dx + width]

    result = moved(0, 0).copy()
    for dy, whole in lines:
        for dx in range(-whole, whole + 1):
            better(result, moved(dx, dy), out=result)
    for dx, dy, other_dx, other_dy, part in ends.tolist():
        inner = moved(dx, dy)
        better(result, inner + np.float32(part) * (moved(other_dx, other_dy) - inner), out=result)
    for dx, dy, across, down in corners.tolist():
        upper, lower = moved(dx, dy), moved(dx, dy + 1)
        upper = upper + np.float32(across) * (moved(dx + 1, dy) - upper)
        lower = lower + np.float32(across) * (moved(dx + 1, dy + 1) - lower)
        better(result, upper + np.float32(down) * (lower - upper), out=result)
    return result
