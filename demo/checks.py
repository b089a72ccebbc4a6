"""Is the demo's movie what was ordered? Asked of the file itself, not of the studio that made it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from artifex.common.v1 import types_pb2 as common
from libs.frames.audio_reader import AudioReader
from libs.frames.probe import probe
from libs.frames.video_reader import VideoReader

RATE = 48_000
SHOT = (slice(480, 695), slice(865, 1247))
"""Rows and columns of the generated shot in the picture."""
BARE = (slice(20, 235), slice(865, 1247))
"""As large a part of the picture with nothing but footage in it."""

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
    if not all(right for _, right, _ in checks[:3]):
        return [*checks, ("generated shot", False, "not looked for in a movie of another size or length")]
    inside, outside, moved = shot_seen(movie, clip, video.frame_count, fraction(video.frame_rate))
    checks.append(
        (
            "generated shot",
            inside > 2 * outside and moved > 0.005,
            f"{inside:.3f} from the footage in its corner, {outside:.3f} elsewhere; moves by {moved:.3f}",
        )
    )
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
        samples = reader.read(0, count).mean(axis=0, dtype=np.float64)
    return np.asarray(samples - samples.mean(), np.float64)


def shot_seen(movie: Path, clip: Path, frames: int, rate: Fraction, count: int = 6) -> tuple[float, float, float]:
    """How far the movie is from the clip in the shot's corner and in a corner without it, and how much the shot moves
    from picture to picture: mean differences over pictures spread over the second half, 0 to 1."""
    times = [Fraction(frames // 2 + index * (frames - frames // 2 - 1) // (count - 1)) / rate for index in range(count)]
    with VideoReader(movie) as made, VideoReader(clip) as source:
        pairs = [(made.frame_at(time)[..., :3], source.frame_at(time)[..., :3]) for time in times]
    shots = [picture[SHOT] for picture, _ in pairs]
    inside = np.mean([np.abs(picture[SHOT] - original[SHOT]).mean() for picture, original in pairs])
    outside = np.mean([np.abs(picture[BARE] - original[BARE]).mean() for picture, original in pairs])
    moved = np.mean([np.abs(after - before).mean() for before, after in pairwise(shots)])
    return float(inside), float(outside), float(moved)
