"""What runs inside the sandbox that opens given pictures. Its files are users', so it may be killed at any time."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from libs.frames.errors import MediaError
from libs.frames.pixels import Picture
from libs.frames.sequence_index import is_sequence
from libs.frames.sequence_picture import sequence_picture
from libs.frames.video_reader import VideoReader


def run(request: dict[str, Any], progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """`path`, `width` and `height` in pixels; `output`, the file for the RGB bytes; `name`, what errors call it."""
    cv2.setNumThreads(1)
    path = request["path"]
    try:
        if is_sequence(path):
            picture, aspect = sequence_picture(path, Fraction(0))
        else:
            with VideoReader(path) as reader:
                picture, aspect = reader.frame_at(Fraction(0)), reader.info.sample_aspect_ratio
    except MediaError as error:
        raise error.of(request["name"]) from error
    Path(request["output"]).write_bytes(filled(picture, aspect, request["width"], request["height"]).tobytes())
    return {}


def filled(picture: Picture, aspect: Fraction, width: int, height: int) -> npt.NDArray[np.uint8]:
    """[height, width, 3]: the largest middle part of the size's shape, scaled; transparency over black.

    `aspect`: the width of the picture's pixels for a height of 1. A picture of the size itself keeps every code.
    """
    down, across = picture.shape[:2]
    shape = Fraction(width, height) / aspect
    columns = min(across, max(1, round(down * shape)))
    rows = min(down, max(1, round(across / shape)))
    left, top = (across - columns) // 2, (down - rows) // 2
    part = picture[top : top + rows, left : left + columns]
    opaque = np.ascontiguousarray(part[..., :3] * part[..., 3:])
    if (columns, rows) != (width, height):
        smaller = columns > width or rows > height
        opaque = np.asarray(
            cv2.resize(opaque, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC),
            np.float32,
        )
    return np.asarray(np.rint(np.clip(opaque, 0.0, 1.0) * np.float32(255)), np.uint8)
