"""How high sound reaches between its samples: true peak by ITU-R BS.1770-4, annex 2, resampled by libswresample."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from libs.frames.audio_writer import LAYOUTS

_RATE = 192_000
"""Four times the usual rate, as the recommendation has it; `ebur128` of libavfilter measures at the same."""


class TruePeakMeter:
    """Takes samples as they pass. Memory does not depend on their number."""

    def __init__(self, rate: int, channels: int) -> None:
        """`channels`: 1, 2, 6 or 8."""
        self._rate = rate
        self._layout = LAYOUTS[channels]
        self._resampler = AudioResampler(format="fltp", layout=self._layout, rate=max(rate, _RATE))
        self._count = 0
        self._peak = 0.0

    def add(self, samples: npt.NDArray[np.float32]) -> None:
        """Samples [channels, n], full scale at 1."""
        if samples.shape[1]:
            block = np.ascontiguousarray(samples, dtype=np.float32)
            frame = AudioFrame.from_ndarray(block, format="fltp", layout=self._layout)
            frame.sample_rate = self._rate
            frame.pts = self._count
            self._count += samples.shape[1]
            # What is at a sample counts as well as what is between two.
            self._peak = max(self._peak, float(np.abs(block).max()))
            self._take(self._resampler.resample(frame))

    def result(self) -> float | None:
        """Of all samples and channels in dBTP; None for digital silence. To be asked for once, after the last."""
        if self._count:
            self._take(self._resampler.resample(None))
        return 20.0 * math.log10(self._peak) if self._peak > 0.0 else None

    def _take(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            self._peak = max(self._peak, float(np.abs(frame.to_ndarray()).max(initial=0.0)))
