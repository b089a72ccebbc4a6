"""Segments of every codec: exact times, closed groups, equal bytes of equal settings, the right codes and tags."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from libs.frames.codecs import PRESETS, VIDEO_CODECS, VideoSettings, h264
from libs.frames.decoded import decoded_frames, frame_hash, frame_hashes
from libs.frames.errors import MediaUnreadable
from libs.frames.probe import from_rational, probe
from libs.frames.video_reader import VideoReader
from libs.frames.video_writer import MASTER, MASTER_WITH_ALPHA, VideoWriter, timescale
from tests.unit.libs.frames.clips import decode_all, number_of, numbered

WIDTH, HEIGHT = 256, 128
STREAMS = [(codec.name, profile) for codec in VIDEO_CODECS.values() for profile in codec.profiles]


def write(path: Path, settings: VideoSettings, count: int, fps: Fraction = Fraction(24), **options: Any) -> Path:
    with VideoWriter(path, WIDTH, HEIGHT, fps, settings, **options) as writer:
        for index in range(count):
            writer.write(numbered(index * 5 % 256, WIDTH, HEIGHT))
        assert writer.frame_count == count
    return path


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(25)])
@pytest.mark.parametrize("codec", list(VIDEO_CODECS))
def test_frames_come_back_at_their_times(tmp_path: Path, fps: Fraction, codec: str) -> None:
    path = write(tmp_path / "segment", VideoSettings(codec), 12, fps)
    frames = decode_all(path)
    assert len(frames) == 12
    for index, frame in enumerate(frames):
        assert frame.pts is not None
        assert frame.time_base is not None
        error = abs(frame.pts * frame.time_base - index / fps)
        assert error == 0 if codec != "ffv1" else error <= Fraction(1, 2000), "Matroska counts milliseconds"
    with VideoReader(path) as reader:
        assert [number_of(reader.frame_at(index / fps)) for index in range(12)] == [index * 5 for index in range(12)]
        assert reader.info.fps == fps


@pytest.mark.parametrize(("codec", "profile"), STREAMS)
def test_streams_are_what_their_profile_says(tmp_path: Path, codec: str, profile: str) -> None:
    path = write(tmp_path / "s", VideoSettings(codec, profile), 2)
    with av.open(str(path), "r") as container:
        context = container.streams.video[0].codec_context
        assert context.codec.canonical_name == VIDEO_CODECS[codec].stream
        # Decoders give out ProRes 4444 as 12 bit, whatever it was made of.
        expected = "yuv444p12le" if profile == "4444" else VIDEO_CODECS[codec].profiles[profile].pixel_format
        assert context.pix_fmt == expected
        assert (context.color_primaries, context.color_trc) == (1, 1)
        rgb = expected.startswith(("gbr", "bgr"))
        assert (context.colorspace, context.color_range) == ((0, 2) if rgb else (1, 1))


@pytest.mark.parametrize("codec", list(VIDEO_CODECS))
def test_groups_are_closed(tmp_path: Path, codec: str) -> None:
    path = write(tmp_path / "s", VideoSettings(codec), 40, keyframe_seconds=0.5)
    times: list[int] = []
    keys: list[int] = []
    with av.open(str(path), "r") as container:
        for packet in container.demux(container.streams.video[0]):
            if packet.pts is None:
                continue
            if packet.is_keyframe:
                assert all(time < packet.pts for time in times), "nothing shown later was decoded earlier"
                keys.append(packet.pts)
            assert packet.pts >= keys[-1], "nothing leans over a keyframe"
            times.append(packet.pts)
    assert len(keys) >= 4
    # What decodes from a keyframe on is what decodes from the beginning.
    with av.open(str(path), "r") as container:
        stream = container.streams.video[0]
        container.seek(keys[-1], stream=stream)
        frames = container.decode(stream)
        last = [frame_hash(frame) for frame in frames if frame.pts is not None and frame.pts >= keys[-1]]
    assert last == frame_hashes(path)[-len(last) :]
    assert len(last) == len([time for time in times if time >= keys[-1]])


@pytest.mark.parametrize(("codec", "profile"), STREAMS)
def test_a_segment_proves_to_be_whole_and_one_with_empty_packets_does_not(
    tmp_path: Path, codec: str, profile: str
) -> None:
    path = write(tmp_path / "s", VideoSettings(codec, profile), 9)
    assert decoded_frames(path) == decoded_frames(path, threads=2) == 9
    spoilt = bytearray(path.read_bytes())
    with av.open(str(path), "r") as container:
        packets = [packet for packet in container.demux(container.streams.video[0]) if packet.size]
    for packet in packets[-2:]:
        assert packet.pos is not None
        spoilt[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    path.write_bytes(spoilt)
    with contextlib.suppress(MediaUnreadable):
        assert decoded_frames(path) < 9


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("codec", "profile"), STREAMS)
def test_the_same_pictures_give_the_same_bytes_and_parameter_sets(
    tmp_path: Path, codec: str, profile: str, threads: int
) -> None:
    settings = VideoSettings(codec, profile)
    files = [
        write(tmp_path / name, settings, count, threads=threads) for name, count in (("a", 12), ("b", 12), ("c", 1))
    ]
    assert files[0].read_bytes() == files[1].read_bytes()
    sets = []
    for path in files:
        with av.open(str(path), "r") as container:
            sets.append(container.streams.video[0].codec_context.extradata)
    assert sets[0] == sets[1] == sets[2]


def test_x264_keeps_off_the_vector_units_whose_code_does_not_repeat_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of no processor it is asked what that has not."""
    for level, expected in (("v3", ["avx2"]), ("v2", [])):
        monkeypatch.setattr(h264, "reaches", lambda asked, level=level: asked == level)
        parameters = VIDEO_CODECS["h264"].options(VideoSettings(), "8bit", 1)["x264-params"].split(":")
        assert [value for name, _, value in (each.partition("=") for each in parameters) if name == "asm"] == expected


@pytest.mark.parametrize("codec", ["h264", "h265", "vp9", "av1"])
def test_every_preset_and_quality_means_something(tmp_path: Path, codec: str) -> None:
    rng = np.random.default_rng(3)
    noise = [rng.uniform(0, 1, (64, 64, 3)).astype(np.float32) for _ in range(10)]

    def size(settings: VideoSettings) -> int:
        with VideoWriter(tmp_path / "s", 64, 64, Fraction(24), settings) as writer:
            for picture in noise:
                writer.write(picture)
        return (tmp_path / "s").stat().st_size

    for preset in PRESETS:
        assert size(VideoSettings(codec, preset=preset)) > 0
    assert size(VideoSettings(codec, quality=10)) > 1.5 * size(VideoSettings(codec, quality=40))


@pytest.mark.parametrize(("settings", "channels"), [(MASTER, 3), (MASTER_WITH_ALPHA, 4)])
def test_masters_keep_every_bit(tmp_path: Path, settings: VideoSettings, channels: int) -> None:
    rng = np.random.default_rng(2)
    pictures = rng.integers(0, 256, (3, 35, 57, 4)).astype(np.uint8)
    path = tmp_path / "m.mkv"
    with VideoWriter(path, 57, 35, Fraction(24), settings) as writer:
        for picture in pictures:
            writer.write(picture[..., :channels])
        writer.write(pictures[0].astype(np.float32) / 255)
    for frame, picture in zip(decode_all(path), [*pictures, pictures[0]], strict=True):
        got = frame.to_ndarray(format="rgba")
        assert np.array_equal(got[..., :channels], picture[..., :channels])


@pytest.mark.parametrize(("profile", "bits"), [("10bit", 10), ("16bit", 16)])
def test_the_standards_codes_of_the_colour_bars_are_written(tmp_path: Path, profile: str, bits: int) -> None:
    # ITU-R BT.709-6, 8-bit codes of 100 % bars, times 4 at ten bits; R'G'B' in full range is what it is.
    bars = {
        (1.0, 1.0, 1.0): (940, 512, 512), (1.0, 1.0, 0.0): (877, 64, 553), (0.0, 1.0, 1.0): (754, 615, 64),
        (0.0, 1.0, 0.0): (691, 167, 105), (1.0, 0.0, 1.0): (313, 857, 919), (1.0, 0.0, 0.0): (250, 409, 960),
        (0.0, 0.0, 1.0): (127, 960, 471), (0.0, 0.0, 0.0): (64, 512, 512),
    }  # fmt: skip
    picture = np.empty((16, 128, 3), np.float32)
    for index, colour in enumerate(bars):
        picture[:, index * 16 : index * 16 + 16] = colour
    with VideoWriter(tmp_path / "b.mkv", 128, 16, Fraction(24), VideoSettings("ffv1", profile)) as writer:
        writer.write(picture)
    frame = decode_all(tmp_path / "b.mkv")[0]
    planes = [np.frombuffer(memoryview(plane), np.uint16).reshape(16, -1) for plane in frame.planes]
    for index, (colour, codes) in enumerate(bars.items()):
        expected = codes if bits == 10 else tuple(round(colour[channel] * 65535) for channel in (1, 2, 0))
        assert tuple(int(plane[8, index * 16 + 8]) for plane in planes) == expected


@pytest.mark.parametrize(("codec", "profile"), STREAMS)
def test_colours_are_right_at_high_quality(tmp_path: Path, codec: str, profile: str) -> None:
    picture = np.zeros((128, 256, 3), np.float32)
    colours = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.5, 0.5, 0.5)]
    for index, colour in enumerate(colours):
        picture[:, index * 64 : index * 64 + 64] = colour
    quality = 1 if VIDEO_CODECS[codec].quality else 0
    with VideoWriter(tmp_path / "c", 256, 128, Fraction(24), VideoSettings(codec, profile, quality)) as writer:
        writer.write(picture)
    frame = decode_all(tmp_path / "c")[0]
    # libswscale, told BT.709, is the oracle.
    got = frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
    for index, colour in enumerate(colours):
        assert np.abs(got[64, index * 64 + 32] / 255 - colour).max() < 0.02


def test_a_frame_is_filled_in_place_and_fits_one_writer_alone(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "s", 96, 64, Fraction(24), VideoSettings("ffv1", "16bit")) as writer:
        filled = writer.blank()
        for number, plane in enumerate(filled.planes):
            plane[:] = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) + 1000 * number
        writer.append(filled)
        with VideoWriter(tmp_path / "o", 64, 64, Fraction(24)) as other:
            with pytest.raises(ValueError, match="expected a frame"):
                writer.append(other.blank())
            other.write(numbered(0, 64, 64))
    frame = decode_all(tmp_path / "s")[0]
    for number, written in enumerate(frame.planes):
        codes = np.frombuffer(memoryview(written), np.uint16).reshape(64, -1)[:, :96]
        assert np.array_equal(codes, np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) + 1000 * number)


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        (VideoSettings(), (95, 64)),
        (VideoSettings("h265"), (96, 65)),
        (VideoSettings("h265"), (96, 62)),
        (VideoSettings("prores"), (95, 64)),
        (VideoSettings("dnxhr"), (128, 128)),
        (VideoSettings("av1"), (32, 32)),
        (VideoSettings("vp9", "10bit"), (96, 64)),
        (VideoSettings("h264", quality=52), (96, 64)),
        (VideoSettings("ffv1", quality=3), (96, 64)),
        (VideoSettings(preset="hasty"), (96, 64)),
    ],
)
def test_what_a_codec_does_not_take_is_refused(tmp_path: Path, settings: VideoSettings, size: tuple[int, int]) -> None:
    problems = list(VIDEO_CODECS[settings.codec].misfits(settings, *size))
    assert len(problems) == 1
    with pytest.raises(ValueError, match=r".+") as refusal:
        VideoWriter(tmp_path / "x", *size, Fraction(24), settings)
    assert str(refusal.value) == problems[0][1]
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(("codec", "profile"), STREAMS)
def test_the_smallest_pictures_and_odd_shapes_are_written(tmp_path: Path, codec: str, profile: str) -> None:
    settings = VideoSettings(codec, profile)
    width, height = VIDEO_CODECS[codec].minimum
    for size in ((width, height), (width + 2, height + 6), (max(width, 34), max(height, 62)), (8 * width + 2, height)):
        with VideoWriter(tmp_path / "s", *size, Fraction(24), settings) as writer:
            for index in range(3):
                writer.write(np.full((size[1], size[0], 3), 60 * index, np.uint8))
        frames = decode_all(tmp_path / "s")
        assert [(frame.width, frame.height) for frame in frames] == [size] * 3


@pytest.mark.parametrize("fps", [Fraction(1), Fraction(240), Fraction(1001, 1000), Fraction(12345, 678)])
@pytest.mark.parametrize("codec", list(VIDEO_CODECS))
def test_odd_rates_are_kept(tmp_path: Path, codec: str, fps: Fraction) -> None:
    path = write(tmp_path / "s", VideoSettings(codec), 5, fps)
    assert from_rational(probe(path).video_streams[0].frame_rate) == fps


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    for arguments in ({"fps": Fraction(0)}, {"height": 0}):
        settings: dict[str, Any] = {"width": 96, "height": 64, "fps": Fraction(24), **arguments}
        with pytest.raises(ValueError, match="no video"):
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
