"""Laying a file's pictures into a document of another size."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Final, Protocol, runtime_checkable

import cv2
import numpy as np

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Frame, MediaSource, Pixels, Request, Window
from libs.kernels.room import ROOMS

NONE: Final = "none"
FITS: Final = (NONE, "fit", "fill", "stretch")
_STRIP: Final = 64
"""Lines of a file that are converted and averaged at once, so that they stay in the processor's cache."""


@runtime_checkable
class Halving(Protocol):
    """A source that has its pictures in half their size for less, not quite as exact."""

    def halved(self, time: Fraction) -> Callable[[Window], Frame] | None:
        """What converts a region of the picture at `time`, in its pixels; None where there is only the whole one."""
        ...


def keeps_size(info: media.MediaInfo, fit: str, request: Request) -> bool:
    """Whether the pictures lie in the document pixel for pixel, so that any part of them can be had alone."""
    if not info.video_streams:
        return False
    size = upright_size(info)
    target = target_window(*size, fit, pixel_aspect(info), request)
    return (target.width, target.height) == size


def placed(source: MediaSource, time: Fraction, fit: str, request: Request) -> Frame:
    """The picture that `source` shows at `time`, laid into the document by the rule `fit`, with square pixels.

    Smaller pictures are made by averaging (the exact area of each new pixel), larger by Catmull-Rom-like cubics. One
    that keeps its size is converted where `request.region` lies and nowhere else.
    """
    width, height = upright_size(source.info)
    target = target_window(width, height, fit, pixel_aspect(source.info), request)
    if (target.width, target.height) == (width, height):
        region = request.region
        part = source.picture(time, Window(region.x - target.x, region.y - target.y, region.width, region.height))
        return Frame(part.pixels, part.x + target.x, part.y + target.y, part.opaque)
    if target.width <= width and target.height <= height:
        frame = _smaller(source, time, (width, height), target)
    else:
        frame = _enlarged(source.picture(time), target)
    return frame.crop(request.format)


def placed_window(info: media.MediaInfo, fit: str, request: Request) -> Window:
    """Where the pixels of `placed` lie."""
    size = upright_size(info)
    target = target_window(*size, fit, pixel_aspect(info), request)
    return target.intersect(request.region if (target.width, target.height) == size else request.format)


def target_window(width: int, height: int, fit: str, aspect: Fraction, request: Request) -> Window:
    """Where a picture of `width` by `height` pixels of that aspect goes, in pixels at the request's scale."""
    return _target(width, height, fit, aspect, request.width, request.height, request.scale)


@lru_cache(maxsize=256)
def _target(
    width: int, height: int, fit: str, aspect: Fraction, into_width: int, into_height: int, scale: Fraction
) -> Window:
    square = width * aspect
    if fit == NONE:
        return Window(0, 0, max(1, _nearest(square * scale)), max(1, _nearest(height * scale)))
    across, down = Fraction(into_width) / square, Fraction(into_height, height)
    if fit == "stretch":
        return Window(0, 0, into_width, into_height)
    factor = min(across, down) if fit == "fit" else max(across, down)
    new_width, new_height = max(1, _nearest(square * factor)), max(1, _nearest(height * factor))
    if scale != 1:
        # A proxy's sides are rounded; what fills the document's side fills the proxy's.
        new_width = into_width if abs(new_width - into_width) == 1 else new_width
        new_height = into_height if abs(new_height - into_height) == 1 else new_height
    return Window((into_width - new_width) // 2, (into_height - new_height) // 2, new_width, new_height)


def upright_size(info: media.MediaInfo) -> tuple[int, int]:
    """Width and height of the pictures as they are shown, in the file's pixels."""
    stream = info.video_streams[0]
    return (stream.height, stream.width) if stream.rotation in (90, 270) else (stream.width, stream.height)


def pixel_aspect(info: media.MediaInfo) -> Fraction:
    """Width of a pixel for a height of 1, as the picture stands upright."""
    stream = info.video_streams[0]
    aspect = stream.sample_aspect_ratio
    if aspect.numerator <= 0 or aspect.denominator <= 0 or aspect.numerator == aspect.denominator:
        return _SQUARE
    ratio = Fraction(aspect.numerator, aspect.denominator)
    return 1 / ratio if stream.rotation in (90, 270) else ratio


_SQUARE: Final = Fraction(1)


def _smaller(source: MediaSource, time: Fraction, size: tuple[int, int], target: Window) -> Frame:
    if isinstance(source, Halving) and _may_halve(size, target):
        half = source.halved(time)
        if half is not None:
            return _averaged(half, (size[0] // 2, size[1] // 2), target)
    return _averaged(lambda rows: source.picture(time, rows), size, target)


def _may_halve(size: tuple[int, int], target: Window) -> bool:
    """Whether halves go first: areas of a factor between, in two steps, would be much softer than in one."""
    if (2 * target.width, 2 * target.height) == size:
        return True
    return 4 * target.width <= size[0] and 4 * target.height <= size[1]


def _averaged(picture: Callable[[Window], Frame], size: tuple[int, int], target: Window) -> Frame:
    """The picture made smaller, a few of its lines at a time: as many as make whole lines of the result."""
    width, height = size
    pixels = ROOMS.take((target.height, target.width, 4))
    lines = Fraction(height, target.height)
    # Of p / q lines to one, p of the file's lines make q of the result's.
    step = lines.denominator * max(1, _STRIP // lines.numerator)
    opaque = True
    for top in range(0, target.height, step):
        bottom = min(top + step, target.height)
        rows = Window(0, int(top * lines), width, int((bottom - top) * lines))
        part = picture(rows)
        opaque = opaque and part.opaque
        lines_made = pixels[top:bottom]
        cv2.resize(part.filled(rows), lines_made.shape[1::-1], dst=lines_made, interpolation=cv2.INTER_AREA)
    if opaque:
        pixels[..., 3] = 1.0  # weights of an area may sum to a little less
    return Frame(pixels, target.x, target.y, opaque)


def _enlarged(frame: Frame, target: Window) -> Frame:
    pixels = _resized(frame.pixels, target.width, target.height, cv2.INTER_CUBIC)
    # Cubics ring beyond an edge; coverage stays a coverage.
    alpha = pixels[..., 3]
    np.clip(alpha, 1.0 if frame.opaque else 0.0, 1.0, out=alpha)
    return Frame(pixels, target.x, target.y, frame.opaque)


def _resized(pixels: Pixels, width: int, height: int, method: int) -> Pixels:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method), dtype=np.float32)


def _nearest(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))
