"""Short clips whose faults are known."""

from __future__ import annotations

import cv2
import numpy as np

from libs.quality.similarity import Picture

FRAMES = 6


def texture(height: int = 96, width: int = 128, *, seed: int = 1, coarse: float = 3.0) -> Picture:
    """Smooth noise of full contrast."""
    noise = np.random.default_rng(seed).random((height, width, 3), np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), coarse)
    return np.asarray(np.rint((smooth - smooth.min()) / np.ptp(smooth) * 255.0), np.uint8)


def pan() -> list[Picture]:
    """Two pixels a frame to the left."""
    wide = texture(96, 160)
    return [wide[:, 2 * n : 2 * n + 128].copy() for n in range(FRAMES)]


def ball(places: list[int]) -> list[Picture]:
    """A red disc over a flat ground, at these places from the left."""
    pictures = []
    for place in places:
        picture = np.full((96, 128, 3), (40, 60, 200), np.uint8)
        cv2.circle(picture, (place, 48), 10, (220, 30, 30), -1, cv2.LINE_AA)
        pictures.append(picture)
    return pictures


def lit(levels: list[float]) -> list[Picture]:
    """One picture, as bright as these say."""
    return [np.rint(texture() * level).astype(np.uint8) for level in levels]


def cut() -> list[Picture]:
    return [texture(seed=1)] * 3 + [texture(seed=2)] * 3


def noise() -> list[Picture]:
    generator = np.random.default_rng(3)
    return [generator.integers(0, 256, (96, 128, 3)).astype(np.uint8) for _ in range(FRAMES)]
