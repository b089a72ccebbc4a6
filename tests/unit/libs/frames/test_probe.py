"""What a file holds, counted; and what is wrong with one that cannot be used."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.frames.audio_writer import AudioWriter
from libs.frames.containers import Limits
from libs.frames.errors import MediaError, MediaTruncated, MediaUnreadable, MediaUnsupported
from libs.frames.join import join_segments
from libs.frames.probe import from_rational, probe
from libs.frames.timing import find_timing
from libs.frames.video_writer import VideoWriter
from tests.support.footage import bunny
from tests.unit.libs.frames.clips import decode_all, make, numbered


def test_real_footage_is_described_exactly() -> None:
    info = probe(bunny())
    video, audio = info.video_streams[0], info.audio_streams[0]
    assert info.format == "mov,mp4,m4a,3gp,3g2,mj2"
    assert (video.codec, video.profile, video.pixel_format, video.bit_depth) == ("h264", "Main", "yuv420p", 8)
    assert (video.width, video.height, video.frame_count) == (1280, 720, len(decode_all(bunny())))
    assert from_rational(video.frame_rate) == 25
    assert from_rational(video.duration) == Fraction(132, 25)
    assert (video.variable_frame_rate, video.interlaced, video.rotation, video.has_alpha) == (False, False, 0, False)
    assert from_rational(video.sample_aspect_ratio) == 1
    assert (audio.codec, audio.sample_rate, audio.channels, audio.channel_layout) == ("aac", 48000, 6, "5.1")
    assert from_rational(audio.duration) == Fraction(254976, 48000)


@pytest.mark.parametrize(
    ("name", "arguments", "pixel_format", "depth"),
    [
        ("a.mov", {"codec": "prores_ks", "pixel_format": "yuv422p10le"}, "yuv422p10le", 10),
        ("b.webm", {"codec": "libvpx-vp9"}, "yuv420p", 8),
        ("c.mkv", {"codec": "ffv1", "pixel_format": "yuv420p10le"}, "yuv420p10le", 10),
        ("d.mkv", {"codec": "libsvtav1", "options": {"preset": "12", "svtav1-params": "lp=1"}}, "yuv420p", 8),
        ("e.ts", {"codec": "libx264", "b_frames": 3}, "yuv420p", 8),
    ],
)
@pytest.mark.parametrize("fps", [Fraction(24), Fraction(24000, 1001), Fraction(30000, 1001)])
def test_counts_and_rates_are_exact_in_every_container(
    tmp_path: Path, name: str, arguments: dict[str, Any], pixel_format: str, depth: int, fps: Fraction
) -> None:
    path = make(tmp_path / name, [numbered(index) for index in range(40)], fps=fps, matrix=9, **arguments)
    video = probe(path).video_streams[0]
    assert (video.frame_count, video.pixel_format, video.bit_depth) == (40, pixel_format, depth)
    assert from_rational(video.frame_rate) == fps
    assert not video.variable_frame_rate
    assert from_rational(video.duration) == 40 / fps
    assert video.color_matrix == "bt2020nc"
    assert video.color_range == "tv"


def test_a_variable_rate_is_noticed_and_averaged(tmp_path: Path) -> None:
    times = [0, 40, 80, 200, 240, 500, 520]
    path = make(tmp_path / "v.mp4", [numbered(index) for index in range(7)], times=times, time_base=Fraction(1, 1000))
    video = probe(path).video_streams[0]
    assert video.variable_frame_rate
    assert video.frame_count == 7
    assert from_rational(video.frame_rate) == 7 / from_rational(video.duration)
    assert Fraction(520, 1000) < from_rational(video.duration) < Fraction(1)


def test_sound_alone_is_media(tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "a.m4a", channels=1) as writer:
        writer.write(np.zeros((1, 96_001), np.float32))
    info = probe(tmp_path / "a.m4a")
    assert not info.video_streams
    assert info.audio_streams[0].channel_layout == "mono"
    assert from_rational(info.audio_streams[0].duration) == Fraction(96_001, 48_000)


@pytest.mark.parametrize("kind", ["faststart.mp4", "plain.mp4", "clip.mkv", "clip.webm", "clip.avi", "sound.wav"])
def test_a_file_cut_anywhere_is_called_truncated(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    pictures = [numbered(index) for index in range(20)]
    if kind == "plain.mp4":
        with VideoWriter(path, 96, 64, Fraction(24)) as writer:
            for picture in pictures:
                writer.write(picture)
    elif kind == "sound.wav":
        samples = np.random.default_rng(0).integers(-9000, 9000, 48_000, dtype=np.int16).tobytes()
        header = b"RIFF" + (36 + len(samples)).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\1\0\1\0"
        header += (48000).to_bytes(4, "little") + (96000).to_bytes(4, "little") + b"\2\0\x10\0data"
        path.write_bytes(header + len(samples).to_bytes(4, "little") + samples)
    elif kind == "faststart.mp4":
        with VideoWriter(tmp_path / "s.mp4", 96, 64, Fraction(24)) as writer:
            for picture in pictures:
                writer.write(picture)
        join_segments([tmp_path / "s.mp4"], None, path, Fraction(24))
    else:
        codec = {"clip.mkv": "libx264", "clip.webm": "libvpx-vp9", "clip.avi": "mpeg4"}[kind]
        make(path, pictures, codec=codec)
    probe(path)
    data = path.read_bytes()
    for cut in (0.3, 0.5, 0.9, 1 - 10 / len(data)):
        path.write_bytes(data[: int(len(data) * cut)])
        with pytest.raises(MediaTruncated) as refusal:
            probe(path)
        assert refusal.value.metadata == {"file": kind}


@pytest.mark.parametrize("rest", [b"\0", bytes(4), bytes(512), b"Shot by a camera that signs its work.\n"], ids=repr)
def test_a_rest_behind_the_media_is_no_truncation(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "signed.mp4"
    with VideoWriter(tmp_path / "s.mp4", 96, 64, Fraction(24)) as writer:
        for index in range(20):
            writer.write(numbered(index))
    join_segments([tmp_path / "s.mp4"], None, path, Fraction(24))
    path.write_bytes(path.read_bytes() + rest)
    assert probe(path).video_streams[0].frame_count == 20


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"Dear diary" * 100,
        b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b"<?xml version='1.0'?><MPD/>",
        bytes(range(256)) * 50,
    ],
)
def test_what_is_no_media_is_unreadable_and_opens_no_other_file(tmp_path: Path, data: bytes) -> None:
    for name in ("x.mp4", "x.txt", "x.m3u8"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MediaUnreadable) as refusal:
            probe(tmp_path / name)
        assert refusal.value.metadata == {"file": name}
        assert str(tmp_path) not in refusal.value.message


@given(st.binary(max_size=300), st.integers(0, 2000))
def test_damaged_files_raise_nothing_but_typed_errors(tmp_path_factory: Any, noise: bytes, place: int) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.mp4"
    source = tmp_path_factory.getbasetemp() / "whole.mp4"
    if not source.exists():
        make(source, [numbered(index) for index in range(4)])
    data = bytearray(source.read_bytes())
    data[place : place + len(noise)] = noise
    path.write_bytes(data)
    with suppress(MediaError):
        probe(path)


def test_absent_files_and_limits() -> None:
    with pytest.raises(FileNotFoundError):
        probe("/nowhere/at/all.mp4")
    for limits in (Limits(max_pixels=1000), Limits(max_side=700), Limits(max_frames=10)):
        with pytest.raises(MediaUnsupported):
            probe(bunny(), limits)


@given(
    st.sampled_from([Fraction(24), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(50), Fraction(60)]),
    st.sampled_from([Fraction(1, 1000), Fraction(1, 90_000), Fraction(1, 12_800)]),
    st.integers(2, 400),
    st.integers(-1000, 10**9),
    st.randoms(use_true_random=False),
)
def test_a_constant_rate_is_found_through_any_clock(
    rate: Fraction, time_base: Fraction, count: int, start: int, random: Any
) -> None:
    times = [start + round(index / (rate * time_base)) for index in range(count)]
    random.shuffle(times)
    timing = find_timing(np.array(times, np.int64), 0, time_base, (rate,))
    assert not timing.variable
    assert timing.duration == count / timing.rate
    # A rate that fits as well as the declared one only differs by what the clock cannot tell.
    assert timing.rate == rate or abs(count / timing.rate - count / rate) <= 2 * time_base


def test_interlacing_is_told(tmp_path: Path) -> None:
    path = make(
        tmp_path / "i.ts", [numbered(index) for index in range(4)], options={"x264-params": "tff=1:interlaced=1"}
    )
    assert probe(path).video_streams[0].interlaced
