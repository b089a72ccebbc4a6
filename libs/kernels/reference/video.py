"""Video's codes to scene-linear light, and back."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from libs.kernels.formats import PixelFormat, Taps, downsampling, upsampling
from libs.kernels.reference.transfer import apply
from libs.kernels.types import Matrix, Pixels, Plane, Transfer

_STRIP = 32
"""Rows worked on at once; even, and few enough to stay in the processor's cache."""

Values = npt.NDArray[np.float32]


@np.errstate(all="ignore")
def yuv_to_linear(
    planes: list[Plane],
    pixels: PixelFormat,
    matrix: Matrix,
    between: tuple[bool, bool],
    transfer: Transfer,
    to_working: Matrix,
    clip: bool,
    first: int,
    out: Pixels,
) -> None:
    height, width = planes[0].shape
    for top in range(0, out.shape[0], _STRIP):
        strip = out[top : top + _STRIP]
        rows = range(first + top, first + top + strip.shape[0])
        codes = np.empty((len(rows), width, 3), np.float32)
        codes[..., 0] = planes[0][rows.start : rows.stop] >> pixels.shift
        for channel, chroma in enumerate(_chroma(planes, pixels)):
            codes[..., 1 + channel] = _spread(chroma, pixels, between, rows, height, width)
        encoded = _mapped(codes, matrix)
        if clip:
            encoded = np.clip(encoded, np.float32(0.0), np.float32(1.0))
        light = _mapped(apply(transfer, encoded), to_working)
        if pixels.alpha:
            alpha = planes[-1][rows.start : rows.stop, :, None] * np.float32(1.0 / ((1 << pixels.depth) - 1))
            np.multiply(light, alpha, out=strip[..., :3])
            strip[..., 3:] = alpha
        else:
            strip[..., :3] = light
            strip[..., 3] = 1.0


@np.errstate(all="ignore")
def linear_to_yuv(
    picture: Pixels,
    from_working: Matrix,
    transfer: Transfer,
    matrix: Matrix,
    pixels: PixelFormat,
    between: tuple[bool, bool],
    clip: bool,
    planes: list[Plane],
    rows: slice,
) -> None:
    height, width = picture.shape[:2]
    chroma = _chroma(planes, pixels)
    for top in range(rows.start, rows.stop, _STRIP):
        bottom = min(top + _STRIP, rows.stop)
        # Chroma is filtered down over one line more to each side.
        low, high = max(top - 2, 0), min(bottom + 2, height)
        light = np.ascontiguousarray(picture[low:high, :, :3])
        encoded = apply(transfer, _mapped(light, from_working))
        # No code lies farther out than this; so infinity leaves its neighbours in chroma alone.
        lowest, highest = (0.0, 1.0) if clip else (-2.0, 3.0)
        encoded = np.where(
            np.isnan(encoded), np.float32(0.0), np.clip(encoded, np.float32(lowest), np.float32(highest))
        )
        codes = _mapped(encoded, matrix)
        planes[0][top:bottom] = _rounded(codes[top - low : bottom - low, :, 0], pixels)
        for channel, plane in enumerate(chroma):
            wide = codes[..., 1 + channel]
            for index in range(top >> pixels.chroma_y, -(-bottom >> pixels.chroma_y)):
                down = downsampling(index, height, pixels.chroma_y, between[1])
                line = _sum([(row - low, weight) for row, weight in down], wide)
                across = _narrow(line, pixels, between, width)
                plane[index] = _rounded(across, pixels)


def _mapped(pixels: Values, matrix: Matrix) -> Values:
    """Each pixel by a 3x3 matrix, or an affine map of 3x4."""
    return np.asarray(cv2.transform(pixels, matrix), dtype=np.float32)


def _chroma(planes: list[Plane], pixels: PixelFormat) -> list[Plane]:
    """Views of the second and third component."""
    if pixels.interleaved:
        return [planes[1][:, 0::2], planes[1][:, 1::2]]
    return planes[1:3]


def _spread(
    plane: Plane, pixels: PixelFormat, between: tuple[bool, bool], rows: range, height: int, width: int
) -> Values:
    """One chroma plane on the luma grid, for these rows."""
    if not pixels.chroma_x and not pixels.chroma_y:
        return (plane[rows.start : rows.stop] >> pixels.shift).astype(np.float32)
    lines = np.empty((len(rows), plane.shape[1]), np.float32)
    for line, row in zip(lines, rows, strict=True):
        taps = upsampling(row, plane.shape[0], pixels.chroma_y, between[1])
        line[:] = sum((plane[tap] >> pixels.shift) * np.float32(weight) for tap, weight in taps)
    at, weights = _spreading(width, plane.shape[1], pixels.chroma_x, between[0])
    wide: Values = lines[:, at[:, 0]] * weights[:, 0] + lines[:, at[:, 1]] * weights[:, 1]
    return wide


def _narrow(line: Values, pixels: PixelFormat, between: tuple[bool, bool], width: int) -> Values:
    """One line of chroma at its own width."""
    if not pixels.chroma_x:
        return line
    at, weights = _narrowing(width, between[0])
    narrow: Values = (line[at] * weights).sum(axis=1, dtype=np.float32)
    return narrow


@lru_cache(maxsize=16)
def _spreading(width: int, count: int, shift: int, between: bool) -> tuple[npt.NDArray[np.int64], Values]:
    return _columns([upsampling(x, count, shift, between) for x in range(width)])


@lru_cache(maxsize=16)
def _narrowing(width: int, between: bool) -> tuple[npt.NDArray[np.int64], Values]:
    return _columns([downsampling(index, width, 1, between) for index in range(-(-width >> 1))])


def _columns(taps: list[Taps]) -> tuple[npt.NDArray[np.int64], Values]:
    """Positions and weights, one row each; rows of fewer taps are filled up with the weight of zero."""
    most = max(map(len, taps))
    filled = [each + [(each[0][0], 0.0)] * (most - len(each)) for each in taps]
    at = np.array([[position for position, _ in each] for each in filled], np.int64)
    return at, np.array([[weight for _, weight in each] for each in filled], np.float32)


def _sum(taps: Taps, lines: Values) -> Values:
    total = np.zeros(lines.shape[1:], np.float32)
    for row, weight in taps:
        total += lines[row] * np.float32(weight)
    return total


def _rounded(values: Values, pixels: PixelFormat) -> npt.NDArray[np.uint16]:
    """Codes nearest to `values`, moved up where the format wants it."""
    peak = float((1 << pixels.depth) - 1)
    codes = np.rint(np.fmin(np.fmax(values, np.float32(0.0)), np.float32(peak))).astype(np.uint16)
    return codes << np.uint16(pixels.shift)
