"""Deinterlacing beside FFmpeg's own tool, and any picture alone beside the sequence."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from libs.frames.deinterlacing import Deinterlacer
from libs.frames.interpretation import Interpretation
from libs.frames.read_ahead import ReadAhead
from libs.frames.video_decoder import VideoDecoder

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


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MPEG-2 clip, upper field first, with a keyframe now and then."""
    path = tmp_path_factory.mktemp("interlaced") / "clip.mov"
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


@pytest.mark.parametrize(
    ("how", "arguments", "rate"),
    [
        (Interpretation(deinterlace="frame"), "mode=send_frame:deint=interlaced", RATE),
        (Interpretation(deinterlace="field"), "mode=send_field:deint=interlaced", 2 * RATE),
        (Interpretation(deinterlace="field", field_order="bottom"), "mode=send_field:parity=bff", 2 * RATE),
        (Interpretation(deinterlace="frame", field_order="top"), "mode=send_frame:parity=tff", RATE),
    ],
    ids=["frames", "fields", "the other order", "named"],
)
def test_it_is_ffmpegs_filter_in_sequence_and_out_of_it(
    clip: Path, how: Interpretation, arguments: str, rate: Fraction
) -> None:
    expected = by_ffmpeg(clip, arguments)
    count = FRAMES * how.pictures_per_frame
    assert len(expected) == count
    numbers = list(range(count))
    sequence = read(clip, how, middles(count, rate))
    # Versions of FFmpeg take the first frame and the last, which lack a neighbour, in different ways.
    for number in numbers[how.pictures_per_frame : -how.pictures_per_frame]:
        np.testing.assert_array_equal(sequence[number], expected[number], err_msg=str(number))
    random.Random(2).shuffle(numbers)
    times = middles(count, rate)
    for number, found in zip(numbers, read(clip, how, [times[number] for number in numbers]), strict=True):
        np.testing.assert_array_equal(found, sequence[number], err_msg=str(number))


def test_it_undoes_the_comb(clip: Path) -> None:
    """Beside the true pictures of each field's time it is far nearer than the woven frame."""
    woven = read(clip, Interpretation(), middles(FRAMES, RATE))[5]
    whole = read(clip, Interpretation(deinterlace="field"), middles(2 * FRAMES, 2 * RATE))[10]

    def comb(picture: Codes) -> float:
        lines = picture.astype(np.float64)
        return float(np.abs(lines[1:-1] - (lines[:-2] + lines[2:]) / 2).mean())

    assert comb(whole) < 0.6 * comb(woven)


def test_frames_that_say_they_are_whole_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "progressive.mov"
    raw = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", "-r", "25", "-i", "-")
    ffmpeg(*raw, "-c:v", "ffv1", str(path.with_suffix(".mkv")), read=moving_fields())
    path = path.with_suffix(".mkv")
    plain = read(path, Interpretation(), middles(FRAMES, RATE))
    for mode in ("frame", "field"):
        how = Interpretation(deinterlace=mode)
        for number, found in enumerate(read(path, how, middles(FRAMES, RATE))):
            np.testing.assert_array_equal(found, plain[number])
    named = read(path, Interpretation(deinterlace="frame", field_order="top"), middles(FRAMES, RATE))
    assert any((found != whole).any() for found, whole in zip(named, plain, strict=True))


def test_times_beyond_the_ends_and_what_is_told(clip: Path) -> None:
    how = Interpretation(deinterlace="field")
    first, last = read(clip, how, [Fraction(0), Fraction(999)])
    sequence = read(clip, how, middles(2 * FRAMES, 2 * RATE))
    np.testing.assert_array_equal(first, sequence[0])
    np.testing.assert_array_equal(last, sequence[-1])
    with ReadAhead(clip, interpretation=how) as frames:
        assert frames.info.fps == 50
        assert not frames.info.interlaced
    decoder = Deinterlacer(VideoDecoder(clip), how)
    shown = [*decoder.towards(decoder.ticks(Fraction(0)))]
    while (following := decoder.next()) is not None:
        shown.append(following)
    assert len(shown) == 2 * FRAMES
    assert all(a.end == b.start for a, b in pairwise(shown))
    assert shown[-1].end is None
    decoder.close()


def test_tags_that_are_named_take_the_place_of_the_files(clip: Path) -> None:
    how = Interpretation(primaries="bt2020", transfer="smpte2084", matrix="bt2020nc", range="pc")
    with ReadAhead(clip, interpretation=how) as frames:
        tags = frames.info.tags
        assert (tags.primaries, tags.transfer, tags.matrix, tags.range) == ("bt2020", "smpte2084", "bt2020nc", "pc")
        planes = frames.frame_at(Fraction(0)).planes
        assert planes is not None
        assert planes.matrix == "bt2020nc"
        assert planes.full_range
    with ReadAhead(clip, interpretation=Interpretation(range="pc")) as frames, ReadAhead(clip) as plain:
        assert frames.info.tags.matrix == plain.info.tags.matrix
