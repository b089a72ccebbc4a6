"""What a move needs of its input for a part of its result."""

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from artifex.nodes import Matrix, Request, Window
from libs.kernels.warping import widths
from libs.kernels.weights import REACH

_REACH: Final = max(REACH.values())
"""Of any filter: in a row with other moves the picture is read by that of the last."""

_SAMPLED: Final = 64
"""Steps of a projection across a region: where it is smooth, neighbours of these differ by little."""


def region_before(matrices: Iterable[Matrix], request: Request) -> Window:
    """The part of the input that the request's region is made of, wherever the matrices move it.

    All of the surroundings where a part of it lies beyond them, or at or behind the eye of a projection.
    """
    region, surroundings = request.region, request.surroundings
    needed = Window(region.x, region.y, 0, 0)
    for matrix in matrices:
        window = _before(matrix, region)
        if window is None or not surroundings.contains(window):
            return surroundings
        needed = needed.union(window)
    return needed


def _before(matrix: Matrix, region: Window) -> Window | None:
    if region.empty:
        return region
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return Window(region.x, region.y, 0, 0)  # nothing is to be seen
    across, down = np.meshgrid(
        np.linspace(region.x, region.right, _SAMPLED), np.linspace(region.y, region.bottom, _SAMPLED)
    )
    points = np.einsum("ij,jhw->ihw", inverse, np.stack([across, down, np.ones_like(across)]))
    if not np.isfinite(points).all() or points[2].min() <= 0.0:
        return None
    x, y = points[0] / points[2], points[1] / points[2]
    # The longest step of a pixel, of which a filter reaches a few.
    steps = (
        float(np.hypot((inverse[row, 0] - at * inverse[2, 0]) / points[2],
                       (inverse[row, 1] - at * inverse[2, 1]) / points[2]).max())
        for row, at in ((0, x), (1, y))
    )  # fmt: skip
    # Halves of pictures are read in whole pixels of theirs, which may be as large as a step.
    reach_x, reach_y = (math.ceil((_REACH + 1) * 1.25 * width) + 1 for width in widths(*steps))
    left, top = math.floor(x.min()) - reach_x, math.floor(y.min()) - reach_y
    return Window(left, top, math.ceil(x.max()) + reach_x - left, math.ceil(y.max()) + reach_y - top)
