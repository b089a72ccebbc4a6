"""Is the demo's movie what was ordered? Asked of the file itself, not of the studio that made it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
from artifex.common.v1 import types_pb2 as common

from libs.frames.audio_reader import AudioReader
from libs.frames.probe import probe
from libs.frames.video_reader import VideoReader

RATE = 48_000
CORNER = (slice(480, 700), slice(860, 1260))
"""Rows and columns of the generated shot in the picture."""

Check = tuple[str, bool, str]
"""What was looked at, whether it is right, and what was seen."""


def check_movie(movie: Path, clip: Path) -> list[Check]:
    """Compare the movie with the clip that it was made of: pictures, rate, size, sound and its place in time."""
    made, source = probe(movie), probe(clip)
    video, original = made.video_streams[0], source.video_streams[0]
    checks = [
        ("size", (video.width, video.height) == (1280, 720), f"{video.width}x{video.height}"),
        (
            "length",
            video.frame_count == original.frame_count,
            f"{video.frame_count} frames, the clip has {original.frame_count}",
        ),
        (
            "frame rate",
            fraction(video.frame_rate) == fraction(original.frame_rate),
            f"{fraction(video.frame_rate)}, the clip has {fraction(original.frame_rate)}",
        ),
        ("sound", bool(made.audio_streams), ", ".join(stream.codec for stream in made.audio_streams) or "none"),
    ]
    if made.audio_streams:
        lag = sound_lag(movie, clip)
        checks.append(("sync", abs(lag) <= 1, f"the sound lies {lag} samples from the clip's"))
    change = corner_change(movie, video.frame_count, fraction(video.frame_rate))
    checks.append(("generated shot", change > 0.01, f"its corner changes by {change:.3f} from picture to picture"))
    return checks


def fraction(value: common.Rational) -> Fraction:
    return Fraction(value.numerator, value.denominator)


def sound_lag(movie: Path, clip: Path, seconds: float = 4.0) -> int:
    """By how many samples the movie's sound comes after the clip's: where their cross-correlation is greatest."""
    first, second = (_mono(path, int(seconds * RATE)) for path in (clip, movie))
    size = 1 << int(np.ceil(np.log2(2 * len(first))))
    spectrum = np.fft.rfft(second, size) * np.conj(np.fft.rfft(first, size))
    peak = int(np.argmax(np.fft.irfft(spectrum, size)))
    return peak if peak < size // 2 else peak - size


def _mono(path: Path, count: int) -> npt.NDArray[np.float64]:
    with AudioReader(path, rate=RATE, channels=2) as reader:
        samples: npt.NDArray[np.float64] = reader.read(0, count).mean(axis=0, dtype=np.float64)
    return samples - samples.mean()


def corner_change(movie: Path, frames: int, rate: Fraction, count: int = 6) -> float:
    """The mean difference of the generated shot's corner between pictures spread over the movie, 0 to 1."""
    with VideoReader(movie) as reader:
        pictures = [
            reader.frame_at(Fraction(index * (frames - 1), count - 1) // 1 / rate)[(*CORNER, slice(0, 3))]
            for index in range(count)
        ]
    return float(np.mean([np.abs(b - a).mean() for a, b in zip(pictures, pictures[1:], strict=False)]))
