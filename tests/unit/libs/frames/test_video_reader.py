"""The frame at a time, in every codec and container, from any direction."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.frames.containers import Limits
from libs.frames.errors import MediaUnreadable, MediaUnsupported
from libs.frames.video_reader import VideoReader
from tests.support.footage import bunny
from tests.unit.libs.frames.clips import ACCURATE, decode_all, make, number_of, numbered, remux

COUNT = 60
CODECS: dict[str, dict[str, Any]] = {
    "h264.mp4": {"codec": "libx264"},
    "h264_open_gop.mkv": {
        "codec": "libx264",
        "b_frames": 3,
        "options": {"x264-params": "open-gop=1:b-pyramid=normal:bframes=3:scenecut=0:keyint=12"},
    },
    "h264_open_gop.mp4": {
        "codec": "libx264",
        "b_frames": 3,
        "options": {"x264-params": "open-gop=1:b-pyramid=normal:bframes=3:scenecut=0:keyint=12"},
    },
    "h264.mov": {"codec": "libx264", "fps": Fraction(24000, 1001)},
    "h264.ts": {"codec": "libx264"},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=12:pools=none:frame-threads=1"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8", "b": "1M"}},
    "av1.mkv": {"codec": "libsvtav1", "options": {"preset": "12", "crf": "30", "svtav1-params": "lp=1"}},
    "prores.mov": {"codec": "prores_ks", "pixel_format": "yuv422p10le"},
    "ffv1.mkv": {"codec": "ffv1", "pixel_format": "bgr0", "fps": Fraction(24000, 1001)},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"b": "2M"}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module", params=CODECS)
def clip(request: pytest.FixtureRequest, folder: Path) -> tuple[Path, Fraction]:
    arguments = CODECS[request.param]
    path = make(folder / request.param, [numbered(index) for index in range(COUNT)], **arguments)
    return path, arguments.get("fps", Fraction(24))


def test_every_frame_is_shown_at_its_time_from_any_direction(clip: tuple[Path, Fraction]) -> None:
    path, fps = clip
    with VideoReader(path) as reader:
        forward = [number_of(reader.frame_at(index / fps)) for index in range(COUNT)]
        assert forward == list(range(COUNT))
        for index in (59, 0, 31, 30, 12, 11, 47, 48, 5, 58, 24, 23):
            assert number_of(reader.frame_at(index / fps)) == index
            # Just before the next frame's time it is still this one that is shown.
            assert number_of(reader.frame_at((index + 1) / fps - Fraction(1, 100))) == index
        assert number_of(reader.frame_at(Fraction(1000))) == COUNT - 1, "the last frame is held"
        assert number_of(reader.frame_at(Fraction(-1))) == 0, "the first frame is held"


def test_iteration_gives_every_frame_once(clip: tuple[Path, Fraction]) -> None:
    path, fps = clip
    with VideoReader(path) as reader:
        reader.frame_at(Fraction(2))
        found = [(time, number_of(picture)) for time, picture in reader.frames()]
    assert [number for _, number in found] == list(range(COUNT))
    for index, (time, _) in enumerate(found):
        assert abs(time - index / fps) <= Fraction(1, 1000)


@given(st.lists(st.integers(0, 131), min_size=1, max_size=6))
@settings(max_examples=5, deadline=None)
def test_any_walk_through_real_footage_meets_the_same_pictures(walk: list[int]) -> None:
    with VideoReader(bunny()) as straight, VideoReader(bunny()) as walker:
        for index in sorted(set(walk)):
            sums[index] = float(straight.frame_at(Fraction(index, 25)).sum())
        for index in walk:
            assert float(walker.frame_at(Fraction(index, 25)).sum()) == sums[index]


sums: dict[int, float] = {}


def test_pictures_agree_with_libswscale(folder: Path) -> None:
    with VideoReader(bunny()) as reader:
        for index, frame in enumerate(decode_all(bunny())[:40]):
            if index % 13:
                continue
            oracle = frame.reformat(
                format="gbrp16le", src_colorspace=1, src_color_range=1, dst_color_range=2, interpolation=ACCURATE
            ).to_ndarray()
            got = reader.frame_at(Fraction(index, 25))
            assert got.shape == (720, 1280, 4)
            assert got.dtype == np.float32
            assert np.abs(got[..., :3] - oracle / 65535).max() < 1.0 / 255
            assert (got[..., 3] == 1).all()


def test_a_variable_rate_shows_the_latest_frame_not_after_the_time(folder: Path) -> None:
    times = [0, 10, 15, 100, 101, 400, 1000]
    for name in ("vfr.mp4", "vfr.mkv"):
        path = make(folder / name, [numbered(index) for index in range(7)], times=times, time_base=Fraction(1, 1000))
        with VideoReader(path) as reader:
            for milliseconds in (0, 9, 10, 14, 15, 99, 100, 101, 102, 399, 400, 999, 1000, 50, 5000):
                expected = max(index for index, time in enumerate(times) if time <= milliseconds)
                assert number_of(reader.frame_at(Fraction(milliseconds, 1000))) == expected, (name, milliseconds)


@pytest.mark.parametrize("offset", [Fraction(0), Fraction(3, 2), Fraction(70)])
def test_time_zero_is_the_first_frame_wherever_the_clock_starts(folder: Path, offset: Fraction) -> None:
    source = make(folder / "source.mp4", [numbered(index) for index in range(30)], b_frames=3)
    path = remux(source, folder / f"moved{offset.numerator}.mkv", offset)
    with VideoReader(path) as reader:
        assert abs(reader.info.start_time - offset) < Fraction(1, 5)
        for index in (0, 1, 2, 29, 13, 12, 3):
            assert number_of(reader.frame_at(Fraction(index, 24))) == index


def test_the_shown_frame_is_one_array_until_another_is_shown(folder: Path) -> None:
    path = make(folder / "same.mp4", [numbered(index) for index in range(5)])
    with VideoReader(path) as reader:
        first = reader.frame_at(Fraction(0))
        assert reader.frame_at(Fraction(1, 100)) is first
        assert reader.frame_at(Fraction(1, 24)) is not first
        assert number_of(first) == 0, "what was given out stays"
        with pytest.raises(ValueError, match="read-only"):
            first[0, 0, 0] = 1


def test_threads_change_no_pixel() -> None:
    with VideoReader(bunny(), threads=1) as one, VideoReader(bunny(), threads=3) as three:
        for index in (0, 7, 90, 8):
            assert np.array_equal(one.frame_at(Fraction(index, 25)), three.frame_at(Fraction(index, 25)))


def test_what_is_known_of_a_stream(folder: Path) -> None:
    path = make(
        folder / "info.mp4", [numbered(0, 64, 48)] * 3, fps=Fraction(30000, 1001), aspect=Fraction(4, 3), rotation=90
    )
    with VideoReader(path) as reader:
        info = reader.info
    assert (info.width, info.height, info.rotation) == (48, 64, 90)
    assert info.sample_aspect_ratio == Fraction(3, 4), "as the upright picture has it"
    assert info.fps == Fraction(30000, 1001)
    assert info.frame_count == 3
    assert (info.tags.matrix, info.tags.range, info.bit_depth, info.has_alpha) == ("bt709", "tv", 8, False)


def test_files_without_pictures_and_pictures_too_large_are_typed_errors(folder: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no movie")
    with pytest.raises(MediaUnreadable) as unreadable:
        VideoReader(text)
    assert unreadable.value.metadata == {"file": "notes.txt"}
    with pytest.raises(FileNotFoundError):
        VideoReader(tmp_path / "absent.mp4")
    with pytest.raises(MediaUnreadable):
        VideoReader(bunny(), stream=1)
    with pytest.raises(MediaUnsupported):
        VideoReader(bunny(), limits=Limits(max_pixels=1000))
