"""Runs every native kernel on arrays that end, and then on arrays that begin, at a page which may not be touched.

A process of its own: a kernel that reads or writes outside ends it. Started by test_native.py.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from libs.kernels import (
    Power,
    Table,
    chroma_key,
    convolve,
    coverage,
    draw_sprites,
    feather,
    flare,
    flow_between,
    from_half,
    gaussian,
    grade,
    gradient,
    highlights,
    linear_to_yuv,
    merge,
    mix,
    morphology,
    morphology_reach,
    native,
    premultiply,
    project,
    radial,
    range_key,
    resample,
    to_half,
    unpremultiply,
    warp,
    with_alpha,
    yuv_to_linear,
)
from libs.kernels.flare import Flare, Ghost, Glow
from libs.kernels.footprints import box, disc, line
from libs.kernels.formats import pixel_format
from libs.kernels.grading import Curves, Exponents, Lattice, Program
from libs.kernels.sprites import SPRITE
from libs.kernels.types import OPERATIONS, RULES
from libs.kernels.weights import TAPS

_PROT_NONE = 0
_LIBC = ctypes.CDLL(None, use_errno=True)


def guarded(shape: tuple[int, ...], dtype: Any, *, at_end: bool) -> npt.NDArray[Any]:
    """An array of noise that touches a forbidden page with its last, or its first, byte."""
    size, page = int(np.prod(shape)) * np.dtype(dtype).itemsize, mmap.PAGESIZE
    pages = -(-max(size, 1) // page)
    memory = mmap.mmap(-1, (pages + 2) * page)
    _KEPT.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    _LIBC.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for forbidden in (start, start + (pages + 1) * page):
        if _LIBC.mprotect(forbidden, page, _PROT_NONE):
            raise OSError(ctypes.get_errno(), "mprotect")
    offset = page + (pages * page - size if at_end else 0)
    array: npt.NDArray[Any] = np.ndarray(shape, dtype, buffer=memory, offset=offset)
    noise = np.random.default_rng(1).random(shape)
    array[...] = noise * (255 if np.dtype(dtype).kind == "u" else 1)
    return array


_KEPT: list[mmap.mmap] = []


def run(height: int, width: int, *, at_end: bool) -> None:
    def pixels(channels: int = 4) -> npt.NDArray[np.float32]:
        return guarded((height, width, channels), np.float32, at_end=at_end)

    a, b, out, mask, single = pixels(), pixels(), pixels(), pixels(1), pixels(1)
    for operation in OPERATIONS:
        merge(operation, a, b, 1.0, out)
        merge(operation, a, b, mask, out)
    premultiply(a, None, out)
    premultiply(a, mask, out)
    unpremultiply(a, out)
    corners = np.array([[-3.0, 1.5], [2.0 * width, -4.0], [0.7 * width, 2.0 * height]])
    edges = np.hstack([corners, np.roll(corners, -1, axis=0)])
    for rule in RULES:
        coverage(edges, (height, width), (0, 0), rule, single)
    feather(np.hstack([edges, np.full((3, 2), 5.0), np.ones((3, 2))]), (height, width), (-3, 2), single)
    for down in (None, (0.0, 0.1, 0.0)):
        gradient((height, width), (5, -2), (0.1, 0.2, 0.0), down, ((0.0, 0.0), (1.0, 1.0)), out=single)
    range_key(a, (0.3, 0.6, 0.1), 0.2, 0.5, stops=True, out=single)
    with_alpha(a, mask, b, out)
    chroma_key(a, screen=(0.1, 0.7, 0.2), core=mask, garbage=mask, plate=b, out=out)
    for radius in (0.4, 3.0, 9.7):
        around = 2 * morphology_reach(radius)
        wide = guarded((height + around, width + around, 1), np.float32, at_end=at_end)
        morphology(wide, radius, square=width % 2 == 0, threads=2)
    if native.library() is not None:
        edges = np.array([[0.0] * 3, [9.0] * 3], np.float32)
        lattices = [Lattice(np.ones((2, 2, 2, 3), np.float32), each) for each in (True, False)]
        grade(Program([Exponents((0.4, 0.4, 0.4)), Curves(edges), *lattices]), a, premultiplied=True, out=out)
    half = guarded((height, width, 4), np.float16, at_end=at_end)
    from_half(to_half(a, half), out)
    for sigma in (0.8, 3.0, 4.0, 9.0):
        gaussian(a, sigma, sigma, out)
        gaussian(mask, sigma, sigma, single, threads=2)
    effects(height, width, at_end=at_end)
    maps(height, width, at_end=at_end)
    turn = np.array([[0.9, 0.2, -2.0], [-0.2, 0.9, 2.0], [0.0, 0.0, 1.0]])
    for filter in TAPS:
        for inverse in (turn, np.diag([0.7, 1.4, 1.0]), np.eye(3)):
            resample(a, inverse, (height, width), (-2.0, -2.0), (0.0, 0.0), filter, out)
            resample(mask, inverse, (height, width), (-2.0, -2.0), (0.0, 0.0), filter, single)
    table = Table.sample(lambda values: np.abs(values))
    for name in ("yuv420p", "yuv422p10le", "yuv444p", "nv12", "p010le", "gbrp", "yuva420p"):
        layout = pixel_format(name)
        shapes = [layout.plane_shape(index, height, width) for index in range(layout.planes)]
        planes = [guarded(shape, layout.dtype, at_end=at_end) for shape in shapes]
        for curve in (Power(2.4), table):
            yuv_to_linear(
                planes, format=name, matrix="bt709", full_range=False, transfer=curve, to_working=np.eye(3), out=out
            )
            if not layout.alpha:
                linear_to_yuv(
                    a,
                    from_working=np.eye(3),
                    transfer=curve,
                    matrix="bt709",
                    full_range=False,
                    format=name,
                    planes=planes,
                )


def effects(height: int, width: int, *, at_end: bool) -> None:
    def pixels(height: int = height, width: int = width, channels: int = 4) -> npt.NDArray[np.float32]:
        return guarded((height, width, channels), np.float32, at_end=at_end)

    a, b, out, mask = pixels(), pixels(), pixels(), pixels(channels=1)
    for footprint in (disc(6.0, 3.0), line(9.0, 1.0), box(3.3, across=True)):
        top, bottom, left, right = footprint.reach
        convolve(pixels(height + top + bottom, width + left + right), footprint, out)
    for spin in (True, False):
        for repeat in (True, False):
            size = (height, width)
            radial(a, (1.3, 0.8), 0.9, size, (-1, 0), (0, 0), spin=spin, repeat=repeat, out=out)
    highlights(a, 0.3, 0.1, out=out)
    mix(a, b, mask, out)
    mix(a, b, 0.5, out)
    ghost = Ghost(((3.0, 2.0),) * 3, (5.0,) * 3, (1.0,) * 3, 1.0, 0.5)
    flare(out, (0, 0), Flare([ghost], glows=[Glow((1.0, 1.0), (9.0,) * 3, (1.0,) * 3, 2.0)]))
    sprites = np.zeros(3, SPRITE)
    sprites["x"], sprites["y"], sprites["outer"], sprites["cosine"] = [-1.0, 2.0, 30.0], 1.0, 7.0, 0.8
    sprites["across"] = sprites["down"] = 0.9
    for levels in ([], [a]):
        draw_sprites(out, (0, 0), sprites, levels, over=True)


def maps(height: int, width: int, *, at_end: bool) -> None:
    def pixels(channels: int = 4) -> npt.NDArray[np.float32]:
        return guarded((height, width, channels), np.float32, at_end=at_end)

    a, b, out, mask, single = pixels(), pixels(), pixels(), pixels(1), pixels(1)
    size, origin = (height, width), (0.0, 0.0)
    floor = np.array([[1.0, 0.1, -2.0], [0.0, 3.0, 1.0], [0.0, -0.3, 1.0]])
    flat = np.array([[1.0, 0.2, -1.0], [0.1, 90.0, -3.0], [0.0, 0.0, 1.0]])
    places = guarded((height + 2, width + 2, 2), np.float64, at_end=at_end)
    places *= (width + 4.0, height + 4.0)
    places -= 2.0
    places[0, 0], places[-1, 1] = np.nan, -np.inf
    for filter in TAPS:
        for inverse in (floor, flat, np.diag([7.0, 0.4, 1.0])):
            project(a, inverse, size, (-1.0, -1.0), origin, filter, out, threads=2)
            project(mask, inverse, size, (-1.0, -1.0), origin, filter, single)
        warp(a, places, origin, filter, out, threads=2)
        warp(mask, places, origin, filter, single)
    for reach in (1.0, 30.0):
        flows = [guarded((height, width, 2), np.float32, at_end=at_end) for _ in range(2)]
        for flow in flows:
            flow -= 0.5
            flow *= reach
        flow_between(a, b, flows[0], flows[1], 0.3, threads=2)


def main() -> int:
    for variant in native.runnable():
        with native.using(variant):
            for height, width in ((1, 1), (2, 3), (5, 16), (7, 35)):
                for at_end in (True, False):
                    run(height, width, at_end=at_end)
        sys.stdout.write(f"{variant}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
