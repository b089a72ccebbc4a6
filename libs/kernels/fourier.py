"""Sums over neighbourhoods that are too large for going through them pixel by pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from libs.kernels.footprints import Footprint
from libs.kernels.threads import over_rows
from libs.kernels.types import Pixels

_ROUNDING = 1e-12
"""Of the brightest value: what lies below is rounding, where there is nothing."""

Numbers = npt.NDArray[np.float64]


def convolve(pixels: Pixels, footprint: Footprint, out: Pixels, threads: int) -> None:
    """As `libs.kernels.convolve`, by Fourier transforms in float64, channel by channel.

    What is not a finite number makes NaN of all that has it in its neighbourhood, and of nothing else.
    """
    size = (_fast(pixels.shape[0]), _fast(pixels.shape[1]))
    weights = footprint.placed()
    # The conjugate, since the neighbourhood is not mirrored. What wraps around falls outside the result.
    spectrum = np.fft.rfft2(weights, size).conj()
    around = np.fft.rfft2(weights > 0.0, size).conj()

    def channels(first: int, count: int) -> None:
        for channel in range(first, first + count):
            values = pixels[..., channel].astype(np.float64)
            spoilt = ~np.isfinite(values)
            values[spoilt] = 0.0
            found = _filtered(values, spectrum, size, out.shape)
            found[np.abs(found) < _ROUNDING * np.abs(values).max(initial=0.0)] = 0.0
            if spoilt.any():
                found[_filtered(spoilt, around, size, out.shape) > 0.5] = np.nan
            out[..., channel] = found

    over_rows(channels, pixels.shape[2], threads)


def _filtered(
    values: npt.NDArray[np.float64 | np.bool_],
    spectrum: npt.NDArray[np.complex128],
    size: tuple[int, int],
    shape: tuple[int, ...],
) -> Numbers:
    transformed = np.fft.rfft2(values, size)
    transformed *= spectrum
    found: Numbers = np.fft.irfft2(transformed, size)[: shape[0], : shape[1]]
    return found


def _fast(length: int) -> int:
    """The next length that has no prime factors but 2, 3 and 5."""
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 1
