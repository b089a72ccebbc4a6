"""Reading pictures where a map says, averaged where it shrinks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from libs.kernels import checks, native
from libs.kernels.places import Places
from libs.kernels.reference import warping as fallback
from libs.kernels.threads import over_rows
from libs.kernels.types import Filter, Matrix, Pixels
from libs.kernels.weights import TAPS

_MAX_LEVELS: Final = 30


def project(
    pixels: Pixels,
    inverse: Matrix,
    size: tuple[int, int],
    origin_out: tuple[float, float],
    origin_in: tuple[float, float],
    filter: Filter,
    out: Pixels | None = None,
    threads: int = 1,
) -> Pixels:
    """As `libs.kernels.resample`, but averaged wherever the picture shrinks.

    Where neighbouring pixels of the result lie further apart in the picture than one pixel, the filter is stretched by
    that step, across and down apart: the length of the gradient of x, and of y, at the point (P. S. Heckbert,
    Fundamentals of Texture Mapping and Image Warping, 1989, section 3). Nearest is never stretched; box always is as
    wide as the step and weighs pixels by the area that they share with it. Unless the matrix only scales and shifts,
    steps beyond 4 pixels on both sides, or 32 on one, are read from pictures of half the size, a quarter..., each
    the mean of four pixels of the one before (L. Williams, Pyramidal Parametrics, 1983).

    Memory: the halves, a third of the picture, where there are such steps.
    """
    to_sample = to_samples(inverse, origin_out, origin_in)
    straight = (
        to_sample[0, 1] == to_sample[1, 0] == to_sample[2, 0] == to_sample[2, 1] == 0.0 and to_sample[2, 2] == 1.0
    )
    number = numbered(filter)

    def by_numpy(levels: list[Level], pixels: Pixels, out: Pixels) -> int:
        if straight and filter != "nearest":
            fallback.shrink(pixels, to_sample, filter, out)
            return 0
        return fallback.project(levels, to_sample, filter, out)

    def by_library(library: native.Library, levels: Table, first: int, count: int, pixels: Pixels, out: Pixels) -> int:
        place, step = native.address(out) + first * native.stride(out), native.stride(out)
        if straight and filter != "nearest":
            shrunk: int = library.artifex_shrink(
                native.address(pixels), native.stride(pixels), *pixels.shape, native.address(to_sample), number, first,
                count, out.shape[1], place, step,
            )  # fmt: skip
            return shrunk
        wanted: int = library.artifex_project(
            native.address(levels), len(levels), pixels.shape[2], native.address(to_sample), number, first, count,
            out.shape[1], place, step,
        )  # fmt: skip
        return wanted

    return read(pixels, size, origin_in, out, threads, by_numpy, by_library)


def warp(
    pixels: Pixels,
    places: Places,
    origin_in: tuple[float, float],
    filter: Filter,
    out: Pixels | None = None,
    threads: int = 1,
    halves: Halves | None = None,
) -> Pixels:
    """A new picture, each pixel read from `pixels`, [height, width, 1..4], premultiplied, where `places` says.

    `places` are x and y in the document's pixels, where a pixel's centre is at +½ and the first of `pixels` begins at
    `origin_in`, for the result's pixels and one more on every side: of [height + 2, width + 2, 2] they make a result of
    height by width. The neighbours tell how far the map steps from pixel to pixel, by half the difference of those on
    both sides; filters are stretched by that as in `project`. Places that are no finite numbers, or beyond 10⁷ pixels,
    are holes: transparent, and no neighbours. Outside of the picture it is transparent.

    Memory: the halves, a third of the picture, where the map shrinks below a quarter. Who reads one picture strip by
    strip gives the same `halves` to every call, so that they are made once.
    """
    places = np.ascontiguousarray(places, dtype=np.float64)
    if places.ndim != 3 or places.shape[2] != 2 or min(places.shape[:2]) < 2:
        raise ValueError(f"places are [height + 2, width + 2, 2], not {list(places.shape)}")
    ox, oy = origin_in[0] + 0.5, origin_in[1] + 0.5
    number = numbered(filter)

    def by_numpy(levels: list[Level], pixels: Pixels, out: Pixels) -> int:
        return fallback.warp(levels, places - (ox, oy), filter, out)

    def by_library(library: native.Library, levels: Table, first: int, count: int, pixels: Pixels, out: Pixels) -> int:
        wanted: int = library.artifex_warp(
            native.address(levels), len(levels), pixels.shape[2], native.address(places), ox, oy, number, first, count,
            out.shape[1], native.address(out) + first * native.stride(out), native.stride(out),
        )  # fmt: skip
        return wanted

    size = (places.shape[0] - 2, places.shape[1] - 2)
    return read(pixels, size, origin_in, out, threads, by_numpy, by_library, halves)


def widths(across: float, down: float) -> tuple[float, float]:
    """How many pixels a filter's step is made wide, across and down, at most, where a map steps by so many.

    Where halves are read, one of their pixels at least, however short the step on that side.
    """
    pixel = max(1.0, min(across, down) / 2, max(across, down) / 16)
    return max(pixel, across), max(pixel, down)


@dataclass(frozen=True, slots=True)
class Level:
    """A picture, or one of its halves, and where it begins in the grid of its own pixels, in those of the first."""

    pixels: Pixels
    shift: tuple[int, int]


class Halves:
    """A picture's halves, for calls of `warp` that read the same picture at the same place; none before one asks."""

    def __init__(self) -> None:
        self.levels: list[Level] = []


Table = npt.NDArray[np.int64]


def read(
    pixels: Pixels,
    size: tuple[int, int],
    origin: tuple[float, float],
    out: Pixels | None,
    threads: int,
    by_numpy: Callable[[list[Level], Pixels, Pixels], int],
    by_library: Callable[[native.Library, Table, int, int, Pixels, Pixels], int],
    halves: Halves | None = None,
) -> Pixels:
    """A new picture of `size` by one of two ways, each of which returns the level that it lacks, or 0.

    Checks what is given, and makes the halves once somebody asks for them. Both ways are given the levels, the pixels
    and `out`; `by_library`, for 1 or 4 channels, also which of the result's rows it makes: the first, and how many.
    """
    pixels = checks.picture(pixels, "pixels")
    channels = pixels.shape[2]
    if not 1 <= channels <= 4:
        raise ValueError(f"a picture to resample has 1 to 4 channels, not {channels}")
    out = checks.result(out, (*size, channels), apart=pixels)
    if out.size == 0 or pixels.size == 0:
        out[...] = 0.0
        return out
    library = native.library()
    if channels in (2, 3) and library is not None:
        # The native kernels know masks and RGBA.
        wide = read(_rgba(pixels), size, origin, None, threads, by_numpy, by_library, halves)
        out[...] = wide[..., :channels]
        return out
    levels = (halves.levels if halves is not None else []) or [Level(pixels, (0, 0))]
    while True:
        if library is None:
            wanted = by_numpy(levels, pixels, out)
        else:
            wanted = _by_rows(partial(by_library, library, _table(levels)), pixels, out, threads)
        if not wanted:
            return out
        levels = _halves(pixels, (math.floor(origin[0]), math.floor(origin[1])))
        if halves is not None:
            halves.levels = levels


def _by_rows(make: Callable[[int, int, Pixels, Pixels], int], pixels: Pixels, out: Pixels, threads: int) -> int:
    """The highest level that any of the threads wanted and did not have, or 0."""
    answers: list[int] = []
    over_rows(lambda first, count: answers.append(make(first, count, pixels, out)), out.shape[0], threads)
    native.check(min(0, *answers, 0))
    return max(answers)


def _halves(pixels: Pixels, origin: tuple[int, int]) -> list[Level]:
    """The picture and all of its halves, on grids that begin at the document's corner, whatever part of it this is."""
    levels, (x, y) = [Level(pixels, (0, 0))], origin
    while len(levels) < _MAX_LEVELS:
        last = levels[-1].pixels
        dx, dy = x % 2, y % 2
        x, y = x // 2, y // 2
        height, width = (last.shape[0] + dy + 1) // 2, (last.shape[1] + dx + 1) // 2
        size = 1 << len(levels)
        levels.append(Level(_halved(last, (height, width), (dx, dy)), (origin[0] - x * size, origin[1] - y * size)))
    return levels


def _halved(pixels: Pixels, size: tuple[int, int], shift: tuple[int, int]) -> Pixels:
    out = np.empty((*size, pixels.shape[2]), np.float32)
    library = native.library()
    if library is None:
        fallback.halve(pixels, shift, out)
    else:
        library.artifex_halve(
            native.address(pixels), native.stride(pixels), *pixels.shape, *shift, native.address(out),
            native.stride(out), 0, *size,
        )  # fmt: skip
    return out


def _table(levels: list[Level]) -> Table:
    return np.array(
        [[native.address(at.pixels), native.stride(at.pixels), *at.pixels.shape[:2], *at.shift] for at in levels],
        np.int64,
    )


def numbered(filter: Filter) -> int:
    """As the native kernels number it; ValueError for what is no filter."""
    if filter not in TAPS:
        raise ValueError(f"no filter {filter!r}; there are {', '.join(TAPS)}")
    return tuple(TAPS).index(filter)


def to_samples(inverse: Matrix, origin_out: tuple[float, float], origin_in: tuple[float, float]) -> Matrix:
    """What takes (column, row) of the result to a sample's index, where `inverse` takes a point to a point."""
    matrix = checks.square(inverse, "inverse")
    return np.ascontiguousarray(
        _shift(-0.5 - origin_in[0], -0.5 - origin_in[1]) @ matrix @ _shift(origin_out[0] + 0.5, origin_out[1] + 0.5)
    )


def _shift(x: float, y: float) -> Matrix:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def _rgba(pixels: Pixels) -> Pixels:
    """A picture of 1 to 4 channels with as many of zeros as make four."""
    result = np.zeros((*pixels.shape[:2], 4), np.float32)
    result[..., : pixels.shape[2]] = pixels
    return result
