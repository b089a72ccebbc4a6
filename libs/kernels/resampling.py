"""Moving pictures in their plane."""

from __future__ import annotations

import numpy as np

from libs.kernels import checks, native
from libs.kernels.reference import resampling as fallback
from libs.kernels.threads import over_rows
from libs.kernels.types import Filter, Matrix, Pixels
from libs.kernels.warping import project, rgba, shift
from libs.kernels.weights import TAPS

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
    pixels = checks.picture(pixels, "pixels")
    if not 1 <= pixels.shape[2] <= 4:
        raise ValueError(f"a picture to resample has 1 to 4 channels, not {pixels.shape[2]}")
    if filter not in TAPS:
        raise ValueError(f"no filter {filter!r}; there are {', '.join(TAPS)}")
    matrix = checks.square(inverse, "inverse")
    out = checks.result(out, (*size, pixels.shape[2]))
    if np.may_share_memory(out, pixels):
        raise ValueError("out must not overlap pixels")
    if out.size == 0:
        return out
    if pixels.size == 0:
        out[...] = 0.0
        return out
    to_sample = (
        shift(-0.5 - origin_in[0], -0.5 - origin_in[1]) @ matrix @ shift(origin_out[0] + 0.5, origin_out[1] + 0.5)
    )
    library = native.library()
    if library is None:
        fallback.resample(pixels, to_sample, filter, out)
        return out
    channels = pixels.shape[2]
    if channels in (2, 3):
        # The native kernels know masks and RGBA.
        wide = resample(rgba(pixels), inverse, size, origin_out, origin_in, filter, threads=threads)
        out[...] = wide[..., :channels]
        return out
    to_sample = np.ascontiguousarray(to_sample)
    number, height, width = tuple(TAPS).index(filter), pixels.shape[0], pixels.shape[1]

    def rows(first: int, count: int) -> None:
        native.check(
            library.artifex_resample(
                native.address(pixels),
                native.stride(pixels),
                height,
                width,
                channels,
                native.address(to_sample),
                number,
                first,
                count,
                out.shape[1],
                native.address(out) + first * native.stride(out),
                native.stride(out),
            )
        )

    over_rows(rows, out.shape[0], threads)
    return out
