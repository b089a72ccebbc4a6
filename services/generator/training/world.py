"""The world that nano knows: plain shapes that move over plain backgrounds, and what one may say of them.

Everything about a clip is a `Scene`; the same scene always gives the same pixels and, with the same generator, the same
words. One scene in ten is never trained on: those are what a trained model is asked for.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

SHAPES: Final = ("circle", "square", "triangle")
PALETTE: Final[dict[str, tuple[int, int, int]]] = {
    "red": (220, 40, 40),
    "green": (40, 175, 60),
    "blue": (40, 80, 225),
    "yellow": (240, 220, 50),
    "purple": (150, 50, 190),
    "orange": (245, 135, 25),
    "white": (245, 245, 245),
    "black": (15, 15, 15),
    "gray": (125, 125, 125),
}
"""Display-encoded RGB."""
COLOURS: Final = ("red", "green", "blue", "yellow", "purple", "orange", "white")
BACKGROUNDS: Final = tuple(PALETTE)
MOTIONS: Final[dict[str, tuple[int, int]]] = {
    "right": (1, 0),
    "left": (-1, 0),
    "up": (0, -1),
    "down": (0, 1),
    "still": (0, 0),
}
"""Directions on the screen, x to the right and y down."""
SIZES: Final[dict[str, float]] = {"small": 0.18, "": 0.21, "large": 0.24}
"""Radius of the circle, in parts of the frame's height; other shapes have the circle's area."""
_OF_SEVERAL: Final = 0.165
"""The same for each of several objects."""
COUNTS: Final = (1, 2)
FRAMES: Final = 17
_APART: Final = 110.0
"""RGB distance that an object's colour keeps from its background's."""


@dataclass(frozen=True)
class Attributes:
    """What a caption tells."""

    shape: str
    colour: str
    background: str
    motion: str
    size: str
    count: int

    @property
    def held_out(self) -> bool:
        """Whether it is kept from training: one in ten, the same on every machine."""
        text = f"{self.shape} {self.colour} {self.background} {self.motion} {self.size} {self.count}"
        return hashlib.sha256(text.encode()).digest()[0] < 26


@dataclass(frozen=True)
class Scene:
    """A clip: attributes, and what the caption leaves open. Lengths in parts of the frame's height."""

    attributes: Attributes
    starts: tuple[tuple[float, float], ...]
    """Centres in the first frame, x and y."""
    travel: float
    """Way of `FRAMES` frames."""


def draw_attributes(rng: np.random.Generator, *, held_out: bool = False) -> Attributes:
    """Attributes at random, of those that are trained on or of those that are not."""
    while True:
        colour, background = str(rng.choice(COLOURS)), str(rng.choice(BACKGROUNDS))
        count = int(rng.choice(COUNTS, p=(0.75, 0.25)))
        size = str(rng.choice(list(SIZES), p=(0.25, 0.45, 0.3))) if count == 1 else ""
        found = Attributes(
            str(rng.choice(SHAPES)),
            colour,
            background,
            str(rng.choice(list(MOTIONS))),
            size,
            count,
        )
        apart = math.dist(PALETTE[colour], PALETTE[background]) >= _APART
        if apart and found.held_out == held_out:
            return found


def draw_scene(rng: np.random.Generator, attributes: Attributes, aspect: float = 1.0) -> Scene:
    """Places for the attributes in a frame `aspect` times as wide as high, such that all stays in view."""
    radius = radius_of(attributes)
    across, down = MOTIONS[attributes.motion]
    margin = radius * 1.35 + 0.02
    most = 0.48 if attributes.count == 1 else 0.4
    travel = float(rng.uniform(0.3, min(most, 0.99 - 2 * margin)))
    while True:
        starts: list[tuple[float, float]] = []
        for _ in range(attributes.count):
            low_x, high_x = margin + travel * (across < 0), aspect - margin - travel * (across > 0)
            low_y, high_y = margin + travel * (down < 0), 1.0 - margin - travel * (down > 0)
            starts.append((float(rng.uniform(low_x, high_x)), float(rng.uniform(low_y, high_y))))
        gaps = [math.dist(one, other) for i, one in enumerate(starts) for other in starts[:i]]
        if all(gap > 3.0 * radius for gap in gaps):
            return Scene(attributes, tuple(starts), travel)


def radius_of(attributes: Attributes) -> float:
    """Of the circle, in parts of the frame's height."""
    return SIZES[attributes.size] if attributes.count == 1 else _OF_SEVERAL


def draw(scene: Scene, width: int, height: int, frames: range = range(FRAMES)) -> NDArray[np.uint8]:
    """These frames of the clip, RGB of shape (frames, height, width, 3); edges are smooth over one pixel."""
    what = scene.attributes
    across, down = MOTIONS[what.motion]
    clip = np.empty((len(frames), height, width, 3), np.uint8)
    background, colour = (np.array(PALETTE[name], np.float64) for name in (what.background, what.colour))
    y, x = np.mgrid[:height, :width] + 0.5
    for index, number in enumerate(frames):
        way = scene.travel * number / (FRAMES - 1)
        covered = np.zeros((height, width))
        for start_x, start_y in scene.starts:
            at_x, at_y = (start_x + across * way) * height, (start_y + down * way) * height
            inside = 0.5 - _distance(what.shape, x - at_x, y - at_y, radius_of(what) * height)
            covered = np.maximum(covered, np.clip(inside, 0.0, 1.0))
        clip[index] = np.rint(background + (colour - background) * covered[..., None])
    return clip


def _distance(shape: str, x: NDArray[np.float64], y: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """From the shape's edge in pixels, negative inside; its area is the circle's."""
    area = math.pi * radius * radius
    if shape == "circle":
        return np.hypot(x, y) - radius
    if shape == "square":
        return np.maximum(np.abs(x), np.abs(y)) - math.sqrt(area) / 2
    # Equilateral, upright: three half-planes at the distance of the inscribed circle; the middle of its box is at 0.
    inner = math.sqrt(area / (3 * math.sqrt(3)))
    y = y - inner / 2
    return np.maximum(y - inner, np.abs(x) * math.sqrt(3) / 2 - y / 2 - inner)
