"""Segments joined: every frame once and in its place, the sound to the sample."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.frames.audio_reader import AudioReader
from libs.frames.audio_writer import AudioWriter
from libs.frames.codecs import VIDEO_CODECS, VideoSettings
from libs.frames.codecs.movies import MOVIES
from libs.frames.decoded import frame_hashes
from libs.frames.errors import MediaError, MediaUnsupported
from libs.frames.join import join_segments
from libs.frames.loudness import measure
from libs.frames.payload import video_payload
from libs.frames.probe import from_rational, probe
from libs.frames.video_reader import VideoReader
from libs.frames.video_writer import VideoWriter
from tests.unit.libs.frames.clips import number_of, numbered

COUNTS = (24, 1, 2, 30, 3)
TOTAL = sum(COUNTS)
MADE = [
    (codec.name, profile, container)
    for codec in VIDEO_CODECS.values()
    for profile in codec.profiles
    for container in codec.containers
]


def segments(
    folder: Path,
    fps: Fraction,
    settings: VideoSettings | None = None,
    *,
    counts: Sequence[int] = COUNTS,
    size: tuple[int, int] = (96, 64),
) -> list[Path]:
    paths, done = [], 0
    for number, count in enumerate(counts):
        path = folder / f"segment{number}"
        with VideoWriter(path, *size, fps, settings or VideoSettings(), keyframe_seconds=0.25) as writer:
            for index in range(done, done + count):
                writer.write(numbered(index, *size))
        done += count
        paths.append(path)
    return paths


def sound(folder: Path, count: int, codec: str = "aac") -> Path:
    samples = np.random.default_rng(4).normal(0, 0.1, (2, count)).astype(np.float32)
    samples[:, 999::7777] = 0.9
    with AudioWriter(folder / f"sound.{codec}", codec=codec) as writer:
        writer.write(samples)
    return folder / f"sound.{codec}"


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(60)])
@pytest.mark.parametrize("preset", ["veryfast", "ultrafast"])
def test_every_frame_is_there_once_and_unchanged(tmp_path: Path, fps: Fraction, preset: str) -> None:
    paths = segments(tmp_path, fps, VideoSettings(preset=preset))
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


@pytest.mark.parametrize(("codec", "profile", "container"), MADE)
def test_every_codec_joins_in_every_container_that_takes_it(
    tmp_path: Path, codec: str, profile: str, container: str
) -> None:
    fps, counts = Fraction(24000, 1001), (1, 9, 4, 2)
    paths = segments(tmp_path, fps, VideoSettings(codec, profile), counts=counts, size=(256, 128))
    out = tmp_path / f"out.{container}"
    joined = join_segments(paths, None, out, fps, container)
    assert frame_hashes(out) == [name for path in paths for name in frame_hashes(path)]
    assert video_payload(out) == joined.payload
    media = probe(out)
    stream = media.video_streams[0]
    assert (stream.frame_count, from_rational(stream.frame_rate), stream.variable_frame_rate) == (16, fps, False)
    assert from_rational(stream.duration) == 16 / fps
    assert stream.color_primaries == stream.color_transfer == "bt709"
    rgb = profile in ("16bit", "rgb8", "rgba8")
    assert (stream.color_matrix, stream.color_range) == (("gbr", "pc") if rgb else ("bt709", "tv"))
    assert not stream.has_alpha or profile == "rgba8"
    with av.open(str(out), "r") as opened:
        video = opened.streams.video[0]
        assert video.time_base is not None
        times = [frame.pts * video.time_base for frame in opened.decode(video) if frame.pts is not None]
        off = [abs(time - index / fps) for index, time in enumerate(times)]
        if MOVIES[container].exact:
            # What QuickTime and hardware go by.
            tags = {"h264": "avc1", "h265": "hvc1", "vp9": "vp09", "av1": "av01", "dnxhr": "AVdh"}
            tag = {"422hq": "apch", "4444": "ap4h"}.get(profile) or tags[codec]
            assert video.codec_context.codec_tag == tag
        assert max(off) <= (0 if MOVIES[container].exact else Fraction(1, 2000))
    with VideoReader(out) as reader:
        assert [number_of(reader.frame_at(index / fps)) for index in (15, 0, 10, 9, 14, 1)] == [15, 0, 10, 9, 14, 1]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(1, 11), min_size=1, max_size=6),
    st.sampled_from(["h264", "h265", "vp9", "av1"]),
    st.sampled_from(["mp4", "mkv"]),
)
def test_any_chunking_joins_to_what_its_segments_show(counts: list[int], codec: str, container: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = segments(Path(folder), Fraction(25), VideoSettings(codec, preset="superfast"), counts=counts)
        out = Path(folder) / "out"
        joined = join_segments(paths, None, out, Fraction(25), container)
        assert joined.frame_count == sum(counts)
        assert frame_hashes(out) == [name for path in paths for name in frame_hashes(path)]
        with VideoReader(out) as reader:
            shown = [number_of(picture) for _, picture in reader.frames()]
        assert shown == list(range(sum(counts)))


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("fps", [Fraction(240), Fraction(1001, 1000), Fraction(12345, 678), Fraction(333, 10)])
def test_rates_that_no_standard_has_are_kept_on_a_clock_of_milliseconds(
    tmp_path: Path, fps: Fraction, count: int
) -> None:
    paths = segments(tmp_path, fps, VideoSettings(preset="ultrafast"), counts=(count,))
    join_segments(paths, None, tmp_path / "out.mkv", fps, "mkv")
    stream = probe(tmp_path / "out.mkv").video_streams[0]
    assert (from_rational(stream.frame_rate), stream.variable_frame_rate) == (fps, False)


@pytest.mark.parametrize(("container", "codec"), [(name, codec) for name, m in MOVIES.items() for codec in m.audio])
@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(60)])
def test_sound_of_every_codec_is_exact_in_every_container(
    tmp_path: Path, container: str, codec: str, fps: Fraction
) -> None:
    length = round(TOTAL / fps * 48000)
    source = sound(tmp_path, length, codec)
    video = VideoSettings("vp9" if container == "webm" else "h264", preset="ultrafast")
    out = tmp_path / f"out.{container}"
    join_segments(segments(tmp_path, fps, video), source, out, fps, container)
    with AudioReader(out) as reader, AudioReader(source) as original:
        assert np.array_equal(reader.read(0, length + 4000), original.read(0, length + 4000))
    heard = measure(out)
    assert heard.loudness == measure(source).loudness
    # AAC decodes to whole frames.
    assert 0 <= heard.samples - length < (1024 if codec == "aac" else 1)
    with AudioReader(out) as reader:
        got = reader.read(0, length + 4000)
    assert not got[:, length:].any()
    clicks = list(range(999, length - 1000, 7777))
    if codec in ("flac", "pcm"):
        assert np.abs(got[:, clicks] - 0.9).max() < 2.0**-23
    else:
        assert [int(np.abs(got[0, p - 60 : p + 60]).argmax()) + p - 60 for p in clicks] == clicks
    with VideoReader(out) as pictures:
        assert pictures.info.start_time == 0, "nothing was moved to make room for the encoder's delay"


@pytest.mark.parametrize("extra", [-1, 1, 5000, -9000])
@pytest.mark.parametrize(("container", "codec"), [("mkv", "flac"), ("mkv", "opus"), ("mov", "pcm")])
def test_sound_of_another_length_is_refused(tmp_path: Path, container: str, codec: str, extra: int) -> None:
    source = sound(tmp_path, round(30 / Fraction(24) * 48000) + extra, codec)
    paths = segments(tmp_path, Fraction(24), counts=(30,))
    with pytest.raises(MediaUnsupported, match="shorter" if extra < 0 else "longer"):
        join_segments(paths, source, tmp_path / "out", Fraction(24), container)


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
    assert 0 <= measure(tmp_path / "out.mp4").samples - length < 1024


@pytest.mark.parametrize("container", list(MOVIES))
def test_the_index_comes_first_and_the_same_segments_make_the_same_bytes(tmp_path: Path, container: str) -> None:
    video = VideoSettings("av1" if container == "webm" else "h264")
    paths, audio = segments(tmp_path, Fraction(24), video), sound(tmp_path, 120_000, MOVIES[container].audio[0])
    for name in ("one", "two"):
        join_segments(paths, audio, tmp_path / name, Fraction(24), container)
    data = (tmp_path / "one").read_bytes()
    assert data == (tmp_path / "two").read_bytes()
    # Boxes of ISO 14496-12, and the element ids of RFC 9559: Cues, Cluster.
    index, media = (b"moov", b"mdat") if MOVIES[container].exact else (b"\x1c\x53\xbb\x6b", b"\x1f\x43\xb6\x75")
    assert 0 < data.index(index) < data.index(media)


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
    for container, codec in (("webm", "h264"), ("mp4", "ffv1")):
        wrong = segments(tmp_path, Fraction(24), VideoSettings(codec), counts=(2,))
        with pytest.raises(MediaUnsupported, match=f"does not go into {container}"):
            join_segments(wrong, None, tmp_path / "out", Fraction(24), container)
    with pytest.raises(MediaUnsupported, match="does not go into mp4"):
        join_segments(segments(tmp_path, Fraction(24)), sound(tmp_path, 900, "pcm"), tmp_path / "out", Fraction(24))
    other.write_bytes(b"no movie")
    with pytest.raises(MediaError):
        join_segments([*paths, other], None, tmp_path / "out.mp4", Fraction(24))
    with pytest.raises(ValueError, match="no segments"):
        join_segments([], None, tmp_path / "out.mp4", Fraction(24))


@pytest.mark.parametrize("container", list(MOVIES))
def test_words_of_any_length_are_in_the_movies_own_metadata(tmp_path: Path, container: str) -> None:
    settings = VideoSettings("vp9" if container == "webm" else "h264")
    paths = segments(tmp_path, Fraction(16), settings, counts=(4, 3))
    # Longer than the 64 KiB of QuickTime's older metadata, and with what other formats of it must escape.
    text = '{"prompt":"붉은 원; a=b # \\ \n"}' * 4000
    plain, one, other = (tmp_path / f"{name}.{container}" for name in ("plain", "one", "other"))
    bare = join_segments(paths, None, plain, Fraction(16), container)
    told = [join_segments(paths, None, path, Fraction(16), container, words={"made_by": text}) for path in (one, other)]
    with av.open(str(one)) as movie:
        assert {name.lower(): value for name, value in movie.metadata.items()}["made_by"] == text
    with av.open(str(plain)) as movie:
        assert "made_by" not in {name.lower() for name in movie.metadata}
    assert one.read_bytes() == other.read_bytes()
    assert told == [bare, bare]
    assert frame_hashes(one) == frame_hashes(plain)
