"""Colours: published code values of the standards' colour bars, both ways, in every sample format."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from libs.frames.codecs import VideoSettings
from libs.frames.colour_tags import ColourTags, luma_weights, yuv_to_rgb
from libs.frames.pixels import PixelConverter
from libs.frames.video_reader import VideoReader
from libs.frames.video_writer import VideoWriter
from tests.unit.libs.frames.clips import make

COLOURS = {
    "white": (1, 1, 1),
    "yellow": (1, 1, 0),
    "cyan": (0, 1, 1),
    "green": (0, 1, 0),
    "magenta": (1, 0, 1),
    "red": (1, 0, 0),
    "blue": (0, 0, 1),
    "black": (0, 0, 0),
}
# 100 % bars: ITU-R BT.709 and BT.601 code values as the standards' tables of digital levels round them.
BT709_8 = [
    (235, 128, 128),
    (219, 16, 138),
    (188, 154, 16),
    (173, 42, 26),
    (78, 214, 230),
    (63, 102, 240),
    (32, 240, 118),
    (16, 128, 128),
]
BT601_8 = [
    (235, 128, 128),
    (210, 16, 146),
    (170, 166, 16),
    (145, 54, 34),
    (106, 202, 222),
    (81, 90, 240),
    (41, 240, 110),
    (16, 128, 128),
]
BT709_10 = [
    (940, 512, 512),
    (877, 64, 553),
    (754, 615, 64),
    (691, 167, 105),
    (313, 857, 919),
    (250, 409, 960),
    (127, 960, 471),
    (64, 512, 512),
]


def frame_of(pixel_format: str, codes: tuple[int, ...], width: int = 32, height: int = 16) -> VideoFrame:
    """A frame of one colour, its planes filled with code values."""
    frame = VideoFrame(width, height, pixel_format)
    deep = frame.format.components[0].bits > 8
    dtype: Any = np.uint16 if deep else np.uint8
    for plane, code in zip(frame.planes, codes, strict=True):
        plane.update(np.full(plane.buffer_size // np.dtype(dtype).itemsize, code, dtype).tobytes())
    return frame


@pytest.mark.parametrize(
    ("pixel_format", "matrix", "table", "step"),
    [
        ("yuv420p", "bt709", BT709_8, 219),
        ("yuv422p", "bt709", BT709_8, 219),
        ("yuv444p", "bt709", BT709_8, 219),
        ("yuv420p", "smpte170m", BT601_8, 219),
        ("yuv444p", "bt470bg", BT601_8, 219),
        ("yuv422p10le", "bt709", BT709_10, 876),
        ("yuv444p10le", "bt709", BT709_10, 876),
        ("yuv420p10le", "bt709", BT709_10, 876),
    ],
)
def test_the_standards_bars_decode_to_their_colours(
    pixel_format: str, matrix: str, table: list[tuple[int, ...]], step: int
) -> None:
    tags = ColourTags(matrix=matrix, range="tv")
    for colour, codes in zip(COLOURS.values(), table, strict=True):
        got = PixelConverter().to_rgba(frame_of(pixel_format, codes), tags)
        # Codes are rounded to half a step of luma and chroma each.
        assert np.abs(got - [*colour, 1]).max() < 1.8 / step
        assert np.ptp(got, axis=(0, 1)).max() < 1e-6, "one colour all over"


def test_untagged_pictures_are_601_below_high_definition_and_709_from_it_on() -> None:
    red = BT601_8[5]
    small = PixelConverter().to_rgba(frame_of("yuv420p", red, 720, 576), ColourTags())
    assert np.abs(small[0, 0, :3] - (1, 0, 0)).max() < 0.01
    large = PixelConverter().to_rgba(frame_of("yuv420p", BT709_8[5], 1280, 720), ColourTags())
    assert np.abs(large[0, 0, :3] - (1, 0, 0)).max() < 0.01


def test_full_range_is_taken_from_the_tag_or_the_format() -> None:
    for frame, tags in (
        (frame_of("yuv444p", (255, 128, 128)), ColourTags(range="pc")),
        (frame_of("yuvj444p", (255, 128, 128)), ColourTags()),
    ):
        assert np.abs(PixelConverter().to_rgba(frame, tags)[0, 0] - 1).max() < 1e-6
    grey = PixelConverter().to_rgba(frame_of("gray", (51,)), ColourTags())
    assert np.abs(grey[0, 0] - (0.2, 0.2, 0.2, 1)).max() < 1e-6
    limited = PixelConverter().to_rgba(frame_of("gray", (235,)), ColourTags(range="tv"))
    assert np.abs(limited[0, 0] - 1).max() < 1e-6


def test_ten_bits_keep_what_eight_cannot_hold() -> None:
    tags = ColourTags(matrix="bt709", range="tv")
    levels = {
        float(PixelConverter().to_rgba(frame_of("yuv420p10le", (code, 512, 512)), tags)[0, 0, 0])
        for code in range(400, 416)
    }
    assert len(levels) == 16


@given(
    st.sampled_from(["bt709", "smpte170m", "bt2020nc", "smpte240m", "fcc"]),
    st.sampled_from(["tv", "pc"]),
    st.floats(0, 1),
)
def test_the_matrices_keep_greys_and_weigh_to_one(matrix: str, range_: str, grey: float) -> None:
    assert sum(luma_weights(matrix)) == pytest.approx(1)
    code = grey * 255 if range_ == "pc" else 16 + grey * 219
    to_rgb = yuv_to_rgb(matrix, range_, 1.0)
    assert to_rgb[:, :3] @ [code, 128, 128] + to_rgb[:, 3] == pytest.approx([grey] * 3, abs=1e-9)


@pytest.mark.parametrize("pixel_format", ["rgb24", "bgr24", "rgba", "bgra", "argb", "rgb48le", "rgba64le"])
def test_rgb_is_read_without_any_loss(pixel_format: str) -> None:
    rng = np.random.default_rng(3)
    deep = "48" in pixel_format or "64" in pixel_format
    channels = 3 if pixel_format in ("rgb24", "bgr24", "rgb48le") else 4
    top = 65535 if deep else 255
    samples: Any = rng.integers(0, top + 1, (10, 12, channels)).astype(np.uint16 if deep else np.uint8)
    frame = VideoFrame.from_ndarray(samples, format=pixel_format)
    order = {"bgr24": [2, 1, 0], "bgra": [2, 1, 0, 3], "argb": [1, 2, 3, 0]}
    expected = samples[..., order.get(pixel_format, list(range(channels)))]
    got = PixelConverter().to_rgba(frame, ColourTags())
    assert np.array_equal(np.rint(got[..., : expected.shape[2]] * top), expected)
    if expected.shape[2] == 3:
        assert (got[..., 3] == 1).all()


@pytest.mark.parametrize(
    ("name", "arguments", "tolerance"),
    [
        ("prores.mov", {"codec": "prores_ks", "pixel_format": "yuva444p10le", "options": {"profile": "4444"}}, 0.02),
        ("vp9.webm", {"codec": "libvpx-vp9", "pixel_format": "yuva420p", "options": {"crf": "4", "b": "0"}}, 0.05),
        ("ffv1.mkv", {"codec": "ffv1", "pixel_format": "bgra"}, 1e-6),
        ("png.mov", {"codec": "png", "pixel_format": "rgba"}, 1e-6),
    ],
)
def test_transparency_comes_through(tmp_path: Path, name: str, arguments: dict[str, Any], tolerance: float) -> None:
    picture = np.zeros((64, 96, 4), np.uint8)
    picture[..., :3] = (200, 120, 40)
    picture[:, :32, 3], picture[:, 32:64, 3], picture[:, 64:, 3] = 0, 128, 255
    with VideoReader(make(tmp_path / name, [picture] * 3, **arguments)) as reader:
        assert reader.info.has_alpha
        got = reader.frame_at(Fraction(1, 24))
        for time in (Fraction(2, 24), Fraction(0)):
            assert np.abs(reader.frame_at(time) - got).max() < 0.02
    for column, alpha in ((16, 0), (48, 128 / 255), (80, 1)):
        assert abs(float(got[32, column, 3]) - alpha) < tolerance
    assert np.abs(got[32, 80, :3] - np.array([200, 120, 40]) / 255).max() < max(tolerance, 0.004) + 0.02


def test_chroma_lies_where_the_stream_says(tmp_path: Path) -> None:
    # H.264's 4:2:0 has its chroma on the even columns: a red step after an even column stays where it was.
    ramp = np.zeros((32, 64, 3), np.float32)
    ramp[..., 0] = np.linspace(0.2, 0.8, 64, dtype=np.float32)[None, :]
    ramp[..., 1:] = 0.5
    with VideoWriter(tmp_path / "ramp.mp4", 64, 32, Fraction(24), VideoSettings(quality=1)) as writer:
        writer.write(ramp)
    with VideoReader(tmp_path / "ramp.mp4") as reader:
        got = reader.frame_at(Fraction(0))[16, 8:-8, :3]
    # Half a pixel of misplaced chroma would be an error of 0.0048 * 1.57 of one sign; rounding has both signs.
    assert abs(float((got - ramp[16, 8:-8]).mean(axis=0)[0])) < 0.0015
