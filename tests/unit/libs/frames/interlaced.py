"""An interlaced clip, and what FFmpeg's own tool makes of it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from libs.frames.interpretation import Interpretation
from libs.frames.read_ahead import ReadAhead

WIDTH, HEIGHT, FRAMES = 96, 64, 24
RATE = Fraction(25)
Codes = NDArray[Any]


def ffmpeg(*arguments: str, read: bytes = b"") -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments]
    return subprocess.run(command, input=read, capture_output=True, check=True).stdout


def moving_fields() -> bytes:
    """yuv420p frames whose upper lines are 1/50 s older than the lower ones: a bar that moves by 2 pixels a field."""
    noise = np.random.default_rng(1).integers(40, 80, (HEIGHT, WIDTH + 2 * FRAMES), dtype=np.uint8)
    frames = []
    for number in range(FRAMES):
        frame = np.zeros((HEIGHT, WIDTH), np.uint8)
        for field in (0, 1):
            time = 2 * number + field
            picture = noise[:, time // 2 : time // 2 + WIDTH].copy()
            picture[:, 2 * time % WIDTH : 2 * time % WIDTH + 12] = 220
            frame[field::2] = picture[field::2]
        frames.append(frame.tobytes() + bytes([128]) * (WIDTH * HEIGHT // 2))
    return b"".join(frames)


def make_interlaced(path: Path) -> Path:
    """An MPEG-2 clip, upper field first, with a keyframe now and then."""
    raw = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", "-r", "25", "-i", "-")
    code = ("-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-vf", "setfield=tff", "-b:v", "4M", "-g", "6", "-bf", "2")
    ffmpeg(*raw, *code, str(path), read=moving_fields())
    return path


def by_ffmpeg(path: Path, arguments: str) -> list[Codes]:
    """Luma of all pictures, by the tool's own decoder and filter."""
    found = ffmpeg("-i", str(path), "-vf", f"bwdif={arguments}", "-fps_mode", "passthrough", "-f", "rawvideo", "-")
    pictures = np.frombuffer(found, np.uint8).reshape(-1, HEIGHT * 3 // 2, WIDTH)
    return [picture[:HEIGHT] for picture in pictures]


def luma(frame: VideoFrame) -> Codes:
    return frame.to_ndarray()[:HEIGHT]


def read(path: Path, how: Interpretation, times: Sequence[Fraction]) -> list[Codes]:
    with ReadAhead(path, interpretation=how) as frames:
        return [luma(frames.frame_at(time).frame) for time in times]


def middles(count: int, rate: Fraction) -> list[Fraction]:
    return [(number + Fraction(1, 2)) / rate for number in range(count)]
