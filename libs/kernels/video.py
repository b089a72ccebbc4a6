"""Video's codes to scene-linear light in the working space, and back, in one pass."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from libs.kernels import checks, formats, native
from libs.kernels.reference import video as fallback
from libs.kernels.types import Matrix, Pixels, Plane, Siting, Transfer
from libs.kernels.video_plan import reading, writing

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
    to_working = checks.square(to_working, "to_working")
    out = checks.result(out, (count, width, 4))
    if out.size == 0:
        return out
    library = native.library()
    if library is None:
        codes_to_rgb, between = formats.to_rgb(pixels, matrix, full_range), formats.between(pixels, siting)
        fallback.yuv_to_linear(planes, pixels, codes_to_rgb, between, transfer, to_working, clip, first, out)
        return out
    plan = reading(format, matrix, full_range, transfer, to_working.tobytes(), siting, height, width)
    frame = plan.frame(planes)
    native.check(
        library.artifex_yuv_to_linear(
            ctypes.addressof(frame),
            plan.matrices,
            plan.transfer,
            clip,
            first,
            count,
            plan.taps(first),
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
    from_working = checks.square(from_working, "from_working")
    if count == 0 or width == 0:
        return
    library = native.library()
    if library is None:
        codes_from_rgb, between = formats.from_rgb(layout, matrix, full_range), formats.between(layout, siting)
        fallback.linear_to_yuv(
            pixels, from_working, transfer, codes_from_rgb, layout, between, clip, planes, slice(first, first + count)
        )
        return
    plan = writing(format, matrix, full_range, transfer, from_working.tobytes(), siting, height, width)
    frame = plan.frame(planes)
    chroma_first, chroma_end = first >> layout.chroma_y, -(-(first + count) >> layout.chroma_y)
    native.check(
        library.artifex_linear_to_yuv(
            native.address(pixels),
            native.stride(pixels),
            plan.matrices,
            plan.transfer,
            clip,
            ctypes.addressof(frame),
            first,
            count,
            plan.taps(chroma_first),
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
