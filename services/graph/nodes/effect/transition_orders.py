"""In which order a transition takes the pixels of a picture: from 0, the first, to 1, the last."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Pixels, Window

Numbers = NDArray[np.float32]
Axis = NDArray[np.float64]

CIRCLE: Final = "circle"
RECTANGLE: Final = "rectangle"
DIAMOND: Final = "diamond"
SHAPES: Final = (CIRCLE, RECTANGLE, DIAMOND)

_LEAST: Final = 1e-6


def shares(order: Numbers, progress: float, softness: float | Numbers) -> Pixels:
    """How much of the later picture is seen, [height, width, 1]: clip((p(1 + s) − order) / s, 0, 1).

    None at a progress of 0, all at 1, wherever the order is within 0 and 1; `softness` is the part of the order that
    changes at once.
    """
    soft = np.maximum(np.asarray(softness, np.float32), np.float32(_LEAST))
    found = (np.float32(progress) * (np.float32(1.0) + soft) - order) / soft
    result: Pixels = np.clip(found, 0.0, 1.0).astype(np.float32)[..., None]
    return result


def wipe(window: Window, size: tuple[int, int], angle: float) -> tuple[Numbers, float]:
    """Across the frame of `size` (width, height) in the direction `angle`, in radians, clockwise from the right.

    Gives the order of the pixels of `window`, and how much of it a pixel is.
    """
    along = _direction(angle)
    extent = size[0] * abs(along[0]) + size[1] * abs(along[1])
    x, y = _centres(window, (size[0] / 2.0, size[1] / 2.0))
    order = (x * along[0] / extent + 0.5)[None, :] + (y * along[1] / extent)[:, None]
    return _within(order), 1.0 / extent


_MEASURES: Final[dict[str, Callable[[Axis, Axis], Axis]]] = {
    CIRCLE: np.hypot,
    RECTANGLE: lambda across, down: np.maximum(np.abs(across), np.abs(down)),
    DIAMOND: lambda across, down: np.abs(across) + np.abs(down),
}


def iris(window: Window, size: tuple[int, int], centre: tuple[float, float], shape: str) -> tuple[Numbers, float]:
    """From a point of the frame outwards, until its farthest corner is reached; as `wipe`."""
    measure = _MEASURES[shape]
    # A rectangle has the proportions of the frame.
    squeeze = size[0] / size[1] if shape == RECTANGLE else 1.0
    corners = [
        measure(np.array(x - centre[0]), np.array(y - centre[1]) * squeeze) for x in (0, size[0]) for y in (0, size[1])
    ]
    reach = max(float(np.max(corners)), _LEAST)
    x, y = _centres(window, centre)
    return _within(measure(x[None, :], y[:, None] * squeeze) / reach), 1.0 / reach


def clock(window: Window, size: tuple[int, int], centre: tuple[float, float], angle: float) -> tuple[Numbers, Numbers]:
    """Around a point of the frame, clockwise from `angle`, in radians from above; far out a pixel is less of it."""
    x, y = _centres(window, centre)
    across, down = x.astype(np.float32)[None, :], y.astype(np.float32)[:, None]
    order: Numbers = (np.arctan2(across, -down) - np.float32(angle)) * np.float32(1.0 / math.tau)
    order -= np.floor(order)
    around = np.sqrt(across * across + down * down) * np.float32(math.tau)
    pixel: Numbers = (np.float32(1.0) / np.maximum(around, np.float32(4.0))).astype(np.float32, copy=False)
    return order, pixel


def _centres(window: Window, origin: tuple[float, float]) -> tuple[Axis, Axis]:
    """How far the centres of columns and rows lie from a point."""
    x: Axis = window.x + 0.5 - origin[0] + np.arange(window.width, dtype=np.float64)
    y: Axis = window.y + 0.5 - origin[1] + np.arange(window.height, dtype=np.float64)
    return x, y


def _direction(angle: float) -> tuple[float, float]:
    sides = (math.cos(angle), math.sin(angle))
    return (sides[0] if abs(sides[0]) > 1e-12 else 0.0, sides[1] if abs(sides[1]) > 1e-12 else 0.0)


def _within(order: Axis) -> Numbers:
    return np.clip(order, 0.0, 1.0).astype(np.float32)
