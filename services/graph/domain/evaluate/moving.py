"""Moves of a picture in its plane: one resampling for all that a step does."""

import math
from collections import Counter
from functools import reduce
from typing import Final

import numpy as np

from artifex.nodes import Filter, Frame, Matrix, Motion, Window
from libs import kernels
from libs.kernels.weights import REACH
from services.graph.domain.compile.runs import moved_window

_TIES: Final = np.array([[1.0, 0.0, 1e-6], [0.0, 1.0, 1e-6], [0.0, 0.0, 1.0]])
"""More than float64 errs in a picture's coordinates, and far less than a pixel."""
_FAR: Final = 1e7
"""Whole numbers of pixels beyond this have no exact float32."""


def moved(frame: Frame, motion: Motion, region: Window, threads: int = 1) -> Frame:
    """`frame` moved, as far as it falls into `region`; shares its pixels where it is moved by whole pixels.

    The pixel at q is read where the matrix brings it from, by the motion's filter, in premultiplied scene-linear light;
    beyond the window lies transparent black, so edges become soft. Where the picture shrinks, the filter is as wide as
    what becomes one pixel, so that fine detail does not alias (`libs.kernels.project`). Filters that ring leave
    coverage between 0 and 1. A matrix without an inverse, or one that moves everything behind the eye, leaves nothing.

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
    return Frame(mean, target.x, target.y)


def _moved_once(frame: Frame, matrix: Matrix, filter: Filter, region: Window, threads: int) -> Frame:
    matrix = np.asarray(matrix, dtype=np.float64)
    if frame.window.empty or not np.isfinite(matrix).all():
        return Frame.empty(frame.channels)
    shift = _whole_pixels(matrix)
    if shift is not None:
        return Frame(frame.pixels, frame.x + shift[0], frame.y + shift[1], frame.opaque).crop(region)
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
    if filter in ("cubic", "mitchell", "lanczos4"):
        coverage = pixels[..., -1]
        np.clip(coverage, 0.0, 1.0, out=coverage)
    return Frame(pixels, target.x, target.y)


def _target(window: Window, matrix: Matrix, filter: Filter) -> Window:
    """The pixels of the result that can be anything at all, whatever part of them is wanted."""
    inverse = _inverse(matrix) if np.isfinite(matrix).all() else None
    if window.empty or inverse is None:
        return Window(window.x, window.y, 0, 0)
    shift = _whole_pixels(matrix)
    if shift is not None:
        return Window(window.x + shift[0], window.y + shift[1], window.width, window.height)
    reach = REACH[filter]
    if inverse[2, 0] == inverse[2, 1] == 0.0:
        across, down = (math.ceil(reach * max(1.0, step)) for step in _steps(inverse))
        grown = Window(window.x - across, window.y - down, window.width + 2 * across, window.height + 2 * down)
        return moved_window(grown, matrix)
    # Where a projection shrinks, its filters reach as many pixels of the result instead.
    return moved_window(window.grown(math.ceil(reach)), matrix).grown(math.ceil(reach) + 1)


def _steps(inverse: Matrix) -> tuple[float, float]:
    """How far apart in the picture neighbours of the result lie at most, across and down; of an affine inverse."""
    across, down = np.hypot(inverse[:2, 0], inverse[:2, 1]) / abs(inverse[2, 2])
    return float(across), float(down)


def _inverse(matrix: Matrix) -> Matrix | None:
    """None where there is none that means anything in pixels."""
    scale = float(np.abs(matrix[:2, :2]).max())
    if scale == 0.0 or abs(np.linalg.det(matrix)) < 1e-12 * scale * scale:
        return None
    result = np.linalg.inv(matrix).astype(np.float64)
    return result if np.isfinite(result).all() else None


def _whole_pixels(matrix: Matrix) -> tuple[int, int] | None:
    """By how many pixels `matrix` moves, if it does nothing else and they are whole."""
    x, y = matrix[0, 2], matrix[1, 2]
    still = np.eye(3)
    still[:2, 2] = x, y
    whole = np.array_equal(matrix, still) and x == round(x) and y == round(y) and max(abs(x), abs(y)) < _FAR
    return (int(x), int(y)) if whole else None
