"""True peaks against signals whose peaks are known by their formula (as EBU Tech 3341's signals 15 to 19 are made)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from libs.frames.true_peak import TruePeakMeter

RATE = 48_000


def sine(fraction: int, phase: float, amplitude: float) -> NDArray[np.float32]:
    """Stereo at a fraction of the rate, faded in and out, so that nothing but the sine has a peak."""
    time = np.arange(RATE)
    fade = np.clip(np.minimum(time, time[::-1]) / 4800, 0.0, 1.0)
    wave = amplitude * fade * np.sin(2 * np.pi * time / fraction + math.radians(phase))
    return np.stack([wave, 0.5 * wave]).astype(np.float32)


def peak(samples: NDArray[np.float32], block: int = RATE) -> float | None:
    meter = TruePeakMeter(RATE, 2)
    for start in range(0, samples.shape[1], block):
        meter.add(samples[:, start : start + block])
    return meter.result()


@pytest.mark.parametrize(("fraction", "phase"), [(4, 0.0), (4, 45.0), (6, 60.0), (8, 67.5)])
def test_peaks_between_samples_are_found(fraction: int, phase: float) -> None:
    assert peak(sine(fraction, phase, 0.5)) == pytest.approx(20 * math.log10(0.5), abs=0.3)


def test_a_sample_peak_alone_would_be_three_decibels_lower() -> None:
    samples = sine(4, 45.0, 1.0)
    assert 20 * math.log10(float(np.abs(samples).max())) == pytest.approx(-3.01, abs=0.01)
    assert peak(samples) == pytest.approx(0.0, abs=0.3)


def test_blocks_of_any_size_measure_the_same() -> None:
    samples = sine(6, 60.0, 0.25)
    assert peak(samples, 777) == pytest.approx(peak(samples) or 0.0, abs=1e-6)


def test_what_is_louder_than_full_scale_is_told() -> None:
    assert peak(sine(4, 45.0, 2.0)) == pytest.approx(6.02, abs=0.3)


def test_silence_has_no_peak() -> None:
    assert peak(np.zeros((2, 4800), np.float32)) is None
    assert peak(np.zeros((2, 0), np.float32)) is None
