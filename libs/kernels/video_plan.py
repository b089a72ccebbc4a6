"""What the native video kernels are handed: everything of a conversion that is the same for all frames, made once."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from libs.kernels import formats, native
from libs.kernels.types import Matrix, Plane, Power, Siting, Transfer


class _Video(ctypes.Structure):
    """`video` of src/video.c."""

    _fields_ = (
        ("planes", ctypes.c_void_p * 4),
        ("strides", ctypes.c_int64 * 4),
        ("height", ctypes.c_int64),
        ("width", ctypes.c_int64),
        *((name, ctypes.c_int32) for name in ("wide", "shift", "chroma_x", "chroma_y", "interleaved", "alpha")),
        ("peak", ctypes.c_float),
        ("across", ctypes.c_float * 5),
        ("odd_end", ctypes.c_int32),
    )
    planes: ctypes.Array[ctypes.c_void_p]
    strides: ctypes.Array[ctypes.c_int64]


class _Transfer(ctypes.Structure):
    """`transfer` of src/transfer.h."""

    _fields_ = (
        ("table", ctypes.c_void_p),
        ("exponent", ctypes.c_float),
        ("tail", ctypes.c_float),
        ("negative", ctypes.c_int32),
    )


_TAPS: Final = np.dtype([("rows", np.int64, 5), ("weights", np.float32, 5), ("count", np.int32)])
"""`taps` of src/video.c."""

_NEGATIVE: Final = {"pass": 0, "mirror": 1, "clamp": 2}


class Plan:
    """One conversion. Its addresses hold as long as it does."""

    def __init__(self, video: _Video, codes: Matrix, light: bytes, transfer: Transfer, taps: npt.NDArray[Any]) -> None:
        self._video = video
        # `matrices` of src/video.c.
        self._matrices = native.floats(np.concatenate([codes.ravel(), np.frombuffer(light, np.float64)]))
        self._curve = transfer
        self._transfer = _transfer(transfer)
        self._taps = taps
        self._first_taps = taps.ctypes.data
        self.matrices: Final = native.address(self._matrices)
        self.transfer: Final = ctypes.addressof(self._transfer)

    def taps(self, row: int) -> int:
        """The address of the taps of a row, and of those that follow."""
        return self._first_taps + row * _TAPS.itemsize

    def frame(self, planes: list[Plane]) -> _Video:
        """A frame of these planes, which the caller keeps alive."""
        video = _Video.from_buffer_copy(self._video)
        for index, plane in enumerate(planes):
            video.planes[index] = native.address(plane)
            video.strides[index] = native.stride(plane)
        return video


@lru_cache(maxsize=64)
def reading(
    format: str,
    matrix: str,
    full_range: bool,
    transfer: Transfer,
    to_working: bytes,
    siting: Siting,
    height: int,
    width: int,
) -> Plan:
    """The plan of `yuv_to_linear`; `to_working` are the matrix's nine float64."""
    pixels = formats.pixel_format(format)
    across, down = formats.between(pixels, siting)
    weights = [weight for column in (2, 3) for weight in _pair(column, pixels.chroma_x, across)]
    taps = _spreading(height, pixels.chroma_y, down)
    video = _video(pixels, height, width, [*weights, 0.0], odd_end=False)
    return Plan(video, formats.to_rgb(pixels, matrix, full_range), to_working, transfer, taps)


@lru_cache(maxsize=64)
def writing(
    format: str,
    matrix: str,
    full_range: bool,
    transfer: Transfer,
    from_working: bytes,
    siting: Siting,
    height: int,
    width: int,
) -> Plan:
    """The plan of `linear_to_yuv`; `from_working` are the matrix's nine float64."""
    pixels = formats.pixel_format(format)
    across, down = formats.between(pixels, siting)
    # The taps of a column far from the edges; the kernel repeats the last sample by itself.
    around = dict(formats.downsampling(2, 8, pixels.chroma_x, across))
    weights = [around.get(column, 0.0) for column in range(2, 7)]
    taps = _narrowing(height, pixels.chroma_y, down)
    video = _video(pixels, height, width, weights, odd_end=across and width % 2 == 1)
    return Plan(video, formats.from_rgb(pixels, matrix, full_range), from_working, transfer, taps)


def _video(pixels: formats.PixelFormat, height: int, width: int, across: list[float], *, odd_end: bool) -> _Video:
    """A frame without its planes."""
    return _Video(
        height=height,
        width=width,
        wide=pixels.dtype == np.uint16,
        shift=pixels.shift,
        chroma_x=pixels.chroma_x,
        chroma_y=pixels.chroma_y,
        interleaved=pixels.interleaved,
        alpha=pixels.planes - 1 if pixels.alpha else -1,
        peak=float((1 << pixels.depth) - 1),
        across=(ctypes.c_float * 5)(*across),
        odd_end=odd_end,
    )


def _transfer(curve: Transfer) -> _Transfer:
    if isinstance(curve, Power):
        tail = curve.exponent - float(np.float32(curve.exponent))
        return _Transfer(None, curve.exponent, tail, _NEGATIVE[curve.negative])
    return _Transfer(native.address(curve.values), 1.0, 0.0, 0)


def _pair(column: int, shift: int, between: bool) -> tuple[float, float]:
    """The two weights of an even or odd column of the picture, far from the edges, in order of position."""
    weights = [weight for _, weight in formats.upsampling(column, 8, shift, between)]
    # On a sample it is the second of (before, here), or the first of (here, after).
    if shift and not between and column % 2 == 0:
        return 0.0, 1.0
    return weights[0], weights[1]


@lru_cache(maxsize=32)
def _spreading(height: int, shift: int, between: bool) -> npt.NDArray[Any]:
    """For each row of the picture, the rows of chroma that it is made of."""
    rows = -(-height >> shift)
    return _table([formats.upsampling(row, rows, shift, between) for row in range(height)])


@lru_cache(maxsize=32)
def _narrowing(height: int, shift: int, between: bool) -> npt.NDArray[Any]:
    """For each row of chroma, the rows of the picture that it is made of."""
    return _table([formats.downsampling(row, height, shift, between) for row in range(-(-height >> shift))])


def _table(taps: list[formats.Taps]) -> npt.NDArray[Any]:
    table = np.zeros(len(taps), _TAPS)
    for entry, each in zip(table, taps, strict=True):
        entry["rows"][: len(each)] = [row for row, _ in each]
        entry["weights"][: len(each)] = [weight for _, weight in each]
        entry["count"] = len(each)
    return table
