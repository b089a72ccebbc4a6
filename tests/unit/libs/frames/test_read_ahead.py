"""Frames by time for several threads: the same frames as one thread gets, in any order, and none decoded twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.frames.errors import MediaUnreadable
from libs.frames.read_ahead import ReadAhead
from libs.frames.video_decoder import Shown, VideoDecoder
from tests.unit.libs.frames.clips import make, numbered

COUNT, FPS = 64, Fraction(24)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = [numbered(number) for number in range(COUNT)]
    return make(tmp_path_factory.mktemp("ahead") / "clip.mp4", pictures, b_frames=2)


def number_at(frames: ReadAhead, number: Fraction | int, scale: int = 1) -> int:
    """The number that the frame shown at that place carries, read from its luma, of codes `scale` times 8 bits'."""
    planes = frames.frame_at(Fraction(number) / FPS).planes
    assert planes is not None
    luma = planes.samples[0]
    means = [luma[8:-8, bit * 12 + 3 : bit * 12 + 9].mean() for bit in range(8)]
    return sum(1 << bit for bit, mean in enumerate(means) if mean > 125 * scale)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The start of every frame that any decoder steps to."""
    steps: list[int] = []
    step = VideoDecoder.next

    def counted(self: VideoDecoder) -> Shown | None:
        shown = step(self)
        if shown is not None:
            steps.append(shown.start)
        return shown

    monkeypatch.setattr(VideoDecoder, "next", counted)
    return steps


@given(st.lists(st.integers(0, COUNT + 5), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_any_walk_meets_the_right_frames(clip: Path, walk: list[int]) -> None:
    with ReadAhead(clip) as frames:
        for number in walk:
            assert number_at(frames, number) == min(number, COUNT - 1)


@pytest.mark.parametrize("threads", [2, 16])
def test_threads_on_neighbouring_frames_decode_each_frame_once(clip: Path, decoded: list[int], threads: int) -> None:
    """Each takes every so-manieth frame, and none runs away from the others, as frames rendered in parallel do."""
    together = threading.Barrier(threads, timeout=30)

    def take(first: int) -> list[int]:
        found = []
        for number in range(first, COUNT, threads):
            together.wait()
            found.append(number_at(frames, number))
        return found

    with ReadAhead(clip, together=threads) as frames, ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(take, range(threads)))
    assert sorted(number for each in found for number in each) == list(range(COUNT))
    assert decoded == sorted(set(decoded)), "each once, in order"


def test_many_threads_at_random_places_get_what_they_ask_for(clip: Path) -> None:
    walks = np.random.default_rng(5).integers(0, COUNT, (6, 12))
    with ReadAhead(clip) as frames, ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda walk: [number_at(frames, int(number)) for number in walk], walks))
    assert results == walks.tolist()


def test_parts_of_one_time_are_one_frame(clip: Path) -> None:
    with ReadAhead(clip) as frames:
        first = frames.frame_at(Fraction(3, 24))
        assert frames.frame_at(Fraction(3, 24)) is first
        assert frames.frame_at(Fraction(3, 24) + Fraction(1, 100)) is first
        assert frames.frame_at(Fraction(4, 24)) is not first


def test_reading_on_decodes_two_frames_more_and_reading_one_none(clip: Path, decoded: list[int]) -> None:
    with ReadAhead(clip) as frames:
        frames.frame_at(Fraction(0))
        assert not decoded, "a single frame is no walk"
        frames.frame_at(Fraction(1, 24))
        reader = frames._reader
        assert reader is not None
        reader.shutdown(wait=True)  # until it has read as far ahead as it may
        assert len(decoded) == 3, "one that was asked for, and two more"


def test_nothing_is_read_ahead_where_it_is_switched_off(clip: Path, decoded: list[int]) -> None:
    with ReadAhead(clip, ahead=0) as frames:
        assert [number_at(frames, number) for number in range(10)] == list(range(10))
        assert frames._reader is None
    assert len(decoded) == 9


def test_walking_back_reads_nothing_ahead(clip: Path) -> None:
    with ReadAhead(clip) as frames:
        for number in (50, 40, 30, 20, 10, 0):
            assert number_at(frames, number) == number
        assert frames._reader is None


def test_frames_stay_valid_after_closing(clip: Path) -> None:
    with ReadAhead(clip) as frames:
        planes = frames.frame_at(Fraction(7, 24)).planes
        assert planes is not None
        before = planes.samples[0].copy()
        for number in range(8, 40):
            frames.frame_at(Fraction(number, 24))
    assert np.array_equal(planes.samples[0], before)


@pytest.mark.parametrize("together", [1, 6])
def test_as_many_frames_are_kept_as_are_worked_on_and_few_more(
    clip: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    for bytes_, most in ((1 << 20, together + 2 + 4), (1, together + 3)):
        monkeypatch.setattr("libs.frames.read_ahead._SPARE_BYTES", bytes_)
        with ReadAhead(clip, together=together) as frames:
            for number in range(30):
                assert number_at(frames, number) == number
            assert together <= len(frames._kept) <= most


def spoiled(path: Path, number: int) -> Path:
    """The clip with the head of one packet, in order of decoding, overwritten."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    position = packets[number].pos
    assert position is not None
    content = bytearray(path.read_bytes())
    content[position : position + 40] = b"\xff" * 40
    path.write_bytes(bytes(content))
    return path


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_comes_with_the_frame_that_it_befalls_and_with_no_other(tmp_path: Path, threads: int) -> None:
    """Reading ahead meets the error first; it must neither keep it nor show another frame in its place."""
    pictures = [numbered(number) for number in range(30)]
    path = make(tmp_path / "spoiled.mov", pictures, codec="prores_ks", pixel_format="yuv422p10le")
    with ReadAhead(spoiled(path, 20), threads=threads) as frames:
        for _ in range(2):
            for number in range(20):
                assert number_at(frames, number, 4) == number
                assert number_at(frames, number + Fraction(1, 2), 4) == number
            for place in (20, Fraction(41, 2), 20):
                with pytest.raises(MediaUnreadable, match="does not decode"):
                    number_at(frames, place, 4)
            for number in (19, 21, 5, 25, 19, 29, 21):
                assert number_at(frames, number, 4) == number


def test_frames_that_lean_on_one_that_does_not_decode_fail_with_it(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that fails at frame 20 of groups of twelve, whoever drives it."""
    step = VideoDecoder.next

    def fails(self: VideoDecoder) -> Shown | None:
        if self.time(self.current()) == Fraction(19, 24):
            self._lost = True
            raise MediaUnreadable(clip, "its video does not decode (by design)")
        return step(self)

    monkeypatch.setattr(VideoDecoder, "next", fails)
    with ReadAhead(clip) as frames:
        for number in range(20):
            assert number_at(frames, number) == number
        for number in (20, 21):
            with pytest.raises(MediaUnreadable, match="by design"):
                number_at(frames, number)
        for number in (19, 5, 30):
            assert number_at(frames, number) == number
        with pytest.raises(MediaUnreadable, match="by design"):
            number_at(frames, 22)


def test_no_thread_is_left_behind(clip: Path) -> None:
    with ReadAhead(clip) as frames:
        for number in range(6):
            frames.frame_at(Fraction(number, 24))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]


def test_a_jump_within_a_long_group_of_pictures_decodes_on_instead_of_going_back(
    tmp_path: Path, decoded: list[int]
) -> None:
    pictures = [numbered(number % 256) for number in range(100)]
    path = make(tmp_path / "long.mp4", pictures, keyframes=1000, options={"x264-params": "scenecut=0"})
    with ReadAhead(path, ahead=0) as frames:
        assert number_at(frames, 20) == 20
        assert number_at(frames, 90) == 90
    assert decoded == sorted(set(decoded))


def test_what_was_passed_by_is_kept_as_far_as_there_is_room_for_it(clip: Path, decoded: list[int]) -> None:
    with ReadAhead(clip) as frames:
        size = sum(plane.buffer_size for plane in frames.frame_at(Fraction(0)).frame.planes)
    with ReadAhead(clip, ahead=0, behind=40 * size) as frames:
        for number in range(50):
            assert number_at(frames, number) == number
        done = len(decoded)
        for number in range(49, 15, -1):
            assert number_at(frames, number) == number
        assert len(decoded) == done, "nothing is decoded on the way back"
        assert len(frames._kept) <= 1 + 40
