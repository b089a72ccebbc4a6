"""How alike two pictures are, and two clips frame by frame: what a faster way of making the same clip has changed.

SSIM is Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, Image Quality Assessment: From Error Visibility to Structural
Similarity, 2004: a Gaussian window of 11 by 11 pixels with a deviation of 1.5, K1 = 0.01, K2 = 0.03, and only where the
window lies within the picture.

These compare pixels in their places. Of two clips that show the same thing a little elsewhere they say nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""Display-encoded codes, [height, width, 3], R'G'B'."""

WINDOW: Final = 11
"""Pixels: the least that a side must have for SSIM."""
_DEVIATION: Final = 1.5
_C1: Final = (0.01 * 255.0) ** 2
_C2: Final = (0.03 * 255.0) ** 2


@dataclass(frozen=True, slots=True)
class Likeness:
    """Of two clips, frame by frame."""

    psnr: tuple[float, ...]
    """In dB over all three channels; infinite for equal pictures."""
    ssim: tuple[float, ...]
    """Of luma, up to 1 for equal pictures."""
    largest: tuple[int, ...]
    """The largest difference of two codes, 0 to 255."""

    @property
    def equal(self) -> bool:
        return not any(self.largest)


def luma(picture: Picture) -> NDArray[np.float32]:
    """Luma by Rec. 709's weights, in codes from 0 to 255, [height, width]. ValueError for what is no picture."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"expected uint8 codes [height, width, 3], not {picture.dtype} {picture.shape}")
    weights = np.array([[0.2126, 0.7152, 0.0722]], np.float32)
    return np.asarray(cv2.transform(picture.astype(np.float32), weights), np.float32).reshape(picture.shape[:2])


def psnr(one: Picture, other: Picture) -> float:
    """Peak signal to noise in dB, over all channels; infinite for equal pictures. ValueError where sizes differ."""
    _check(one, other)
    error = float(np.mean(np.square(one.astype(np.float64) - other)))
    return math.inf if error == 0.0 else 10.0 * math.log10(255.0**2 / error)


def ssim(one: Picture, other: Picture) -> float:
    """Structural similarity of luma: 1 for equal pictures, near 0 or below for unrelated ones. ValueError where sizes
    differ or a side is shorter than `WINDOW`."""
    _check(one, other)
    if min(one.shape[:2]) < WINDOW:
        raise ValueError(f"SSIM needs pictures of at least {WINDOW} by {WINDOW} pixels, not {one.shape[:2]}")
    a, b = luma(one).astype(np.float64), luma(other).astype(np.float64)
    mean_a, mean_b = _mean(a), _mean(b)
    # Differences of large numbers: in doubles, as in floats a flat picture would have a variance below 0.
    variance_a, variance_b = _mean(a * a) - mean_a * mean_a, _mean(b * b) - mean_b * mean_b
    together = _mean(a * b) - mean_a * mean_b
    alike = (2.0 * mean_a * mean_b + _C1) * (2.0 * together + _C2)
    alike /= (mean_a * mean_a + mean_b * mean_b + _C1) * (variance_a + variance_b + _C2)
    return float(alike.mean())


def likeness(one: Iterable[Picture], other: Iterable[Picture]) -> Likeness:
    """Two clips of the same size and length, one frame of each in memory at a time. ValueError where they differ in
    these, or hold nothing."""
    ratios: list[float] = []
    structures: list[float] = []
    largest: list[int] = []
    for a, b in zip(one, other, strict=True):
        ratios.append(psnr(a, b))
        structures.append(ssim(a, b))
        largest.append(int(cv2.absdiff(a, b).max()))
    if not ratios:
        raise ValueError("there are no frames to compare")
    return Likeness(tuple(ratios), tuple(structures), tuple(largest))


def _check(one: Picture, other: Picture) -> None:
    for picture in (one, other):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"expected uint8 codes [height, width, 3], not {picture.dtype} {picture.shape}")
    if one.shape != other.shape:
        raise ValueError(f"pictures of {one.shape} and {other.shape} cannot be compared")


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Under the window, where it lies within the picture."""
    blurred = cv2.GaussianBlur(values, (WINDOW, WINDOW), _DEVIATION)
    inside = WINDOW // 2
    return np.asarray(blurred[inside : values.shape[0] - inside, inside : values.shape[1] - inside], np.float64)
