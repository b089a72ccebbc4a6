"""Loudness against the test signals that EBU Tech 3341 (2023) asks of every meter, all within ±0.1 LU."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from libs.frames.audio_writer import AudioWriter
from libs.frames.errors import MediaUnreadable
from libs.frames.loudness import Loudness, LoudnessMeter, difference, measure
from libs.frames.video_writer import VideoWriter

RATE = 48000


def tone(parts: Sequence[tuple[float, float]]) -> npt.NDArray[np.float32]:
    """1 kHz in both channels: (seconds, peak level in dBFS) one after the other."""
    levels = np.concatenate([np.full(round(seconds * RATE), 10 ** (level / 20)) for seconds, level in parts])
    sine = levels * np.sin(2 * np.pi * 1000 * np.arange(levels.size) / RATE)
    return np.stack([sine, sine]).astype(np.float32)


def metered(samples: npt.NDArray[np.float32], block: int = RATE) -> Loudness:
    meter = LoudnessMeter(RATE, samples.shape[0])
    for start in range(0, samples.shape[1], block):
        meter.add(samples[:, start : start + block])
    return meter.result()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(20, -23.0)], -23.0),
        ([(20, -33.0)], -33.0),
        ([(10, -36.0), (60, -23.0), (10, -36.0)], -23.0),
        ([(10, -72.0), (10, -36.0), (60, -23.0), (10, -36.0), (10, -72.0)], -23.0),
        ([(20, -26.0), (20.1, -20.0), (20, -26.0)], -23.0),
    ],
)
def test_the_ebus_signals_measure_as_they_should(parts: list[tuple[float, float]], expected: float) -> None:
    got = metered(tone(parts))
    assert got.lufs == pytest.approx(expected, abs=0.1)
    assert str(got) == f"{got.lufs:.1f} LUFS"


def test_channels_at_the_back_weigh_more_and_the_bass_channel_nothing() -> None:
    # Case 6 of Tech 3341: 5.1 with -28 dBFS left and right, -24 centre, -30 at the back.
    peaks = (-28.0, -28.0, -24.0, -10.0, -30.0, -30.0)
    sine = np.sin(2 * np.pi * 1000 * np.arange(20 * RATE) / RATE)
    samples = np.stack([10 ** (peak / 20) * sine for peak in peaks]).astype(np.float32)
    assert metered(samples).lufs == pytest.approx(-23.0, abs=0.1)


def test_it_does_not_matter_how_the_samples_are_cut() -> None:
    samples = tone([(3, -20.0), (2, -31.0)])
    assert metered(samples) == metered(samples, 777) == metered(samples, samples.shape[1])


@pytest.mark.parametrize("samples", [np.zeros((2, RATE)), np.zeros((2, 0)), tone([(1, -80.0)]), tone([(0.3, -3.0)])])
def test_what_is_below_the_gate_or_too_short_is_silence(samples: npt.NDArray[np.float32]) -> None:
    got = metered(samples.astype(np.float32))
    assert (got, str(got)) == (Loudness(None), "silence")


def test_silence_is_as_loud_as_the_gate() -> None:
    assert difference(Loudness(None), Loudness(None)) == 0
    assert difference(Loudness(-20.0), Loudness(None)) == 50
    assert difference(Loudness(None), Loudness(-69.95)) == pytest.approx(0.05)


@pytest.mark.parametrize("codec", ["aac", "opus", "flac", "pcm"])
def test_files_measure_as_their_samples_do(tmp_path: Path, codec: str) -> None:
    samples = tone([(2, -20.0), (1.013, -26.0)])
    with AudioWriter(tmp_path / "s", codec=codec) as writer:
        writer.write(samples)
    got = measure(tmp_path / "s")
    assert got.rate == RATE
    assert 0 <= got.samples - samples.shape[1] < (1024 if codec == "aac" else 1)
    assert difference(got.loudness, metered(samples)) < 0.1


def test_files_without_sound_are_typed_errors(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", 16, 16, Fraction(24)) as writer:
        writer.write(np.zeros((16, 16, 3), np.float32))
    with pytest.raises(MediaUnreadable, match="no sound"):
        measure(tmp_path / "v.mp4")
    (tmp_path / "x").write_bytes(b"noise")
    with pytest.raises(MediaUnreadable):
        measure(tmp_path / "x")
