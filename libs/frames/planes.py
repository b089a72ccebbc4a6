"""The samples of decoded frames as arrays, cut to a rectangle, in the layouts that the conversion kernels read.

Nothing is converted here. Planar formats are views into the decoder's own memory; packed RGB is sorted into planes, as
far as the rectangle goes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from libs.frames.colour_tags import ColourTags, effective_matrix
from libs.frames.pixels import is_full_range, packed_layout, packed_samples, plane_samples
from libs.kernels import Siting
from libs.kernels.formats import PixelFormat, between, is_supported, pixel_format

Samples = npt.NDArray[Any]
"""uint8 or uint16 [rows, samples], contiguous in the rows."""

_STILL: Final = (0.0, 1.0, 0.0)

# Columns converted on both sides of a narrow rectangle, so that its chroma is spread from the same neighbours.
_MARGIN = 4


@dataclass(frozen=True, slots=True)
class Cut:
    """A rectangle of a frame, ready for `libs.kernels.yuv_to_linear`."""

    format: str
    """libavutil's name."""
    matrix: str
    full_range: bool
    siting: Siting
    planes: list[Samples]
    rows: slice
    """The rectangle's rows, counted in the planes' pictures."""
    columns: slice
    """The rectangle's columns in what the kernel makes of these planes."""


@dataclass(frozen=True, slots=True)
class Planes:
    """One decoded frame as it is stored. Reading it from several threads is safe; it keeps the frame's memory."""

    format: str
    width: int
    height: int
    matrix: str
    """By name, see `libs.frames.colour_tags`: the tagged one, or what players take where there is no tag."""
    full_range: bool
    siting: Siting
    alpha: bool
    samples: tuple[Samples, ...]
    order: tuple[int, ...] = ()
    """Of a packed format, where G, B, R (and A) lie in a pixel of `samples[0]` [height, width, channels]."""

    @property
    def nbytes(self) -> int:
        return sum(plane.nbytes for plane in self.samples)

    def cut(self, x: int, y: int, width: int, height: int) -> Cut:
        """The rectangle, which must lie inside the frame."""
        if self.order:
            return self._sorted(x, y, width, height)
        layout = pixel_format(self.format)
        if width == self.width:
            return self._cut(self.format, list(self.samples), slice(y, y + height), slice(0, width))
        # Chroma columns belong to pairs of luma columns: begin on an even one, and end on one or with the frame.
        left = max(0, x - _MARGIN) & ~1
        right = min(self.width, (x + width + _MARGIN + 1) & ~1)
        planes = [_columns(plane, index, layout, left, right) for index, plane in enumerate(self.samples)]
        return self._cut(self.format, planes, slice(y, y + height), slice(x - left, x - left + width))

    def halved(self) -> Planes | None:
        """The picture in half its size, averaged over two by two pixels as it is stored, before it becomes light.

        Luma becomes the mean of four codes, chroma that of what linear interpolation gives for these four pixels; both
        to the nearest code, without subsampling. As averages of codes and not of light they make fine contrast darker:
        good enough for what passes by. None for sides that are odd, alpha, and samples that share a plane.
        """
        if self.order or self.alpha or self.width % 2 or self.height % 2:
            return None
        layout = pixel_format(self.format)
        if layout.interleaved:
            return None
        size = (self.width // 2, self.height // 2)
        luma, *chroma = self.samples
        across, down = between(layout, self.siting)
        weights = (_halving(layout.chroma_x, across), _halving(layout.chroma_y, down))
        planes = [_mean(luma, size), *(_mean(plane, size, *weights) for plane in chroma)]
        full = layout.name if layout.rgb else re.sub("420|422|440", "444", layout.name)
        return replace(self, format=full, width=size[0], height=size[1], samples=tuple(planes))

    def _sorted(self, x: int, y: int, width: int, height: int) -> Cut:
        part = self.samples[0][y : y + height, x : x + width]
        planes: list[Samples] = [np.ascontiguousarray(cv2.extractChannel(part, channel)) for channel in self.order]
        deep = "" if part.dtype == np.uint8 else "16le"
        return self._cut(f"gbr{'a' if self.alpha else ''}p{deep}", planes, slice(0, height), slice(0, width))

    def _cut(self, format: str, planes: list[Samples], rows: slice, columns: slice) -> Cut:
        return Cut(format, self.matrix, self.full_range, self.siting, planes, rows, columns)


def planes_of(frame: VideoFrame, tags: ColourTags, siting: Siting | None) -> Planes | None:
    """The frame's planes; None for a format that only libswscale can read (palettes, grey, floats, 4:1:1, Bayer…)."""
    name, size = frame.format.name, (frame.width, frame.height)
    layout, packed = packed_layout(name), packed_samples(frame)
    if layout is not None and packed is not None:
        red, green, blue, *opacity = layout[0]
        return Planes(name, *size, "gbr", True, "left", bool(opacity), (packed,), (green, blue, red, *opacity))
    if siting is None or not is_supported(name):
        return None
    planar = pixel_format(name)
    shapes = [planar.plane_shape(index, frame.height, frame.width) for index in range(planar.planes)]
    views = tuple(plane_samples(frame, index, planar.dtype, shape) for index, shape in enumerate(shapes))
    matrix = "gbr" if planar.rgb else effective_matrix(tags, *size)
    full_range = planar.rgb or is_full_range(name, tags)
    return Planes(name, *size, matrix, full_range, siting, planar.alpha, views)


def _halving(shift: int, between: bool) -> Sequence[float]:
    """The weights of the samples before, at and after a pixel of half the size, in one direction of a chroma plane.

    The two pixels that it was lie on a sample and half-way to the next, or a quarter to both sides of it.
    """
    if not shift:
        return _STILL
    return (0.125, 0.75, 0.125) if between else (0.0, 0.75, 0.25)


def _mean(
    plane: Samples, size: tuple[int, int], across: Sequence[float] = _STILL, down: Sequence[float] = _STILL
) -> Samples:
    """A plane at half of the picture's size: what is larger averaged, what has that size already weighed as it lies."""
    if across is not _STILL or down is not _STILL:
        kernels = np.array(across), np.array(down)
        plane = np.asarray(cv2.sepFilter2D(plane, -1, *kernels, borderType=cv2.BORDER_REPLICATE))
    if plane.shape != size[::-1]:
        plane = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
    return plane


def _columns(plane: Samples, index: int, layout: PixelFormat, left: int, right: int) -> Samples:
    """The columns of one plane that belong to the luma columns from `left`, even, to before `right`."""
    if layout.rgb or index not in (1, 2) or not layout.chroma_x:
        begin, end = left, right
    else:
        begin, end = left >> 1, (right + 1) >> 1
    wide = 2 if layout.interleaved and index == 1 else 1
    return plane[:, begin * wide : end * wide]
