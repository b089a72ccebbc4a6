"""Moves of a picture in its plane: one resampling for all that a step does."""

from typing import Final

import cv2
import numpy as np

from artifex.nodes import Filter, Frame, Matrix, Motion, Window
from libs import kernels
from services.graph.domain.compile.runs import moved_window

_REACH: Final[dict[Filter, int]] = {"nearest": 0, "bilinear": 1, "cubic": 2, "mitchell": 2, "lanczos4": 4}
"""How many pixels a filter reads beyond the nearest."""
_TIES: Final = np.array([[1.0, 0.0, 1e-6], [0.0, 1.0, 1e-6], [0.0, 0.0, 1.0]])
"""More than float64 errs in a picture's coordinates, and far less than a pixel."""
_FAR: Final = 1e7
"""Whole numbers of pixels beyond this have no exact float32."""


def moved(frame: Frame, motion: Motion, region: Window, threads: int = 1) -> Frame:
    """`frame` moved, as far as it falls into `region`; shares its pixels where it is moved by whole pixels.

    The pixel at q is read where the matrix brings it from, by the motion's filter, in premultiplied scene-linear light;
    beyond the window lies transparent black, so edges become soft. Where the picture shrinks to less than half, it is
    first averaged by whole factors, so that fine detail does not alias. Filters that ring leave coverage between 0 and
    1. A matrix without an inverse, or one that moves everything behind the eye, leaves nothing.
    """
    matrix: Matrix = np.asarray(motion.matrix, dtype=np.float64)
    if frame.window.empty or not np.isfinite(matrix).all():
        return Frame.empty(frame.channels)
    shift = _whole_pixels(matrix)
    if shift is not None:
        return Frame(frame.pixels, frame.x + shift[0], frame.y + shift[1], frame.opaque).crop(region)
    frame, matrix = _averaged_down(frame, matrix)
    reach = _REACH[motion.filter]
    target = moved_window(frame.window.grown(reach), matrix).intersect(region)
    inverse = _inverse(matrix)
    if target.empty or inverse is None:
        return Frame.empty(frame.channels)
    if motion.filter == "nearest":
        # A point on the border of two pixels belongs to the right and lower one, in whatever tile it is computed.
        inverse = _TIES @ inverse
    pixels = kernels.resample(
        frame.pixels,
        inverse,
        (target.height, target.width),
        (target.x, target.y),
        (frame.x, frame.y),
        motion.filter,
        threads=threads,
    )
    if reach > 1:
        coverage = pixels[..., -1]
        np.clip(coverage, 0.0, 1.0, out=coverage)
    return Frame(pixels, target.x, target.y)


def _inverse(matrix: Matrix) -> Matrix | None:
    """None where there is none that means anything in pixels."""
    scale = float(np.abs(matrix[:2, :2]).max())
    if scale == 0.0 or abs(np.linalg.det(matrix)) < 1e-12 * scale * scale:
        return None
    result = np.linalg.inv(matrix).astype(np.float64)
    return result if np.isfinite(result).all() else None


def _averaged_down(frame: Frame, matrix: Matrix) -> tuple[Frame, Matrix]:
    """The frame averaged by whole factors where `matrix` shrinks it below half, and what is left to do."""
    window = frame.window
    across, down = (
        min(max(1, int(1.0 / max(size, 1e-6) + 1e-9)), length)
        for size, length in zip(_sizes(window, matrix), (window.width, window.height), strict=True)
    )
    if across < 2 and down < 2:
        return frame, matrix
    # Padded with transparent black to whole multiples, so that every pixel weighs the same.
    padded = Window(frame.x, frame.y, -(-window.width // across) * across, -(-window.height // down) * down)
    size = (padded.width // across, padded.height // down)
    small = cv2.resize(frame.filled(padded), size, interpolation=cv2.INTER_AREA)
    pixels = np.asarray(small, dtype=np.float32).reshape(size[1], size[0], frame.channels)
    place = np.array([[across, 0.0, frame.x], [0.0, down, frame.y], [0.0, 0.0, 1.0]])
    return Frame(pixels), matrix @ place


def _sizes(window: Window, matrix: Matrix) -> tuple[float, float]:
    """How long a step of one pixel across, and one down, becomes: of a projection the longest in the window."""
    if matrix[2, 0] == 0.0 and matrix[2, 1] == 0.0:
        across, down = np.hypot(matrix[0, :2], matrix[1, :2]) / abs(matrix[2, 2] or 1.0)
        return float(across), float(down)
    points = np.array(
        [[x, y, 1.0] for x in (window.x, window.x + window.width / 2, window.right)
         for y in (window.y, window.y + window.height / 2, window.bottom)]
    )  # fmt: skip
    u, v, w = matrix @ points.T
    seen = w > 0.0
    if not seen.all():
        return 1.0, 1.0
    # The derivatives of u/w and v/w by x and y.
    steps = [
        np.hypot((matrix[0, axis] * w - u * matrix[2, axis]) / w**2, (matrix[1, axis] * w - v * matrix[2, axis]) / w**2)
        for axis in (0, 1)
    ]
    return float(steps[0].max()), float(steps[1].max())


def _whole_pixels(matrix: Matrix) -> tuple[int, int] | None:
    """By how many pixels `matrix` moves, if it does nothing else and they are whole."""
    x, y = matrix[0, 2], matrix[1, 2]
    still = np.eye(3)
    still[:2, 2] = x, y
    whole = np.array_equal(matrix, still) and x == round(x) and y == round(y) and max(abs(x), abs(y)) < _FAR
    return (int(x), int(y)) if whole else None
