"""Deinterlacing beside FFmpeg's own tool, and any picture alone beside the sequence."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from libs.frames.deinterlacing import Deinterlacer
from libs.frames.interpretation import Interpretation, Pictures
from libs.frames.read_ahead import ReadAhead
from libs.frames.video_decoder import VideoDecoder
from tests.unit.libs.frames.interlaced import (
    FRAMES,
    HEIGHT,
    RATE,
    WIDTH,
    Codes,
    by_ffmpeg,
    ffmpeg,
    make_interlaced,
    middles,
    moving_fields,
    read,
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_interlaced(tmp_path_factory.mktemp("interlaced") / "clip.mov")


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


@pytest.mark.parametrize("mode", ["frame", "field"])
def test_a_stream_may_change_its_size(tmp_path: Path, mode: Pictures) -> None:
    sizes = ((96, 64), (32, 48), (96, 64))
    for number, (width, height) in enumerate(sizes):
        source = ("-f", "lavfi", "-i", f"testsrc2=s={width}x{height}:r=25:d=0.4")
        code = ("-c:v", "mpeg2video", "-bf", "0", "-output_ts_offset", str(0.4 * number), "-f", "mpegts")
        ffmpeg(*source, *code, str(tmp_path / str(number)))
    path = tmp_path / "changes.ts"
    path.write_bytes(b"".join((tmp_path / str(number)).read_bytes() for number in range(3)))

    def shown(how: Interpretation) -> list[tuple[int, int]]:
        with ReadAhead(path, interpretation=how) as frames:
            found = [frames.frame_at(time).frame for time in middles(30, RATE)]
        return [(frame.width, frame.height) for frame in found]

    assert len({*shown(Interpretation())}) == 2
    assert shown(Interpretation(deinterlace=mode, field_order="top")) == shown(Interpretation())


def test_pictures_that_are_too_small_for_the_filter_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "small.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=16x16:r=25:d=0.2", "-vf", "scale=2:2", "-c:v", "ffv1", str(path))
    plain = read(path, Interpretation(), middles(5, RATE))
    for found, whole in zip(
        read(path, Interpretation(deinterlace="field", field_order="top"), middles(5, RATE)), plain, strict=True
    ):
        np.testing.assert_array_equal(found, whole)


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
