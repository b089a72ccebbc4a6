"""Moving pictures in their plane."""

from __future__ import annotations

from libs.kernels import native
from libs.kernels.reference import resampling as fallback
from libs.kernels.types import Filter, Matrix, Pixels
from libs.kernels.warping import Level, Table, numbered, project, read, to_samples

__all__ = ["resample"]


def resample(
    pixels: Pixels,
    inverse: Matrix,
    size: tuple[int, int],
    origin_out: tuple[float, float],
    origin_in: tuple[float, float],
    filter: Filter,
    out: Pixels | None = None,
    threads: int = 1,
) -> Pixels:
    """A new picture of `size` (height, width), read from `pixels`, [height, width, 1..4], premultiplied.

    `inverse`, 3x3, takes a point of the output to one of the input (affine or projective), in the document's pixels:
    pixel (i, j) of the output covers the square that begins at (`origin_out` + (i, j)), x first, and its centre, ½ on,
    is what is mapped; likewise `origin_in` for the input. There the input is read by `filter`, whose weights are
    computed for each point exactly (`libs.kernels.weights.filter_weights`); nearest takes the pixel that covers the
    point. Outside lies transparent black, so edges become soft. A point behind the horizon of a projection (its third
    coordinate not above 0) is transparent. Filters with negative lobes ring, in alpha too.

    Nothing is averaged where the picture shrinks, but by box, whose weights are areas: `libs.kernels.project` does
    that. `out` must not overlap `pixels`. ValueError for another filter or a matrix that is not finite.
    """
    if filter == "box":
        return project(pixels, inverse, size, origin_out, origin_in, filter, out, threads)
    number, to_sample = numbered(filter), to_samples(inverse, origin_out, origin_in)

    def by_numpy(levels: list[Level], pixels: Pixels, out: Pixels) -> int:
        fallback.resample(pixels, to_sample, filter, out)
        return 0

    def by_library(library: native.Library, levels: Table, first: int, count: int, pixels: Pixels, out: Pixels) -> int:
        short: int = library.artifex_resample(
            native.address(pixels), native.stride(pixels), *pixels.shape, native.address(to_sample), number, first,
            count, out.shape[1], native.address(out) + first * native.stride(out), native.stride(out),
        )  # fmt: skip
        return short

    return read(pixels, size, origin_in, out, threads, by_numpy, by_library)
