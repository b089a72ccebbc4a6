"""Segments joined: every frame once and in its place, the sound to the sample."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from libs.frames.audio_reader import AudioReader
from libs.frames.audio_writer import AudioWriter
from libs.frames.decoded import decoded_seconds, frame_hashes
from libs.frames.errors import MediaError, MediaUnsupported
from libs.frames.join import join_segments
from libs.frames.payload import video_payload
from libs.frames.video_reader import VideoReader
from libs.frames.video_writer import H264Quality, VideoWriter
from tests.unit.libs.frames.clips import number_of, numbered

COUNTS = (24, 1, 2, 30, 3)
TOTAL = sum(COUNTS)


def segments(folder: Path, fps: Fraction, quality: H264Quality | None = None) -> list[Path]:
    paths, done = [], 0
    for number, count in enumerate(COUNTS):
        path = folder / f"{number}.mp4"
        with VideoWriter(path, 96, 64, fps, quality=quality or H264Quality()) as writer:
            for index in range(done, done + count):
                writer.write(numbered(index))
        done += count
        paths.append(path)
    return paths


def sound(folder: Path, count: int) -> Path:
    samples = np.random.default_rng(4).normal(0, 0.1, (2, count)).astype(np.float32)
    samples[:, 999::7777] = 0.9
    with AudioWriter(folder / "sound.m4a") as writer:
        writer.write(samples)
    return folder / "sound.m4a"


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(60)])
@pytest.mark.parametrize("preset", ["veryfast", "ultrafast"])
def test_every_frame_is_there_once_and_unchanged(tmp_path: Path, fps: Fraction, preset: str) -> None:
    paths = segments(tmp_path, fps, H264Quality(preset=preset))
    joined = join_segments(paths, None, tmp_path / "out.mp4", fps)
    assert (joined.frame_count, joined.duration) == (TOTAL, TOTAL / fps)
    assert frame_hashes(tmp_path / "out.mp4") == [name for path in paths for name in frame_hashes(path)]
    assert video_payload(tmp_path / "out.mp4") == joined.payload
    with av.open(str(tmp_path / "out.mp4"), "r") as container:
        stream = container.streams.video[0]
        assert stream.average_rate == fps
        assert not container.streams.audio
        assert stream.time_base is not None
        times = [frame.pts * stream.time_base for frame in container.decode(stream) if frame.pts is not None]
        assert times == [index / fps for index in range(TOTAL)]
    with VideoReader(tmp_path / "out.mp4") as reader:
        for index in (59, 24, 25, 26, 0, 40, 23):
            assert number_of(reader.frame_at(index / fps)) == index


@pytest.mark.parametrize("extra", [0, 5000, -9000, -300])
@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(60)])
def test_sound_is_in_sync_and_as_long_as_the_pictures(tmp_path: Path, extra: int, fps: Fraction) -> None:
    length = round(TOTAL / fps * 48000)
    source = sound(tmp_path, length + extra)
    join_segments(segments(tmp_path, fps), source, tmp_path / "out.mp4", fps)
    with AudioReader(tmp_path / "out.mp4") as reader, AudioReader(source) as original:
        got, wanted = reader.read(0, length + 4000), original.read(0, length + 4000)
    kept = min(length, length + extra)
    # The encoder's last frame overlaps what was filled up; before it, decoded samples are identical.
    assert np.array_equal(got[:, : kept - 1024], wanted[:, : kept - 1024])
    assert np.abs(got[:, kept + 2048 :]).max(initial=0) < 1e-3
    assert not got[:, length:].any()
    seconds = decoded_seconds(tmp_path / "out.mp4")
    assert seconds is not None
    assert 0 <= seconds - Fraction(length, 48000) < Fraction(1024, 48000)


def test_the_index_comes_first(tmp_path: Path) -> None:
    join_segments(segments(tmp_path, Fraction(24)), sound(tmp_path, 120_000), tmp_path / "out.mp4", Fraction(24))
    data = (tmp_path / "out.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_the_same_segments_make_the_same_bytes(tmp_path: Path) -> None:
    paths, audio = segments(tmp_path, Fraction(24)), sound(tmp_path, 120_000)
    for name in ("one", "two"):
        join_segments(paths, audio, tmp_path / name, Fraction(24))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_changed_byte_of_a_picture_is_noticed(tmp_path: Path) -> None:
    joined = join_segments(segments(tmp_path, Fraction(24)), None, tmp_path / "out.mp4", Fraction(24))
    assert joined.payload.packets == TOTAL
    spoilt = bytearray((tmp_path / "out.mp4").read_bytes())
    spoilt[-100] ^= 1  # the index comes first, so these are pictures
    (tmp_path / "out.mp4").write_bytes(spoilt)
    assert video_payload(tmp_path / "out.mp4").digest != joined.payload.digest


def test_segments_that_do_not_fit_are_refused_by_name(tmp_path: Path) -> None:
    paths = segments(tmp_path, Fraction(24))
    other = tmp_path / "other.mp4"
    with VideoWriter(other, 64, 64, Fraction(24)) as writer:
        writer.write(numbered(0, 64, 64))
    with pytest.raises(MediaUnsupported) as refusal:
        join_segments([*paths, other], None, tmp_path / "out.mp4", Fraction(24))
    assert refusal.value.metadata == {"file": "other.mp4"}
    with pytest.raises(MediaUnsupported):
        join_segments(paths, None, tmp_path / "out.mp4", Fraction(25))
    other.write_bytes(b"no movie")
    with pytest.raises(MediaError):
        join_segments([*paths, other], None, tmp_path / "out.mp4", Fraction(24))
    with pytest.raises(ValueError, match="no segments"):
        join_segments([], None, tmp_path / "out.mp4", Fraction(24))
