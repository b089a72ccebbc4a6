"""Video's codes to scene-linear light in the working space, and back, in one pass."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from libs.kernels import checks, formats, native
from libs.kernels.reference import video as fallback
from libs.kernels.types import Matrix, Pixels, Plane, Power, Siting, Transfer

__all__ = ["linear_to_yuv", "yuv_to_linear"]


def yuv_to_linear(
    planes: Sequence[Plane],
    *,
    format: str,
    matrix: str,
    full_range: bool,
    transfer: Transfer,
    to_working: Matrix,
    rows: slice | None = None,
    siting: Siting = "left",
    clip: bool = False,
    out: Pixels | None = None,
) -> Pixels:
    """Rows of a video frame as premultiplied scene-linear RGBA [rows, width, 4].

    `planes` are all of the frame's, in libavutil's order, as uint8 or uint16 [height, width] (an interleaved chroma
    plane has both samples side by side). For each pixel: chroma by linear interpolation at its `siting`, to R'G'B' by
    `matrix` (a libavutil name; "gbr" formats ignore it) and range (ITU-T H.273), to light by `transfer`, to the working
    space by the 3x3 `to_working`. R'G'B' beyond 0..1 is kept unless `clip` is set. Alpha is 1, or the format's fourth
    plane, which is taken as straight and multiplied in after linearisation. `rows` are those of the picture, from the
    top, with a step of 1.

    ValueError for planes that do not belong together or a format that is not read (see `formats.is_supported`),
    KeyError for a matrix without fixed weights.
    """
    pixels = formats.pixel_format(format)
    planes = list(planes)
    height, width = pixels.check(planes)
    first, count = _rows(rows, height)
    codes_to_rgb = formats.to_rgb(pixels, matrix, full_range)
    to_working = checks.square(to_working, "to_working")
    out = checks.result(out, (count, width, 4))
    if out.size == 0:
        return out
    between = formats.between(pixels, siting)
    library = native.library()
    if library is None:
        fallback.yuv_to_linear(planes, pixels, codes_to_rgb, between, transfer, to_working, clip, first, out)
        return out
    across = [weight for column in (2, 3) for weight in _pair(column, pixels.chroma_x, between[0])]
    frame = _video(planes, pixels, [*across, 0.0], odd_end=False)
    by, how = _matrices(codes_to_rgb, to_working), _transfer(transfer)
    down = _spreading(height, pixels.chroma_y, between[1])
    native.check(
        library.artifex_yuv_to_linear(
            ctypes.addressof(frame),
            native.address(by),
            ctypes.addressof(how),
            clip,
            first,
            count,
            native.address(down) + first * down.itemsize,
            native.address(out),
            native.stride(out),
        )
    )
    return out


def linear_to_yuv(
    pixels: Pixels,
    *,
    from_working: Matrix,
    transfer: Transfer,
    matrix: str,
    full_range: bool,
    format: str,
    planes: Sequence[Plane],
    rows: slice | None = None,
    siting: Siting = "left",
    clip: bool = True,
) -> None:
    """Writes rows of a picture, [height, width, 4] in the working space, to a video frame's planes.

    The way back of `yuv_to_linear`: light by the 3x3 `from_working`, R'G'B' by `transfer` (here from light to signal:
    the inverse of the other's), Y'CbCr by `matrix` and range, chroma down by the filters that undo linear
    interpolation (`formats.downsampling`), nearest code. So a frame that nobody changed gets the codes that it had.
    The colour is taken as it is, that is over black; alpha is left out, and formats that hold it are refused.
    R'G'B' is clipped to 0..1 unless `clip` is off (then to −2..3, farther than codes reach), codes to what the depth
    holds; what is not a number becomes 0.

    `pixels` is the whole picture and `planes` all of the frame's: chroma is filtered over neighbouring rows. `rows`,
    step 1, says which are written; they begin on an even row where chroma is halved down, and end on one or at the
    bottom. ValueError for anything that does not fit, KeyError for a matrix without fixed weights.
    """
    layout = formats.pixel_format(format)
    if layout.alpha:
        raise ValueError(f"linear_to_yuv writes no alpha, and {format} holds one")
    planes = list(planes)
    height, width = layout.check(planes, writable=True)
    pixels = checks.picture(pixels, "pixels", 4)
    if pixels.shape[:2] != (height, width):
        raise ValueError(f"a picture of {pixels.shape[1]}x{pixels.shape[0]} does not fill planes of {width}x{height}")
    first, count = _rows(rows, height)
    if layout.chroma_y and (first % 2 or ((first + count) % 2 and first + count != height)):
        raise ValueError(f"rows {first} to {first + count} cut through a row of chroma")
    codes_from_rgb = formats.from_rgb(layout, matrix, full_range)
    from_working = checks.square(from_working, "from_working")
    if count == 0 or width == 0:
        return
    between = formats.between(layout, siting)
    library = native.library()
    if library is None:
        fallback.linear_to_yuv(
            pixels, from_working, transfer, codes_from_rgb, layout, between, clip, planes, slice(first, first + count)
        )
        return
    # The taps of a column far from the edges; the kernel repeats the last sample by itself.
    around = dict(formats.downsampling(2, 8, layout.chroma_x, between[0]))
    across = [around.get(column, 0.0) for column in range(2, 7)]
    frame = _video(planes, layout, across, odd_end=between[0] and width % 2 == 1)
    by, how = _matrices(codes_from_rgb, from_working), _transfer(transfer)
    down = _narrowing(height, layout.chroma_y, between[1])
    chroma_first, chroma_end = first >> layout.chroma_y, -(-(first + count) >> layout.chroma_y)
    native.check(
        library.artifex_linear_to_yuv(
            native.address(pixels),
            native.stride(pixels),
            native.address(by),
            ctypes.addressof(how),
            clip,
            ctypes.addressof(frame),
            first,
            count,
            native.address(down) + chroma_first * down.itemsize,
            chroma_first,
            chroma_end - chroma_first,
        )
    )


def _rows(rows: slice | None, height: int) -> tuple[int, int]:
    """The first of some rows, and how many they are."""
    start, stop, step = (rows or slice(None)).indices(height)
    if step != 1:
        raise ValueError("rows follow each other with a step of 1")
    return start, max(stop - start, 0)


# -- what the native kernels are handed -------------------------------------------------------------------------------


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


def _video(planes: list[Plane], pixels: formats.PixelFormat, across: list[float], *, odd_end: bool) -> _Video:
    height, width = planes[0].shape
    return _Video(
        (ctypes.c_void_p * 4)(*(native.address(plane) for plane in planes)),
        (ctypes.c_int64 * 4)(*(native.stride(plane) for plane in planes)),
        height,
        width,
        pixels.dtype == np.uint16,
        pixels.shift,
        pixels.chroma_x,
        pixels.chroma_y,
        pixels.interleaved,
        len(planes) - 1 if pixels.alpha else -1,
        float((1 << pixels.depth) - 1),
        (ctypes.c_float * 5)(*across),
        odd_end,
    )


def _matrices(codes: Matrix, light: Matrix) -> npt.NDArray[np.float32]:
    """`matrices` of src/video.c."""
    return np.concatenate([codes.ravel(), light.ravel()]).astype(np.float32)


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
    count = -(-height >> shift)
    return _table([formats.upsampling(row, count, shift, between) for row in range(height)])


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
