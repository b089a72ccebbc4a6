"""Moves of a picture in its plane: one resampling for all that a step does."""

import math
from collections import Counter
from functools import reduce
from typing import Final

import numpy as np

from artifex.nodes import Filter, Frame, Matrix, Motion, Window
from libs import kernels
from libs.kernels.warping import widths
from libs.kernels.weights import REACH
from services.graph.domain.compile.runs import moved_window

_TIES: Final = np.array([[1.0, 0.0, 1e-6], [0.0, 1.0, 1e-6], [0.0, 0.0, 1.0]])
"""More than float64 errs in a picture's coordinates, and far less than a pixel."""
_FAR: Final = 1e7
"""Whole numbers of pixels beyond this have no exact float32."""
_LEAST_SCALE: Final = 1e-100
"""Of a move: below it nothing is to be seen, and determinants become 0."""


def moved(frame: Frame, motion: Motion, region: Window, threads: int = 1) -> Frame:
    """`frame` moved, as far as it falls into `region`; shares its pixels where it is moved by whole pixels.

    The pixel at q is read where the matrix brings it from, by the motion's filter, in premultiplied scene-linear light;
    beyond the window lies transparent black, so edges become soft. Where the picture shrinks, the filter is as wide as
    what becomes one pixel, so that fine detail does not alias (`libs.kernels.project`). Coverage stays between 0
    and 1, though filters ring. A matrix without an inverse, or one that moves everything behind the eye, leaves
    nothing.

    With a shutter it is the mean of the moves, of which equal ones are made once. Memory: the mean and one of them.
    """
    if not motion.shutter:
        return _moved_once(frame, motion.matrix, motion.filter, region, threads)
    counts = Counter(np.asarray(matrix, dtype=np.float64).tobytes() for matrix in motion.shutter)
    matrices = [(np.frombuffer(spelled).reshape(3, 3), count) for spelled, count in counts.items()]
    if len(matrices) == 1:
        return _moved_once(frame, matrices[0][0], motion.filter, region, threads)
    target = reduce(Window.union, [_target(frame.window, matrix, motion.filter) for matrix, _ in matrices])
    target = target.intersect(region)
    if target.empty:
        return Frame.empty(frame.channels)
    mean = np.zeros((target.height, target.width, frame.channels), np.float32)
    for matrix, count in matrices:
        part = _moved_once(frame, matrix, motion.filter, target, threads)
        if not part.window.empty:
            place = mean[part.window.inside(target)]
            place += part.pixels * np.float32(count / len(motion.shutter))
    # The weights' sum is 1 up to rounding.
    np.minimum(mean[..., -1], 1.0, out=mean[..., -1])
    return Frame(mean, target.x, target.y)


def _moved_once(frame: Frame, matrix: Matrix, filter: Filter, region: Window, threads: int) -> Frame:
    matrix = np.asarray(matrix, dtype=np.float64)
    if frame.window.empty or not np.isfinite(matrix).all():
        return Frame.empty(frame.channels)
    copied = _copied(frame, matrix, region)
    if copied is not None:
        return copied
    target, inverse = _target(frame.window, matrix, filter).intersect(region), _inverse(matrix)
    if target.empty or inverse is None:
        return Frame.empty(frame.channels)
    if filter == "nearest":
        # A point on the border of two pixels belongs to the right and lower one, in whatever tile it is computed.
        inverse = _TIES @ inverse
    # Where nothing can shrink, nobody need look whether it does.
    affine = inverse[2, 0] == inverse[2, 1] == 0.0
    read = kernels.resample if affine and max(_steps(inverse)) <= 1.0 + 1e-6 else kernels.project
    pixels = read(
        frame.pixels,
        inverse,
        (target.height, target.width),
        (target.x, target.y),
        (frame.x, frame.y),
        filter,
        threads=threads,
    )
    if filter != "nearest":
        coverage = pixels[..., -1]
        np.clip(coverage, 0.0, 1.0, out=coverage)
    return Frame(pixels, target.x, target.y)


def _target(window: Window, matrix: Matrix, filter: Filter) -> Window:
    """The pixels of the result that can be anything at all, whatever part of them is wanted."""
    inverse = _inverse(matrix) if np.isfinite(matrix).all() else None
    if window.empty or inverse is None:
        return Window(window.x, window.y, 0, 0)
    if _whole_pixels(matrix):
        return moved_window(window, matrix)
    reach = REACH[filter]
    if inverse[2, 0] == inverse[2, 1] == 0.0:
        across, down = (math.ceil(side) for side in _reaches(inverse, reach))
        grown = Window(window.x - across, window.y - down, window.width + 2 * across, window.height + 2 * down)
        return moved_window(grown, matrix)
    # Where a projection shrinks, its filters reach as many pixels of the result instead.
    return moved_window(window.grown(math.ceil(reach)), matrix).grown(math.ceil(reach) + 1)


def _reaches(inverse: Matrix, reach: float) -> tuple[float, float]:
    """How far pixels of the picture count around a point, across and down; of an affine inverse."""
    steps = _steps(inverse)
    if inverse[0, 1] == inverse[1, 0] == 0.0:
        return reach * max(1.0, steps[0]), reach * max(1.0, steps[1])
    # Of a pixel of a half that the picture covers in part, half lies beyond it.
    across, down = (reach * width + (width - 1.0) / 2 for width in widths(*steps))
    return across, down


def _steps(inverse: Matrix) -> tuple[float, float]:
    """How far apart in the picture neighbours of the result lie at most, across and down; of an affine inverse."""
    across, down = np.hypot(inverse[:2, 0], inverse[:2, 1]) / abs(inverse[2, 2])
    return float(across), float(down)


def _inverse(matrix: Matrix) -> Matrix | None:
    """None where there is none that means anything in pixels."""
    scale = float(np.abs(matrix[:2, :2]).max())
    if scale < _LEAST_SCALE or abs(np.linalg.det(matrix)) < 1e-12 * scale * scale:
        return None
    result = np.linalg.inv(matrix).astype(np.float64)
    return result if np.isfinite(result).all() else None


def _copied(frame: Frame, matrix: Matrix, region: Window) -> Frame | None:
    """The frame moved by whole pixels, mirrored or turned by right angles, bit by bit; None for any other move."""
    if not _whole_pixels(matrix):
        return None
    window = moved_window(frame.window, matrix)
    if np.array_equal(matrix[:2, :2], np.eye(2)):
        return Frame(frame.pixels, window.x, window.y, frame.opaque).crop(region)
    turned = matrix[0, 0] == 0.0
    across, down = (matrix[0, 1], matrix[1, 0]) if turned else (matrix[0, 0], matrix[1, 1])
    pixels = frame.pixels.transpose(1, 0, 2) if turned else frame.pixels
    part = window.intersect(region)
    if part.empty:
        return Frame.empty(frame.channels)
    pixels = pixels[:: int(down), :: int(across)][part.inside(window)]
    return Frame(np.ascontiguousarray(pixels), part.x, part.y, frame.opaque)


def _whole_pixels(matrix: Matrix) -> bool:
    """Whether `matrix` takes every pixel to a pixel."""
    sides = np.abs(matrix[:2, :2])
    square = np.array_equal(sides, np.eye(2)) or np.array_equal(sides, np.eye(2)[::-1])
    flat = matrix[2, 0] == matrix[2, 1] == 0.0 and matrix[2, 2] == 1.0
    x, y = matrix[0, 2], matrix[1, 2]
    return bool(square and flat and x == round(x) and y == round(y) and max(abs(x), abs(y)) < _FAR)
