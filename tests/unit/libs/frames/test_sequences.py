"""Sequences of stills: what they say of themselves, hostile ones, and reading them from several threads."""

from __future__ import annotations

import os
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from artifex.media.v1.messages_pb2 import FrameRange
from artifex.nodes import Window
from artifex.stills import MAX_MEMBER_BYTES
from libs.frames.containers import Limits
from libs.frames.errors import MediaError, MediaTruncated, MediaUnreadable, MediaUnsupported
from libs.frames.sequence_picture import sequence_picture
from libs.frames.sequence_probe import probe_sequence
from libs.frames.sequence_reader import SequenceReader
from libs.frames.still_colour import AP0, REC709, convert, to_light
from tests.support.stills import noise, packed, write_still


def stills(folder: Path, *numbers: int, name: str = "s.{:03}.exr", **how: Any) -> list[Path]:
    return [write_still(folder / name.format(number), noise(number, 24, 16), **how) for number in numbers]


def test_a_probe_tells_all_of_it(tmp_path: Path) -> None:
    tags = {"framesPerSecond": (24000, 1001), "chromaticities": AP0, "compression": "zips", "PixelAspectRatio": 2.0}
    info = probe_sequence(packed(tmp_path / "s", stills(tmp_path, 8, 9, 12, tags=tags)))
    sequence, stream = info.sequence, info.video_streams[0]
    assert (info.format, sequence.pattern, sequence.first_frame, sequence.last_frame) == ("zip", "s.###.exr", 8, 12)
    assert (sequence.still_count, list(sequence.missing)) == (3, [FrameRange(first=10, last=11)])
    assert list(sequence.channels) == ["R", "G", "B", "A"]
    assert (sequence.pixel_type, sequence.encoding, sequence.premultiplied) == ("half", "linear", True)
    np.testing.assert_allclose(sequence.chromaticities, AP0, atol=1e-6)
    assert (stream.codec, stream.profile, stream.width, stream.height) == ("exr", "zips", 24, 16)
    assert (stream.frame_count, stream.has_alpha, stream.bit_depth) == (5, True, 16)
    assert (stream.frame_rate.numerator, stream.frame_rate.denominator) == (24000, 1001)
    assert Fraction(stream.duration.numerator, stream.duration.denominator) == Fraction(5 * 1001, 24000)
    assert (stream.sample_aspect_ratio.numerator, stream.sample_aspect_ratio.denominator) == (2, 1)


@pytest.mark.parametrize(
    ("name", "kind", "tags", "encoding", "pixel_type"),
    [
        ("s.{:03}.dpx", "uint16", {"oiio:BitsPerSample": 10, "dpx:Transfer": "Printing density"}, "cineon", "uint10"),
        ("s.{:03}.dpx", "uint16", {"dpx:Transfer": "Linear"}, "linear", "uint16"),
        ("s.{:03}.dpx", "uint8", {"dpx:Transfer": "ITU-R 709-4"}, "display", "uint8"),
        ("s.{:03}.dpx", "uint8", {}, "display", "uint8"),
        ("s.{:03}.tif", "uint16", {}, "display", "uint16"),
        ("s.{:03}.tif", "float", {}, "display", "float"),
        ("s.{:03}.png", "uint16", {}, "srgb", "uint16"),
        ("s.{:03}.exr", "float", {}, "linear", "float"),
    ],
)
def test_what_numbers_mean(
    tmp_path: Path, name: str, kind: str, tags: dict[str, object], encoding: str, pixel_type: str
) -> None:
    sequence = probe_sequence(packed(tmp_path / "s", stills(tmp_path, 1, 2, name=name, kind=kind, tags=tags))).sequence
    assert (sequence.encoding, sequence.pixel_type) == (encoding, pixel_type)


def test_an_aces_container_is_ap0(tmp_path: Path) -> None:
    path = packed(tmp_path / "s", stills(tmp_path, 1, tags={"acesImageContainerFlag": 1, "compression": "none"}))
    np.testing.assert_allclose(probe_sequence(path).sequence.chromaticities, AP0, atol=1e-6)


def test_a_named_space_is_known_where_no_chromaticities_are_told(tmp_path: Path) -> None:
    path = packed(tmp_path / "s", stills(tmp_path, 1, tags={"colorInteropID": "lin_ap0_scene"}))
    assert tuple(probe_sequence(path).sequence.chromaticities) == AP0
    path = packed(
        tmp_path / "t", stills(tmp_path, 1, tags={"colorInteropID": "lin_ap0_scene", "chromaticities": REC709})
    )
    np.testing.assert_allclose(probe_sequence(path).sequence.chromaticities, REC709, atol=1e-6)


def test_one_still_alone_is_a_sequence_of_one(tmp_path: Path) -> None:
    (still,) = stills(tmp_path, 42)
    info = probe_sequence(still, "plate.0042.exr")
    assert (info.format, info.sequence.pattern) == ("still", "plate.0042.exr")
    assert (info.sequence.first_frame, info.sequence.last_frame) == (42, 42)
    with SequenceReader(still) as reader:
        np.testing.assert_array_equal(reader.read(42, ("G",)).samples[..., 0], noise(42, 24, 16)[..., 1])


Spoil = Callable[[Path], Path]


def _zip(path: Path, names: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in names.items():
            archive.writestr(name, data)
    return path


def _still(folder: Path, name: str, width: int = 24, channels: int = 4, kind: str = "half") -> bytes:
    return write_still(folder / name, noise(1, width, 16, channels), kind).read_bytes()


def _bomb(folder: Path) -> bytes:
    """A header that promises a picture of 16,000 by 16,000."""
    data = bytearray(_still(folder, "a.1.png", kind="uint8"))
    data[16:24] = (16_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def _no_text(folder: Path) -> bytes:
    """A channel whose name is no UTF-8."""
    data = bytearray(_still(folder, "a.1.exr"))
    place = data.index(b"chlist\0") + 11
    assert data[place : place + 2] == b"A\0"
    data[place] = 0xFF
    return bytes(data)


SPOILT: dict[str, tuple[Spoil, type[MediaError], str]] = {
    "folders": (lambda f: _zip(f / "z", {"../a.1.exr": b"x"}), MediaUnsupported, "no name of a numbered still"),
    "others": (lambda f: _zip(f / "z", {"a.1.sh": b"x"}), MediaUnsupported, "no name of a numbered still"),
    "nothing": (lambda f: _zip(f / "z", {}), MediaUnsupported, "holds no stills"),
    "empty": (lambda f: _zip(f / "z", {"a.1.exr": b""}), MediaTruncated, "a.1.exr is empty"),
    "packed": (lambda f: _zip(f / "z", {"a.1.exr": b"x" * 99}, zipfile.ZIP_DEFLATED), MediaUnreadable, "is compressed"),
    "two": (lambda f: _zip(f / "z", {"a.1.exr": b"x", "b.1.exr": b"x"}), MediaUnsupported, "different sequences"),
    "twice": (lambda f: _zip(f / "z", {"a.1.exr": b"x", "a.01.exr": b"x"}), MediaUnsupported, "the same number"),
    "far": (lambda f: _zip(f / "z", {"a.1.exr": b"x", "a.9000000.exr": b"x"}), MediaUnsupported, "span more than"),
    "text": (lambda f: _zip(f / "z", {"a.1.exr": b"no picture at all"}), MediaUnreadable, "is no OpenEXR, DPX"),
    "sizes": (
        lambda f: _zip(f / "z", {"a.1.exr": _still(f, "a.1.exr"), "a.2.exr": _still(f, "a.2.exr", 30)}),
        MediaUnsupported, "a.2.exr is 30x16, and a.1.exr is 24x16",
    ),
    "channels": (
        lambda f: _zip(f / "z", {"a.1.exr": _still(f, "a.1.exr"), "a.2.exr": _still(f, "a.2.exr", 24, 3)}),
        MediaUnsupported, "different channels: A",
    ),
    "kinds": (
        lambda f: _zip(f / "z", {"a.1.exr": _still(f, "a.1.exr"), "a.2.exr": _still(f, "b.2.tif", kind="uint8")}),
        MediaUnsupported, "a.2.exr is a tiff file",
    ),
    "bomb": (lambda f: _zip(f / "z", {"a.1.png": _bomb(f)}), MediaUnsupported, "larger than what is taken"),
    "cut still": (lambda f: _zip(f / "z", {"a.1.exr": _still(f, "a.1.exr")[:900]}), MediaUnreadable, "a.1.exr"),
    "no text": (lambda f: _zip(f / "z", {"a.1.exr": _no_text(f)}), MediaUnreadable, "what is no text"),
    "cut header": (lambda f: _zip(f / "z", {"a.1.dpx": b"SDPX" + bytes(100)}), MediaUnreadable, "a.1.dpx"),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILT)
def test_hostile_files_are_typed_errors(tmp_path: Path, case: str) -> None:
    spoil, kind, words = SPOILT[case]
    with pytest.raises(MediaError) as caught:
        probe_sequence(spoil(tmp_path))
    assert type(caught.value) is kind
    assert words in caught.value.message


def test_a_cut_upload_is_truncated(tmp_path: Path) -> None:
    whole = packed(tmp_path / "s", stills(tmp_path, 1, 2, 3)).read_bytes()
    for length in (len(whole) - 10, len(whole) // 2, 40):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(MediaTruncated):
            probe_sequence(tmp_path / "cut")


def test_limits_are_the_callers(tmp_path: Path) -> None:
    path = packed(tmp_path / "s", stills(tmp_path, 1))
    with pytest.raises(MediaUnsupported, match="24x16: larger"):
        probe_sequence(path, limits=Limits(max_pixels=300))


def test_large_stills_are_read_by_their_headers(tmp_path: Path) -> None:
    """Of all but the first only headers are read; those of TIFF stand at the end."""
    for name, kind in (("s.{:03}.exr", "half"), ("s.{:03}.tif", "uint16"), ("s.{:03}.dpx", "uint16")):
        plain = {"compression": "none"}
        places = [tmp_path / name.format(number) for number in (1, 2)]
        files = [write_still(place, noise(1, 400, 400), kind, tags=plain) for place in places]
        assert files[1].stat().st_size > 1_000_000
        info = probe_sequence(packed(tmp_path / "z", files))
        assert (info.sequence.still_count, info.video_streams[0].width) == (2, 400)


def test_threads_share_what_is_decoded(tmp_path: Path) -> None:
    path = packed(tmp_path / "s", stills(tmp_path, *range(1, 9)))
    with SequenceReader(path, together=2) as reader, ThreadPoolExecutor(4) as pool:
        wanted = [number for number in range(1, 9) for _ in range(4)]
        found = list(pool.map(lambda number: reader.read(number, ("R", "G", "B", "A")), wanted))
    for number, pixels in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(pixels.samples, noise(number, 24, 16))
        assert pixels.window == Window(0, 0, 24, 16)
    assert len({id(pixels.samples) for pixels in found}) < len(found)


def test_channels_come_in_the_order_asked_for(tmp_path: Path) -> None:
    path = packed(tmp_path / "s", stills(tmp_path, 1))
    with SequenceReader(path) as reader:
        samples = reader.read(1, ("A", "R")).samples
        np.testing.assert_array_equal(samples, noise(1, 24, 16)[..., [3, 0]])
        with pytest.raises(MediaUnsupported, match="no channel Z; it has R, G, B, A"):
            reader.read(1, ("Z",))
        with pytest.raises(KeyError):
            reader.read(2, ("R",))


def test_channels_far_apart_bring_none_of_those_between(tmp_path: Path) -> None:
    """Memory is that of what is asked for, whatever else a renderer wrote."""
    samples = noise(1, 200, 200, 60)
    still = write_still(tmp_path / "a.1.exr", samples, channels=[f"c{number:02}" for number in range(60)])
    with SequenceReader(packed(tmp_path / "s", [still])) as reader:
        tracemalloc.start()
        found = reader.read(1, ("c58", "c02")).samples
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    np.testing.assert_array_equal(found, samples[..., [58, 2]])
    assert most < samples.nbytes / 4


def test_a_picture_to_look_at(tmp_path: Path) -> None:
    samples = np.full((16, 24, 4), 0.18, np.float32)
    samples[..., 3] = 1.0
    path = packed(tmp_path / "s", [write_still(tmp_path / "a.1.exr", samples)])
    picture, aspect = sequence_picture(path, Fraction(0))
    np.testing.assert_allclose(picture[..., :3], 0.18 ** (1 / 2.4), atol=1e-3)
    assert aspect == 1


@pytest.mark.parametrize(
    "window", [Window(40, 3, 24, 16), Window(3, 150, 24, 16), Window(-30, 0, 24, 16), Window(12, 10, 24, 16)]
)
def test_of_a_picture_beyond_its_display_only_the_rest_is_seen(tmp_path: Path, window: Window) -> None:
    still = write_still(tmp_path / "a.1.exr", np.ones((16, 24, 4), np.float32), window=window, display=(20, 20))
    picture, _ = sequence_picture(packed(tmp_path / "s", [still]), Fraction(0))
    expected = np.zeros((20, 20), np.float32)
    expected[max(window.y, 0) : window.bottom, max(window.x, 0) : max(window.right, 0)] = 1
    np.testing.assert_array_equal(picture, np.repeat(expected[..., None], 4, axis=2))


@pytest.mark.parametrize("ending", ["exr", "png"])
@pytest.mark.parametrize(
    ("tag", "value"),
    [("Orientation", "abc"), ("chromaticities", "abcdefgh"), ("framesPerSecond", "24"), ("PixelAspectRatio", "wide"),
     ("framesPerSecond", (float("nan"), 1.0)), ("chromaticities", ("a",) * 8)],
)  # fmt: skip
def test_tags_of_another_type_than_usual_say_nothing(tmp_path: Path, ending: str, tag: str, value: object) -> None:
    spec = oiio.ImageSpec(24, 16, 3, "half" if ending == "exr" else "uint8")
    if isinstance(value, tuple):
        kind = "float" if isinstance(value[1], float) else "string"
        spec.attribute(tag, oiio.TypeDesc(f"{kind}[{len(value)}]"), value)
    else:
        spec.attribute(tag, value)
    target = oiio.ImageOutput.create(str(path := tmp_path / f"a.1.{ending}"))
    assert target is not None
    assert target.open(str(path), spec)
    assert target.write_image(noise(1, 24, 16, 3))
    target.close()
    info = probe_sequence(packed(tmp_path / "s", [path]))
    stream = info.video_streams[0]
    assert (stream.width, stream.height, stream.sample_aspect_ratio.numerator) == (24, 16, 1)
    assert not stream.HasField("frame_rate")
    assert not info.sequence.chromaticities


def test_a_still_alone_is_no_larger_than_one_of_many(tmp_path: Path) -> None:
    """It is copied to memory whole."""
    (still,) = stills(tmp_path, 1)
    os.truncate(still, MAX_MEMBER_BYTES + 1)
    with pytest.raises(MediaUnsupported, match="a still has at most"):
        probe_sequence(still)


def test_primaries_and_curves_are_the_published() -> None:
    # SMPTE ST 2065-1 and BT.709: the well-known matrix between them (Bradford), to five digits.
    expected = [[0.43963, 0.38299, 0.17738], [0.08978, 0.81344, 0.09678], [0.01754, 0.11155, 0.87091]]
    np.testing.assert_allclose(convert(REC709, AP0), expected, atol=2e-4)
    np.testing.assert_allclose(convert(REC709, REC709), np.eye(3), atol=1e-12)
    codes = np.array([95, 445, 685], np.float32) / np.float32(1023)
    # Kodak: black, the 18 % grey card, and the 90 % white.
    np.testing.assert_allclose(to_light(codes, "cineon"), [0.0, 0.15, 1.0], atol=0.01)


def test_a_header_may_be_long(tmp_path: Path) -> None:
    """Renderers list every object of a scene in it (Cryptomatte's manifests)."""
    manifest = {"manifest": "x" * 600_000, "compression": "none"}
    files = [write_still(tmp_path / f"m.{number}.exr", noise(1, 400, 400), tags=manifest) for number in (1, 2)]
    assert probe_sequence(packed(tmp_path / "z", files)).sequence.still_count == 2


def test_parts_are_layers(tmp_path: Path) -> None:
    """Two parts, each with its own data window, as OpenEXR 2 has them."""
    colour, depth = noise(1, 24, 16), noise(2, 8, 6, 1)
    specs = []
    for samples, name, channels, place in ((colour, "rgba", "RGBA", (0, 0)), (depth, "depth", "Z", (4, 5))):
        spec = oiio.ImageSpec(samples.shape[1], samples.shape[0], samples.shape[2], "half")
        spec.x, spec.y, spec.full_x, spec.full_y, spec.full_width, spec.full_height = *place, 0, 0, 24, 16
        spec.channelnames = tuple(channels)
        spec.attribute("oiio:subimagename", name)
        specs.append(spec)
    path = tmp_path / "p.1.exr"
    target = oiio.ImageOutput.create(str(path))
    assert target is not None
    assert target.open(str(path), tuple(specs)), target.geterror()
    assert target.write_image(colour)
    assert target.open(str(path), specs[1], "AppendSubimage"), target.geterror()
    assert target.write_image(depth)
    target.close()
    info = probe_sequence(packed(tmp_path / "z", [path]))
    assert list(info.sequence.channels) == ["R", "G", "B", "A", "depth.Z"]
    with SequenceReader(tmp_path / "z") as reader:
        near = reader.read(1, ("depth.Z",))
        assert near.window == Window(4, 5, 8, 6)
        np.testing.assert_array_equal(near.samples, depth)
        both = reader.read(1, ("G", "depth.Z"))
        assert both.window == Window(0, 0, 24, 16)
        np.testing.assert_array_equal(both.samples[..., 0], colour[..., 1])
        np.testing.assert_array_equal(both.samples[5:11, 4:12, 1], depth[..., 0])
        assert not both.samples[0, :, 1].any()


def test_parts_that_lie_far_apart_are_refused(tmp_path: Path) -> None:
    """What covers both would be of any size."""
    path = tmp_path / "p.1.exr"
    specs = []
    for name, place in (("here", 0), ("there", 90_000_000)):
        spec = oiio.ImageSpec(8, 8, 1, "half")
        spec.x = spec.y = place
        spec.full_width = spec.full_height = 8
        spec.attribute("oiio:subimagename", name)
        specs.append(spec)
    target = oiio.ImageOutput.create(str(path))
    assert target is not None
    assert target.open(str(path), tuple(specs)), target.geterror()
    assert target.write_image(noise(1, 8, 8, 1))
    assert target.open(str(path), specs[1], "AppendSubimage"), target.geterror()
    assert target.write_image(noise(1, 8, 8, 1))
    target.close()
    with pytest.raises(MediaUnsupported, match="lie too far apart"):
        probe_sequence(packed(tmp_path / "z", [path]))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_stills_stand_upright(tmp_path: Path, orientation: int) -> None:
    samples = noise(3, 24, 16, 3)
    still = write_still(tmp_path / "o.1.tif", samples, "float", tags={"Orientation": orientation})
    upright = oiio.ImageBufAlgo.reorient(oiio.ImageBuf(str(still)))
    expected = np.asarray(upright.get_pixels("float"), np.float32)
    path = packed(tmp_path / "z", [still])
    stream = probe_sequence(path).video_streams[0]
    assert (stream.height, stream.width) == expected.shape[:2]
    with SequenceReader(path) as reader:
        np.testing.assert_array_equal(reader.read(1, ("R", "G", "B")).samples, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_part_of_a_display_stands_upright_where_it_lies(tmp_path: Path, orientation: int) -> None:
    """As the whole does that has nothing around it."""
    samples, whole = noise(3, 24, 16, 3), np.zeros((30, 40, 3), np.float32)
    place = Window(5, 3, 24, 16)
    whole[3:19, 5:29] = samples
    tags = {"Orientation": orientation}
    part = write_still(tmp_path / "p.1.tif", samples, "float", tags=tags, window=place, display=(40, 30))
    full = write_still(tmp_path / "f.1.tif", whole, "float", tags=tags)
    np.testing.assert_array_equal(
        sequence_picture(packed(tmp_path / "p", [part]), Fraction(0))[0][..., :3],
        sequence_picture(packed(tmp_path / "f", [full]), Fraction(0))[0][..., :3],
    )
