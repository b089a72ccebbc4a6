"""What HDR10 movies say of their light: read back by this FFmpeg's libraries and by another one's tool."""

from __future__ import annotations

import contextlib
import re
import struct
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from libs.frames import video_decoder
from libs.frames.codecs import VIDEO_CODECS, VideoSettings
from libs.frames.decoded import frame_hashes
from libs.frames.deliveries import LightLevel, Mastering
from libs.frames.errors import MediaUnreadable, MediaUnsupported
from libs.frames.isobmff import read_movie
from libs.frames.join import join_segments
from libs.frames.light_bitstream import hevc_configuration
from libs.frames.light_metadata import tell_light, told_light
from libs.frames.payload import video_payload
from libs.frames.probe import probe
from libs.frames.video_writer import VideoWriter

RATE = Fraction(24000, 1001)
MASTERING = Mastering("rec2020", 4000.0, 0.005)
MADE = [
    (codec, profile, container)
    for codec, profile in (("h265", "10bit"), ("av1", "10bit"), ("prores", "4444"), ("dnxhr", "hqx"))
    for container in VIDEO_CODECS[codec].containers
]


def segments(folder: Path, codec: str, profile: str, lights: Sequence[LightLevel], color: str = "hdr10") -> list[Path]:
    """One for each light, of five frames in two groups of pictures."""
    rng = np.random.default_rng(5)
    paths = []
    for number, light in enumerate(lights):
        paths.append(folder / f"{color}{number}")
        settings = VideoSettings(codec, profile, color=color, mastering=MASTERING)
        with VideoWriter(paths[-1], 256, 128, RATE, settings, keyframe_seconds=0.125) as writer:
            for index in range(5):
                filled = writer.blank()
                for plane in filled.planes:
                    plane[:] = rng.integers(64, 900, (plane.shape[0] // 16, 1)).repeat(16, axis=0)
                # In any order, some frames brighter than others.
                filled.light = LightLevel(light.brightest - index, light.average * (index + 1) / 5)
                writer.append(filled)
    return paths


def dumped(path: Path) -> tuple[str, str]:
    """What FFmpeg's own tool says of a file's header, and of each of its frames."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "verbose", "-i", str(path), "-vf", "showinfo", "-f", "null", "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    header, _, frames = text.partition("Stream mapping:")
    return header, frames


@pytest.mark.parametrize(("codec", "profile", "container"), MADE)
def test_a_movie_tells_of_its_brightest_segment(tmp_path: Path, codec: str, profile: str, container: str) -> None:
    paths = segments(tmp_path, codec, profile, [LightLevel(811.6, 90.2), LightLevel(1203.2, 70), LightLevel(30, 12)])
    assert [told_light(path) for path in paths] == [LightLevel(812, 90), LightLevel(1203, 70), LightLevel(30, 12)]
    out = tmp_path / f"out.{container}"
    joined = join_segments(paths, None, out, RATE, container)
    assert joined.light == LightLevel(1203, 90)
    assert frame_hashes(out) == [name for path in paths for name in frame_hashes(path)]
    assert video_payload(out) == joined.payload

    stream = probe(out).video_streams[0]
    levels = stream.content_light
    assert (levels.max_content_light, levels.max_frame_average_light) == (1203, 90)
    expected = [0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290]
    assert list(stream.mastering_display.chromaticities) == pytest.approx(expected, abs=2e-5)
    assert stream.mastering_display.peak == pytest.approx(4000)
    assert stream.mastering_display.black == pytest.approx(0.005, abs=1e-4)
    tags = (stream.color_primaries, stream.color_transfer, stream.color_matrix, stream.color_range)
    assert tags == ("bt2020", "smpte2084", "bt2020nc", "tv")
    assert stream.chroma_location == ("topleft" if codec in ("h265", "av1") else "left")

    header, frames = dumped(out)
    assert "MaxCLL=1203, MaxFALL=90" in header, "the container tells"
    assert "max_luminance=4000.0" in header
    assert re.search(r"tv, bt2020nc/bt2020/smpte2084" if codec != "prores" else "bt2020nc/bt2020/smpte2084", header)
    told = re.findall(r"MaxCLL=(\d+), MaxFALL=(\d+)", frames)
    assert len(told) >= 15, "and so does every frame"
    assert set(told) == {("1203", "90")}


@pytest.mark.parametrize("codec", ["h265", "av1"])
@pytest.mark.parametrize("light", [(0, 0), (1, 0), (256, 1), (3, 3), (65535, 768)])
def test_any_number_is_told_in_the_stream_itself(tmp_path: Path, codec: str, light: tuple[int, int]) -> None:
    """Zeros and small numbers look like the start of a unit in H.265, and have to be written another way."""
    path = segments(tmp_path, codec, "10bit", [LightLevel(9, 9)])[0]
    tell_light(path, MASTERING, LightLevel(*light))
    join_segments([path], None, tmp_path / "out.mkv", RATE, "mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        # A decoder that is given nothing but the packets.
        decoder = av.CodecContext.create("libdav1d" if codec == "av1" else "hevc", "r")
        if codec == "h265":
            decoder.extradata = stream.codec_context.extradata
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]  # type: ignore[attr-defined]
    found = [bytes(data) for frame in frames for data in frame.side_data if data.type.name == "CONTENT_LIGHT_LEVEL"]
    assert found == [np.array(light, np.uint32).tobytes()] * 5


def test_a_configuration_tells_once(tmp_path: Path) -> None:
    (path,) = segments(tmp_path, "h265", "10bit", [LightLevel(100, 10)])
    movie = read_movie(path)
    assert movie is not None
    box = movie.entry.child(b"hvcC")
    assert box is not None
    once = hevc_configuration(box.data, LightLevel(100, 10))
    assert hevc_configuration(once, LightLevel(100, 10)) == once
    assert len(hevc_configuration(once, LightLevel(200, 20))) == len(once)


def test_movies_of_other_colours_tell_nothing(tmp_path: Path) -> None:
    for color in ("rec709", "rec2020", "hlg"):
        paths = segments(tmp_path, "h265", "10bit", [LightLevel(700, 70)], color)
        joined = join_segments(paths, None, tmp_path / "out.mp4", RATE)
        stream = probe(tmp_path / "out.mp4").video_streams[0]
        assert joined.light is None
        assert not stream.HasField("content_light")
        assert not stream.HasField("mastering_display")


def test_segments_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    told = segments(tmp_path, "prores", "422hq", [LightLevel(700, 70)])
    silent = segments(tmp_path, "prores", "422hq", [LightLevel(700, 70)], "rec709")
    with pytest.raises(MediaUnsupported, match="does not tell how bright it is"):
        join_segments([*told, *silent], None, tmp_path / "out.mov", RATE, "mov")
    with pytest.raises(MediaUnsupported, match="no place for what HDR10 tells"):
        tell_light(segments(tmp_path, "ffv1", "10bit", [LightLevel()], "hlg")[0], MASTERING, LightLevel(1, 1))


def test_brighter_than_metadata_can_be_is_the_brightest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Matroska has room for any number."""
    monkeypatch.setattr(video_decoder, "levels_of", lambda frame: LightLevel(4e9, 3e9))
    (path,) = segments(tmp_path, "prores", "422hq", [LightLevel(700, 70)])
    levels = probe(path).video_streams[0].content_light
    assert (levels.max_content_light, levels.max_frame_average_light) == (65535, 65535)


def test_boxes_within_boxes_end(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    for kinds in ((b"trak",), (b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"moov")):
        nested = b""
        for number in range(20_000):
            kind = kinds[-1 - number % len(kinds)]
            body = bytes(8) + nested if kind == b"stsd" else bytes(78) + nested if kind == b"moov" else nested
            nested = struct.pack(">I4s", 8 + len(body), kind) + body
        header = struct.pack(">I4s8x", 16, b"ftyp")
        path.write_bytes(header + struct.pack(">I4s", 8 + len(nested), b"moov") + nested)
        with contextlib.suppress(MediaUnreadable):
            told_light(path)


def test_a_header_whose_boxes_do_not_fit_is_refused(tmp_path: Path) -> None:
    (path,) = segments(tmp_path, "prores", "422hq", [LightLevel(700, 70)])
    data = bytearray(path.read_bytes())
    place = data.rindex(b"stbl") - 4
    data[place : place + 4] = (2**31).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(MediaUnreadable, match="do not fit into each other"):
        told_light(path)


@pytest.mark.parametrize(
    ("codec", "box", "place", "bytes_there"),
    [
        ("h265", b"hvcC", 4 + 22 + 1 + 3, b"\xff\xff"),
        ("h265", b"mdat", 4, b"\xff\xff\xff\xff"),
        ("av1", b"mdcv", 4, b"\xff\xff"),
        ("av1", b"mdat", 4, b"\x12\xff\xff\xff"),
    ],
)
def test_lengths_that_are_wrong_are_told_as_damage(
    tmp_path: Path, codec: str, box: bytes, place: int, bytes_there: bytes
) -> None:
    (path,) = segments(tmp_path, codec, "10bit", [LightLevel(700, 70)])
    data = bytearray(path.read_bytes())
    at = data.rindex(box) + place
    data[at : at + len(bytes_there)] = bytes_there
    path.write_bytes(data)
    with pytest.raises(MediaUnreadable, match="damaged"):
        join_segments([path], None, tmp_path / "out.mp4", RATE)


@pytest.mark.parametrize(
    ("codec", "profile", "color", "field"),
    [
        ("h264", "", "hdr10", "color"),
        ("vp9", "", "hlg", "color"),
        ("h265", "8bit", "hdr10", "profile"),
        ("ffv1", "10bit", "hdr10", "color"),
        ("h265", "", "hdr11", "color"),
    ],
)
def test_colours_that_a_codec_does_not_carry_are_refused(codec: str, profile: str, color: str, field: str) -> None:
    problems = dict(VIDEO_CODECS[codec].misfits(VideoSettings(codec, profile, color=color), 256, 128))
    assert list(problems) == [field]


def test_a_profile_with_bits_enough_is_chosen() -> None:
    codecs = ("h265", "av1", "dnxhr", "prores", "ffv1")
    chosen = {name: VIDEO_CODECS[name].chosen(VideoSettings(name, color="hlg")) for name in codecs}
    assert chosen == {"h265": "10bit", "av1": "10bit", "dnxhr": "hqx", "prores": "422hq", "ffv1": "10bit"}
    assert VIDEO_CODECS["h265"].chosen(VideoSettings("h265")) == "8bit"
