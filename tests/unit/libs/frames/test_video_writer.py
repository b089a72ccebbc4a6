"""Segments: exact times, closed groups, the same settings in the same bytes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from libs.frames.video_reader import VideoReader
from libs.frames.video_writer import H264Quality, VideoWriter, timescale
from tests.unit.libs.frames.clips import decode_all, number_of, numbered


@pytest.mark.parametrize(
    "fps", [Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(60000, 1001), Fraction(12)]
)
@pytest.mark.parametrize("codec", ["h264", "ffv1"])
def test_frames_come_back_at_their_times(tmp_path: Path, fps: Fraction, codec: Any) -> None:
    path = tmp_path / "segment"
    with VideoWriter(path, 96, 64, fps, codec=codec) as writer:
        for index in range(30):
            writer.write(numbered(index))
        assert writer.frame_count == 30
    frames = decode_all(path)
    assert len(frames) == 30
    for index, frame in enumerate(frames):
        assert frame.pts is not None
        assert frame.time_base is not None
        error = abs(frame.pts * frame.time_base - index / fps)
        assert error == 0 if codec == "h264" else error <= Fraction(1, 2000), "Matroska counts milliseconds"
    with VideoReader(path) as reader:
        assert [number_of(reader.frame_at(index / fps)) for index in range(30)] == list(range(30))
        assert reader.info.fps == fps


def test_h264_is_tagged_and_its_groups_are_closed(tmp_path: Path) -> None:
    path = tmp_path / "s.mp4"
    with VideoWriter(path, 96, 64, Fraction(24), keyframe_seconds=0.5) as writer:
        for index in range(40):
            writer.write(numbered(index * 5 % 256))
    with av.open(str(path), "r") as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        assert context.pix_fmt == "yuv420p"
        times: list[int] = []
        keys: list[int] = []
        for packet in container.demux(stream):
            if packet.pts is None:
                continue
            if packet.is_keyframe:
                assert all(time < packet.pts for time in times), "nothing shown later was decoded earlier"
                keys.append(packet.pts)
            assert not keys or packet.pts >= keys[-1], "nothing leans over a keyframe"
            times.append(packet.pts)
    assert len(keys) >= 4


def test_the_same_pictures_give_the_same_bytes_and_parameter_sets(tmp_path: Path) -> None:
    files = []
    for name, count in (("a", 20), ("b", 20), ("c", 1)):
        with VideoWriter(tmp_path / name, 96, 64, Fraction(24), threads=2) as writer:
            for index in range(count):
                writer.write(numbered(index))
        files.append(tmp_path / name)
    assert files[0].read_bytes() == files[1].read_bytes()
    sets = []
    for path in files:
        with av.open(str(path), "r") as container:
            sets.append(container.streams.video[0].codec_context.extradata)
    assert sets[0] == sets[1] == sets[2]


def test_ffv1_keeps_every_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    pictures = rng.integers(0, 256, (3, 35, 57, 4)).astype(np.uint8)
    for alpha in (False, True):
        path = tmp_path / f"{alpha}.mkv"
        with VideoWriter(path, 57, 35, Fraction(24), codec="ffv1", alpha=alpha) as writer:
            for picture in pictures:
                writer.write(picture if alpha else picture[..., :3])
            writer.write(pictures[0].astype(np.float32) / 255)
        channels = 4 if alpha else 3
        for frame, picture in zip(decode_all(path), [*pictures, pictures[0]], strict=True):
            got = frame.to_ndarray(format="rgba")
            assert np.array_equal(got[..., :channels], picture[..., :channels])


def test_h264_colours_are_right_at_high_quality(tmp_path: Path) -> None:
    picture = np.zeros((32, 64, 3), np.float32)
    colours = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.5, 0.5, 0.5)]
    for index, colour in enumerate(colours):
        picture[:, index * 16 : index * 16 + 16] = colour
    with VideoWriter(tmp_path / "c.mp4", 64, 32, Fraction(24), quality=H264Quality(crf=1)) as writer:
        writer.write(picture)
    # libswscale, told BT.709, is the oracle.
    got = decode_all(tmp_path / "c.mp4")[0].to_ndarray(format="rgb24", src_colorspace="ITU709")
    for index, colour in enumerate(colours):
        assert np.abs(got[16, index * 16 + 8] / 255 - colour).max() < 0.02


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    for arguments in ({"width": 95}, {"alpha": True}, {"fps": Fraction(0)}, {"height": 0}):
        settings: dict[str, Any] = {"width": 96, "height": 64, "fps": Fraction(24), **arguments}
        with pytest.raises(ValueError, match=r".+"):
            VideoWriter(tmp_path / "x.mp4", **settings)
    with VideoWriter(tmp_path / "y.mp4", 96, 64, Fraction(24)) as writer:
        with pytest.raises(ValueError, match="expected"):
            writer.write(numbered(0, 64, 64))
        writer.write(numbered(0))
    with pytest.raises(ValueError, match="closed"):
        writer.write(numbered(0))


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(24000, 1001), Fraction(30), Fraction(1), Fraction(120)])
def test_a_frame_lasts_a_whole_number_of_ticks(fps: Fraction) -> None:
    assert (timescale(fps) / fps).denominator == 1
    assert timescale(fps) >= 10_000
