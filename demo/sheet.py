"""A contact sheet: a movie at a glance."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from libs.frames.probe import probe
from libs.frames.stills import write_png
from libs.frames.video_reader import VideoReader


def contact_sheet(movie: Path, picture: Path, *, columns: int = 3, rows: int = 2, width: int = 256) -> None:
    """Write pictures spread evenly over the movie, first and last included, as one PNG, each `width` pixels wide."""
    stream = probe(movie).video_streams[0]
    rate = Fraction(stream.frame_rate.numerator, stream.frame_rate.denominator)
    height = width * stream.height // stream.width
    count = columns * rows
    with VideoReader(movie) as reader:
        cells = []
        for index in range(count):
            frame = index * (stream.frame_count - 1) // (count - 1)
            pixels = reader.frame_at(frame / rate)[..., :3]
            cells.append(cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=cv2.INTER_AREA))
    lines = [np.hstack(cells[row * columns : (row + 1) * columns]) for row in range(rows)]
    write_png(picture, np.asarray(np.vstack(lines), np.float32))
