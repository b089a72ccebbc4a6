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
from libs.kernels import resample
from libs.kernels.room import ROOMS

NONE: Final = "none"
FITS: Final = (NONE, "fit", "fill", "stretch")
_REACH: Final = 2
"""Pixels on each side that a cubic reads."""
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
            width, height = size[0] // 2, size[1] // 2
            return _averaged(half, Window(0, 0, width, height), (width, height), target)
    return _averaged(lambda rows: source.picture(time, rows), Window(0, 0, *size), size, target)


def _may_halve(size: tuple[int, int], target: Window) -> bool:
    """Whether halves go first: areas of a factor between, in two steps, would be much softer than in one."""
    if (2 * target.width, 2 * target.height) == size:
        return True
    return 4 * target.width <= size[0] and 4 * target.height <= size[1]


def laid(
    picture: Callable[[Window], Frame],
    extent: Window,
    info: media.MediaInfo,
    fit: str,
    request: Request,
    threads: int,
) -> Frame:
    """A picture whose pixels lie in `extent`, smaller or larger than the size that `info` says, laid as by `placed`.

    `picture` gives any part of it, in its own pixels. What lies beyond the document is kept as far as others may move
    it into view. Outside the extent there is nothing, so where it shrinks its edges are covered in part.
    """
    size = upright_size(info)
    target = target_window(*size, fit, pixel_aspect(info), request)
    if (target.width, target.height) == size:
        region = request.region
        part = picture(Window(region.x - target.x, region.y - target.y, region.width, region.height))
        return Frame(part.pixels, part.x + target.x, part.y + target.y, part.opaque)
    across, down = Fraction(size[0], target.width), Fraction(size[1], target.height)
    view = request.surroundings
    seen = extent.intersect(
        _outward((view.x - target.x) * across, (view.y - target.y) * down, view.width * across, view.height * down)
    )
    if seen.empty:
        return picture(seen)
    if target.width <= size[0] and target.height <= size[1]:
        return _averaged(picture, seen, size, target)
    return _resampled(picture(seen), (across, down), target, request.region, threads)


def _averaged(picture: Callable[[Window], Frame], seen: Window, size: tuple[int, int], target: Window) -> Frame:
    """The part `seen` of a picture made smaller, a few of its lines at a time: as many as make whole lines of it.

    What is `size` becomes `target`; what is seen may lie beyond that.
    """
    across, lines = Fraction(size[0], target.width), Fraction(size[1], target.height)
    # Of p / q pixels to one, p of the file's make q of the result's: grown to where their borders fall together.
    left, right = seen.x // across.numerator, -(-seen.right // across.numerator)
    top, bottom = seen.y // lines.numerator, -(-seen.bottom // lines.numerator)
    x, width = left * across.numerator, (right - left) * across.numerator
    new_top, new_bottom = top * lines.denominator, bottom * lines.denominator
    step = lines.denominator * max(1, _STRIP // lines.numerator)
    pixels: Pixels | None = None
    opaque = (x, width) == (seen.x, seen.width) and (top, bottom) == (
        seen.y / lines.numerator,
        seen.bottom / lines.numerator,
    )
    for begin in range(new_top, new_bottom, step):
        end = min(begin + step, new_bottom)
        rows = Window(x, int(begin * lines), width, int((end - begin) * lines))
        part = picture(rows)
        opaque = opaque and part.opaque
        if pixels is None:
            new_width = (right - left) * across.denominator
            pixels = ROOMS.take((new_bottom - new_top, new_width, part.channels))
        made = pixels[begin - new_top : end - new_top]
        flat = made if part.channels > 1 else made[..., 0]
        given = part.filled(rows)
        cv2.resize(
            given if part.channels > 1 else given[..., 0], flat.shape[1::-1], dst=flat, interpolation=cv2.INTER_AREA
        )
    assert pixels is not None
    if opaque:
        pixels[..., -1] = 1.0  # weights of an area may sum to a little less
    frame = Frame(pixels, target.x + left * across.denominator, target.y + new_top, opaque)
    touched = _outward(seen.x / across, seen.y / lines, seen.width / across, seen.height / lines)
    return frame.crop(Window(touched.x + target.x, touched.y + target.y, touched.width, touched.height))


def _resampled(frame: Frame, steps: tuple[Fraction, Fraction], target: Window, region: Window, threads: int) -> Frame:
    """A frame in a picture's own pixels, made larger in some direction by cubics, as far as it falls into `region`."""
    across, down = steps
    window = frame.window
    new = _outward(window.x / across, window.y / down, window.width / across, window.height / down)
    part = Window(new.x + target.x, new.y + target.y, new.width, new.height).intersect(region)
    if part.empty:
        return Frame.empty(frame.channels)
    # Borders hold their colour, as they do where a picture fills its format.
    border = _REACH + max(1, math.ceil(across), math.ceil(down))
    padded = cv2.copyMakeBorder(frame.pixels, border, border, border, border, cv2.BORDER_REPLICATE)
    padded = np.asarray(padded, np.float32).reshape(window.height + 2 * border, window.width + 2 * border, -1)
    inverse = np.array(
        [[float(across), 0, float(-target.x * across)], [0, float(down), float(-target.y * down)], [0, 0, 1]]
    )
    origin = (window.x - border, window.y - border)
    pixels = resample(padded, inverse, (part.height, part.width), (part.x, part.y), origin, "cubic", threads=threads)
    np.clip(pixels[..., -1], 1.0 if frame.opaque else 0.0, 1.0, out=pixels[..., -1])
    return Frame(pixels, part.x, part.y, frame.opaque)


def _outward(x: Fraction, y: Fraction, width: Fraction, height: Fraction) -> Window:
    """The smallest window of whole pixels around a rectangle."""
    left, top = math.floor(x), math.floor(y)
    return Window(left, top, math.ceil(x + width) - left, math.ceil(y + height) - top)


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
