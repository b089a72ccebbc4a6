"""Layouts of planar video by libavutil's names, and the constants that turn codes into R'G'B' and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from libs.frames.colour_tags import luma_weights
from libs.kernels.types import Plane, Siting

_PLANAR = re.compile(r"(?P<kind>yuv|yuva|yuvj)(?P<chroma>420|422|440|444)p(?P<depth>9|10|12|14|16)?(le)?")
_GBR = re.compile(r"gbr(?P<alpha>a?)p(?P<depth>9|10|12|14|16)?(le)?")
_SEMI_8 = {"nv12": (1, 1), "nv16": (1, 0), "nv24": (0, 0)}
_SEMI_16 = re.compile(r"p(?P<chroma>0|2|4)(?P<depth>10|12|16)(le)?")
_SHIFTS = {"420": (1, 1), "422": (1, 0), "440": (0, 1), "444": (0, 0)}


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How a picture's codes are laid out."""

    name: str
    depth: int
    """Significant bits of a code."""
    shift: int
    """By how many bits codes are moved up in their 16-bit words (P010 and its kin)."""
    chroma_x: int
    chroma_y: int
    """Logarithms of the chroma planes' shrinking across and down: 0 or 1."""
    interleaved: bool
    """Whether Cb and Cr share one plane, by turns."""
    rgb: bool
    """Planes are G, B, R rather than Y, Cb, Cr."""
    alpha: bool

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        return np.uint8 if self.depth <= 8 else np.uint16

    @property
    def planes(self) -> int:
        return (2 if self.interleaved else 3) + self.alpha

    def plane_shape(self, index: int, height: int, width: int) -> tuple[int, int]:
        """(rows, samples in a row) of one plane of a picture of this size."""
        if self.rgb or index == 0 or index == 3:
            return height, width
        rows = -(-height >> self.chroma_y)
        columns = -(-width >> self.chroma_x)
        return rows, columns * 2 if self.interleaved else columns

    def check(self, planes: list[Plane], writable: bool = False) -> tuple[int, int]:
        """(height, width) of the picture; ValueError where the planes do not belong together."""
        if len(planes) != self.planes:
            raise ValueError(f"{self.name} has {self.planes} planes, not {len(planes)}")
        height, width = planes[0].shape
        for index, plane in enumerate(planes):
            if plane.shape != self.plane_shape(index, height, width):
                expected = self.plane_shape(index, height, width)
                raise ValueError(f"plane {index} of {self.name} at {width}x{height} is {expected}, not {plane.shape}")
            if plane.dtype != self.dtype or (plane.size and plane.strides[1] != plane.itemsize):
                raise ValueError(f"plane {index} of {self.name} holds {self.dtype.__name__}, contiguous in its rows")
            if writable and not plane.flags.writeable:
                raise ValueError(f"plane {index} cannot be written to")
        return height, width


@cache
def pixel_format(name: str) -> PixelFormat:
    """The layout by libavutil's name: yuv, yuva, yuvj and gbr(a) planar of 8 to 16 bits, NV12, P010 and their kin.

    ValueError for another.
    """
    if match := _PLANAR.fullmatch(name):
        x, y = _SHIFTS[match["chroma"]]
        return PixelFormat(name, int(match["depth"] or 8), 0, x, y, False, False, match["kind"] == "yuva")
    if match := _GBR.fullmatch(name):
        return PixelFormat(name, int(match["depth"] or 8), 0, 0, 0, False, True, bool(match["alpha"]))
    if name in _SEMI_8:
        x, y = _SEMI_8[name]
        return PixelFormat(name, 8, 0, x, y, True, False, False)
    if match := _SEMI_16.fullmatch(name):
        x, y = {"0": (1, 1), "2": (1, 0), "4": (0, 0)}[match["chroma"]]
        depth = int(match["depth"])
        return PixelFormat(name, depth, 16 - depth, x, y, True, False, False)
    raise ValueError(f"no kernel reads the pixel format {name!r}")


def is_supported(name: str) -> bool:
    """Whether `yuv_to_linear` reads the pixel format of this name."""
    try:
        pixel_format(name)
    except ValueError:
        return False
    return True


@cache
def to_rgb(pixels: PixelFormat, matrix: str, full_range: bool) -> npt.NDArray[np.float64]:
    """The 3x4 affine map from a pixel's three codes, in the planes' order, to R'G'B' of 0..1 (ITU-T H.273, 8.3).

    Limited range: Y is 16..235 and C 16..240 at 8 bits, times 2^(depth − 8). Full range: 0..2^depth − 1, chroma around
    2^(depth − 1). KeyError for a matrix without fixed weights.
    """
    step, peak, half = 2.0 ** (pixels.depth - 8), 2.0**pixels.depth - 1.0, 2.0 ** (pixels.depth - 1)
    black, white = (0.0, peak) if full_range else (16.0 * step, 219.0 * step)
    if pixels.rgb:
        rows, offset = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]), np.full(3, black)
        gain = np.full(3, 1.0 / white)
    else:
        kr, kg, kb = luma_weights(matrix)
        rows = np.array(
            [
                [1.0, 0.0, 2.0 * (1.0 - kr)],
                [1.0, -2.0 * (1.0 - kb) * kb / kg, -2.0 * (1.0 - kr) * kr / kg],
                [1.0, 2.0 * (1.0 - kb), 0.0],
            ]
        )
        swing = peak if full_range else 224.0 * step
        offset, gain = np.array([black, half, half]), np.array([1.0 / white, 1.0 / swing, 1.0 / swing])
    linear = rows * gain
    return np.concatenate([linear, -(linear @ offset)[:, None]], axis=1)


@cache
def from_rgb(pixels: PixelFormat, matrix: str, full_range: bool) -> npt.NDArray[np.float64]:
    """The inverse of `to_rgb`."""
    forward = to_rgb(pixels, matrix, full_range)
    inverse = np.linalg.inv(forward[:, :3])
    return np.concatenate([inverse, -(inverse @ forward[:, 3:])], axis=1)


Taps = list[tuple[int, float]]
"""(sample, weight) of a weighted sum."""


def upsampling(index: int, count: int, shift: int, between: bool) -> Taps:
    """Of which two chroma samples, of `count`, the chroma at luma position `index` is made: linear interpolation.

    `between` says that a chroma sample lies half-way between two luma samples, else on the first of them. Beyond the
    edge the last sample is repeated. The taps come in order of position, and there are always two.
    """
    if not shift:
        return [(index, 1.0), (index, 0.0)]
    middle, odd = index >> 1, index & 1
    if between:
        other = middle + 1 if odd else middle - 1
        taps = [(other, 0.25), (middle, 0.75)]
    else:
        taps = [(middle, 1.0 - 0.5 * odd), (middle + odd, 0.5 * odd)]
    return [(min(max(sample, 0), count - 1), weight) for sample, weight in sorted(taps)]


def downsampling(index: int, count: int, shift: int, between: bool) -> Taps:
    """Of which luma positions, of `count`, chroma sample `index` is made.

    The filters undo `upsampling` exactly, so that pictures which nobody changed keep their codes. They are the duals of
    linear interpolation in the biorthogonal families of Cohen, Daubechies and Feauveau (1992): [−1 2 6 2 −1]/8 where a
    chroma sample lies on a luma sample, which is LeGall's 5/3, and [−1 3 3 −1]/4 where it lies between two.
    Beyond the edge the last sample is repeated.
    """
    if not shift:
        return [(index, 1.0)]
    first = 2 * index
    if not between:
        taps = [(first - 2, -0.125), (first - 1, 0.25), (first, 0.75), (first + 1, 0.25), (first + 2, -0.125)]
    elif first + 1 < count:
        taps = [(first - 1, -0.25), (first, 0.75), (first + 1, 0.75), (first + 2, -0.25)]
    else:
        # An odd side ends between: what is missing follows from the two last, which lie on a known line.
        taps = [(first - 1, -0.5), (first, 1.5)]
    return [(min(max(sample, 0), count - 1), weight) for sample, weight in taps]


def between(pixels: PixelFormat, siting: Siting) -> tuple[bool, bool]:
    """Whether chroma samples lie between luma samples, across and down."""
    return bool(pixels.chroma_x) and siting == "center", bool(pixels.chroma_y) and siting != "topleft"
