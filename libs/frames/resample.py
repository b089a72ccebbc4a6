"""Changing the sample rate as a pure function of position.

Output sample n is a weighted sum of the input around time n / rate_out, and of nothing else: reading a stretch of sound
alone gives the very samples that reading everything gives, so a chunk can be computed anywhere. The weights are a sinc
under a Kaiser window (Kaiser 1974; Smith, "Digital Audio Resampling"), tabulated once per phase.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

# 64 zero crossings a side under beta 9 (about -90 dB) leave a transition band of 4.5 % of the lower rate: at 44.1 kHz
# everything up to 20 kHz is kept and everything that would fold back is gone.
_CROSSINGS = 64
_BETA = 9.0
_ROLL_OFF = 0.955
# Output samples computed at once; bounds the working memory.
_BLOCK = 4096


class Resampler:
    """From `rate_in` to `rate_out`, both in samples a second."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        common = math.gcd(rate_in, rate_out)
        self._up, self._down = rate_out // common, rate_in // common
        scale = min(1.0, self._up / self._down)
        self._half = math.ceil(_CROSSINGS / scale)
        offsets = np.arange(1 - self._half, self._half + 1)
        distance = np.arange(self._up)[:, None] / self._up - offsets[None, :]
        window = np.i0(_BETA * np.sqrt(np.clip(1.0 - (distance / self._half) ** 2, 0.0, None))) / np.i0(_BETA)
        taps = np.sinc(distance * scale * _ROLL_OFF) * window
        # Each phase sums to one, so that a constant stays that constant.
        self._taps: npt.NDArray[np.float32] = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)

    def needed(self, start: int, count: int) -> tuple[int, int]:
        """The input range (start, count) that `count` output samples from `start` on depend on."""
        first = start * self._down // self._up + 1 - self._half
        last = (start + count - 1) * self._down // self._up + self._half
        return first, last - first + 1

    def apply(self, source: npt.NDArray[np.float32], start: int, count: int) -> npt.NDArray[np.float32]:
        """Output samples [channels, count] from the input range that `needed(start, count)` names."""
        first, _ = self.needed(start, count)
        result = np.empty((source.shape[0], count), np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(source, 2 * self._half, axis=1)
        for begin in range(0, count, _BLOCK):
            end = min(begin + _BLOCK, count)
            positions = np.arange(start + begin, start + end, dtype=np.int64) * self._down
            rows = positions // self._up + 1 - self._half - first
            # Multiplied and summed row by row, never by BLAS: the order of the sum must not depend on the block.
            weighted = windows[:, rows, :] * self._taps[positions % self._up]
            result[:, begin:end] = weighted.sum(axis=-1)
        return result
