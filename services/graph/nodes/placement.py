"""Fitting a picture of one size into a document of another."""

import math
from fractions import Fraction
from typing import Final

import cv2
import numpy as np

from artifex.nodes import Frame, Request, Window

NONE: Final = "none"
FITS: Final = (NONE, "fit", "fill", "stretch")


def place(frame: Frame, fit: str, pixel_aspect: Fraction, request: Request) -> Frame:
    """`frame`, which lies at (0, 0), resized and moved by the rule `fit`, with square pixels.

    Smaller pictures are made by averaging (the exact area of each new pixel), larger by Catmull-Rom-like cubics.
    """
    height, width = frame.pixels.shape[:2]
    target = target_window(width, height, fit, pixel_aspect, request)
    if target == frame.window:
        return frame
    if (target.width, target.height) == (width, height):
        return Frame(frame.pixels, target.x, target.y, frame.opaque)
    shrinks = target.width <= width and target.height <= height
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    pixels = cv2.resize(frame.pixels, (target.width, target.height), interpolation=method)
    resized = Frame(np.asarray(pixels, dtype=np.float32), target.x, target.y, frame.opaque)
    # Cubics ring beyond an edge; coverage stays a coverage.
    alpha = resized.pixels[..., 3]
    np.clip(alpha, 1.0 if frame.opaque else 0.0, 1.0, out=alpha)
    return resized.crop(request.format)


def target_window(width: int, height: int, fit: str, pixel_aspect: Fraction, request: Request) -> Window:
    """Where a picture of `width` by `height` pixels of that aspect goes."""
    square = width * pixel_aspect
    if fit == NONE:
        return Window(0, 0, max(1, _nearest(square)), height)
    across, down = Fraction(request.width) / square, Fraction(request.height, height)
    if fit == "stretch":
        return Window(0, 0, request.width, request.height)
    scale = min(across, down) if fit == "fit" else max(across, down)
    new_width, new_height = max(1, _nearest(square * scale)), max(1, _nearest(height * scale))
    return Window((request.width - new_width) // 2, (request.height - new_height) // 2, new_width, new_height)


def _nearest(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))
