"""Footage whose every frame and every second of sound can be told apart, and the reading of it.

Each frame carries its number twice as a bar code of black and white blocks, once as it is and once inverted, so that no
picture of anything else reads as a number; the blocks are large enough to survive grading and coding. Behind them a
window wanders over a still of the demo footage, so that the frames differ and cost little. Each second of the sound is
noise of its own, drawn with the second's number as seed, so that it is found at its sample or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from bench.studio import FRAME_RATE, footage
from libs.frames.audio_reader import AudioReader
from libs.frames.video_decoder import Shown, VideoDecoder

WIDTH, HEIGHT = 1920, 1080
SOUND_RATE = 48000
# A camera's: the buffers for streaming fill up in a short clip as in a long one.
_BIT_RATE = 20_000_000
_BITS = 16
_BLOCK_WIDTH, _BLOCK_HEIGHT = WIDTH // _BITS, 60
_BLACK, _WHITE, _GREY = 16, 235, 128
# What a block's middle may be at most, or at least, to be read as black or white.
_DARK, _BRIGHT = 64, 192
# The still is larger than the picture by a quarter, and the window moves by even steps, as chroma needs.
_STILL_WIDTH, _STILL_HEIGHT = WIDTH * 5 // 4, HEIGHT * 5 // 4 // 2 * 2
_STILL = 60
# Samples before and after its place in which a second of sound is looked for.
_MARGIN = 4096
_MOST_PROBLEMS = 5

Plane = npt.NDArray[np.uint8]


def write(path: Path, seconds: int) -> None:
    """A QuickTime movie of H.264 and PCM, 1920x1080 at 25 frames a second. Memory does not depend on the length."""
    still = _still()
    rate = {"nal-hrd": "cbr", "maxrate": str(_BIT_RATE), "bufsize": str(_BIT_RATE)}
    with av.open(str(path), "w", format="mov") as output:
        video = output.add_stream("libx264", rate=FRAME_RATE, options={"preset": "ultrafast", **rate})
        sound = output.add_stream("pcm_s16le", rate=SOUND_RATE)
        assert isinstance(video, VideoStream)
        assert isinstance(sound, AudioStream)
        video.width, video.height, video.pix_fmt, video.bit_rate = WIDTH, HEIGHT, "yuv420p", _BIT_RATE
        sound.codec_context.layout = "stereo"
        for second in range(seconds):
            for number in range(second * FRAME_RATE, (second + 1) * FRAME_RATE):
                output.mux(video.encode(_frame(still, number)))
            output.mux(sound.encode(_block(second)))
        output.mux(video.encode(None))
        output.mux(sound.encode(None))


@dataclass
class Findings:
    """What a movie holds beside what it should."""

    frames: int = 0
    lowest_likeness: float = 1.0
    """The least correlation, 0 to 1, of a second of the movie's sound with the same one of the source."""
    problems: list[str] = field(default_factory=list)
    """The first few of each kind."""


def check(path: Path, seconds: int) -> Findings:
    """Decode all of a movie made of `write`'s: each frame once, in order and at its time, and the sound at its sample.

    Memory does not depend on the length.
    """
    findings = Findings()
    wrong = _check_pictures(path, seconds, findings)
    late = _check_sound(path, seconds, findings)
    findings.problems = [*wrong[:_MOST_PROBLEMS], *late[:_MOST_PROBLEMS]]
    return findings


def _check_pictures(path: Path, seconds: int, findings: Findings) -> list[str]:
    problems = []
    decoder = VideoDecoder(path, threads=0)
    try:
        info = decoder.info
        if (info.width, info.height) != (WIDTH, HEIGHT) or info.fps != FRAME_RATE:
            problems.append(f"it is {info.width}x{info.height} at {info.fps} frames a second")
        if info.duration != seconds or info.frame_count != seconds * FRAME_RATE:
            problems.append(f"its header tells of {info.frame_count} frames in {info.duration} s")
        shown: Shown | None = decoder.rewind()
        while shown is not None:
            place, number, time = findings.frames, read(shown.frame), decoder.time(shown)
            if number != place:
                problems.append(f"frame {place} shows {'no number' if number is None else number}")
            if time != Fraction(place, FRAME_RATE):
                problems.append(f"frame {place} is shown at {time} s")
            findings.frames += 1
            shown = decoder.next()
    finally:
        decoder.close()
    if findings.frames != seconds * FRAME_RATE:
        problems.append(f"it decodes to {findings.frames} frames instead of {seconds * FRAME_RATE}")
    return problems


def _check_sound(path: Path, seconds: int, findings: Findings) -> list[str]:
    problems = []
    with AudioReader(path) as reader:
        if reader.info.start_time > 0 or reader.info.duration != seconds:
            problems.append(f"its sound lasts {reader.info.duration} s from {reader.info.start_time} s on")
        for second in range(seconds):
            heard = reader.read(second * SOUND_RATE - _MARGIN, SOUND_RATE + 2 * _MARGIN)
            lag, likeness = _found(noise(second), heard)
            findings.lowest_likeness = min(findings.lowest_likeness, likeness)
            if lag or likeness < 0.5:
                problems.append(f"second {second} is heard {lag} samples late (correlation {likeness:.2f})")
    return problems


# -- pictures --------------------------------------------------------------------------------------------------------


def read(frame: VideoFrame) -> int | None:
    """The number that an 8-bit planar frame carries; None where it carries none."""
    plane: Any = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
    blocks = rows[-2 * _BLOCK_HEIGHT :].reshape(2, _BLOCK_HEIGHT, _BITS, _BLOCK_WIDTH)
    across, down = _BLOCK_WIDTH // 3, _BLOCK_HEIGHT // 3
    levels = blocks[:, down:-down, :, across:-across].mean(axis=(1, 3))
    bright = levels >= _BRIGHT
    if not (bright | (levels <= _DARK)).all() or (bright[0] == bright[1]).any():
        return None
    return int("".join("1" if bit else "0" for bit in bright[0]), 2)


def _frame(still: tuple[Plane, Plane, Plane], number: int) -> VideoFrame:
    x = _swing(2 * number, _STILL_WIDTH - WIDTH)
    y = _swing(2 * (number // 3), _STILL_HEIGHT - HEIGHT)
    luma = still[0][y : y + HEIGHT, x : x + WIDTH].copy()
    bits = np.array([int(bit) for bit in f"{number:0{_BITS}b}"], np.uint8)
    for row, values in enumerate((1 - bits, bits), 1):
        bars = np.repeat(np.where(values, _WHITE, _BLACK), _BLOCK_WIDTH)
        luma[HEIGHT - row * _BLOCK_HEIGHT : HEIGHT - (row - 1) * _BLOCK_HEIGHT] = bars
    parts = [luma.ravel()]
    for plane in still[1:]:
        chroma = plane[y // 2 : (y + HEIGHT) // 2, x // 2 : (x + WIDTH) // 2].copy()
        chroma[-_BLOCK_HEIGHT:] = _GREY
        parts.append(chroma.ravel())
    frame = VideoFrame.from_ndarray(np.concatenate(parts).reshape(HEIGHT * 3 // 2, WIDTH), format="yuv420p")
    frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
    return frame


def _swing(position: int, width: int) -> int:
    """There and back between 0 and `width`."""
    return width - abs(position % (2 * width) - width)


def _still() -> tuple[Plane, Plane, Plane]:
    with av.open(str(footage())) as clip:
        frame = next(frame for number, frame in enumerate(clip.decode(video=0)) if number == _STILL)
    large: Plane = np.asarray(
        frame.reformat(_STILL_WIDTH, _STILL_HEIGHT, format="yuv420p").to_ndarray(), np.uint8
    ).ravel()
    size, small = _STILL_WIDTH * _STILL_HEIGHT, (_STILL_HEIGHT // 2, _STILL_WIDTH // 2)
    luma, first, second = large[:size], large[size : size * 5 // 4], large[size * 5 // 4 :]
    return luma.reshape(_STILL_HEIGHT, _STILL_WIDTH), first.reshape(small), second.reshape(small)


# -- sound -----------------------------------------------------------------------------------------------------------


def noise(second: int) -> npt.NDArray[np.float64]:
    """One second of the sound, [2, 48000] in -1..1: noise at -20 dB with little in the high notes that AAC drops."""
    white = np.random.default_rng(second).standard_normal((2, SOUND_RATE + 3))
    total = np.cumsum(white, axis=1)
    smooth = (total[:, 3:] - np.pad(total[:, :-4], ((0, 0), (1, 0)))) / 2
    return np.clip(smooth * 0.1, -1, 1)


def _block(second: int) -> AudioFrame:
    codes = np.rint(noise(second) * 32767).astype(np.int16)
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(codes.T).reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate, frame.time_base, frame.pts = SOUND_RATE, Fraction(1, SOUND_RATE), second * SOUND_RATE
    return frame


def _found(wanted: npt.NDArray[np.float64], heard: npt.NDArray[np.float32]) -> tuple[int, float]:
    """By how many samples a sound is heard late, and its correlation there, 0 to 1."""
    size = 1 << (heard.shape[1] + wanted.shape[1]).bit_length()
    spectra = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    likeness = np.fft.irfft(spectra, size)[:, : 2 * _MARGIN + 1].sum(axis=0)
    place = int(np.argmax(likeness))
    there = heard[:, place : place + wanted.shape[1]].astype(np.float64)
    energy = float(np.sqrt((there**2).sum() * (wanted**2).sum()))
    return place - _MARGIN, float(likeness[place]) / energy if energy else 0.0
