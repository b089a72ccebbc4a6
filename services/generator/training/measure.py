"""What is to be seen in a clip, by looking at its pixels: no network judges another."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from services.generator.training.world import COLOURS, MOTIONS, PALETTE, SHAPES

_FROM_BACKGROUND: Final = 60.0
"""RGB distance from which on a pixel belongs to an object."""
_SMALLEST: Final = 0.004
"""Part of the frame below which a spot is no object."""
_MOVED: Final = 0.12
"""Way in parts of the frame's height below which an object stands still; the shortest trained is 0.3."""


@dataclass(frozen=True)
class Seen:
    """Empty words and 0 where nothing was to be seen."""

    shape: str
    colour: str
    background: str
    motion: str
    count: int


def look(clip: NDArray[np.uint8]) -> Seen:
    """At a clip of shape (frames, height, width, 3), RGB."""
    height = clip.shape[1]
    edge = np.concatenate([clip[:, 0], clip[:, -1], clip[:, :, 0], clip[:, :, -1]], axis=1)
    ground = np.median(edge.reshape(-1, 3), axis=0)
    spots = [_spots(frame, ground) for frame in clip]
    background = _nearest(ground, tuple(PALETTE))
    seen = [(frame, found) for frame, found in zip(clip, spots, strict=True) if found]
    if not seen:
        return Seen("", "", background, "", 0)
    middles = [_middle(found) for _, found in seen]
    pixels = np.concatenate([frame[_core(mask)] for frame, found in seen for mask in found])
    paint = np.median(pixels, axis=0)
    shapes = Counter(_shape_of(_outlined(frame, ground, paint, found)) for frame, found in seen)
    way_x, way_y = np.subtract(middles[-1], middles[0]) / height
    if max(abs(way_x), abs(way_y)) < _MOVED:
        motion = "still"
    else:
        sign = (int(math.copysign(1, way_x)), 0) if abs(way_x) > abs(way_y) else (0, int(math.copysign(1, way_y)))
        motion = next(name for name, way in MOTIONS.items() if way == sign)
    count = Counter(len(found) for _, found in seen).most_common(1)[0][0]
    colour = _nearest(paint, COLOURS)
    return Seen(shapes.most_common(1)[0][0], colour, background, motion, count)


def _spots(frame: NDArray[np.uint8], ground: NDArray[np.float64]) -> list[NDArray[np.bool_]]:
    """The masks of a frame's objects."""
    apart = np.linalg.norm(frame.astype(np.float64) - ground, axis=-1) > _FROM_BACKGROUND
    labels, count = ndimage.label(apart, structure=np.ones((3, 3)))
    masks = [labels == label for label in range(1, count + 1)]
    return [mask for mask in masks if np.count_nonzero(mask) >= _SMALLEST * apart.size]


def _outlined(
    frame: NDArray[np.uint8], ground: NDArray[np.float64], paint: NDArray[np.float64], found: list[NDArray[np.bool_]]
) -> NDArray[np.bool_]:
    """The largest object up to where its edge is half paint and half background; as found where that leaves none."""
    mask = max(found, key=np.count_nonzero)
    way = paint - ground
    part = (frame.astype(np.float64) - ground) @ way / max(float(way @ way), 1.0)
    inner = ndimage.binary_dilation(mask, iterations=2) & (part > 0.5)
    return inner if inner.any() else mask


def _core(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask without its edge, whose colour is mixed; all of it where nothing else is left."""
    inner = ndimage.binary_erosion(mask, structure=np.ones((3, 3)), border_value=1)
    return inner if inner.any() else mask


def _middle(masks: list[NDArray[np.bool_]]) -> NDArray[np.float64]:
    """Of all objects together, x and y."""
    rows, columns = np.nonzero(np.logical_or.reduce(masks))
    return np.array([columns.mean(), rows.mean()])


def _shape_of(mask: NDArray[np.bool_]) -> str:
    """The shape that, drawn into the mask's own box, has most in common with it."""
    rows, columns = np.nonzero(mask)
    box = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    height, width = box.shape
    y, x = (np.mgrid[:height, :width] + 0.5) / np.array([height, width])[:, None, None]
    ideals = {
        "circle": np.hypot(x - 0.5, y - 0.5) <= 0.5,
        "square": np.ones_like(box),
        "triangle": np.abs(x - 0.5) <= y / 2,
    }
    return max(SHAPES, key=lambda name: (box & ideals[name]).sum() / (box | ideals[name]).sum())


def _nearest(colour: NDArray[np.float64], names: tuple[str, ...]) -> str:
    return min(names, key=lambda name: math.dist(colour, PALETTE[name]))
