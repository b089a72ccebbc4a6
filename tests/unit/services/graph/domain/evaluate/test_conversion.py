"""Decoded frames to light, against float64 arithmetic by the standards' formulas and against OCIO without shortcuts."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import PyOpenColorIO as ocio
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from artifex.nodes import Window
from libs.frames.colour_tags import ColourTags
from libs.frames.orientation import Orientation
from libs.frames.planes import planes_of
from libs.frames.probe import probe
from libs.frames.read_ahead import Decoded
from libs.frames.video_decoder import VideoDecoder, VideoInfo
from services.graph.domain.evaluate.colour import DISPLAY, WorkingColour, config
from services.graph.domain.evaluate.conversion import FrameConverter
from services.graph.domain.evaluate.sources import FileSource, SourceFile
from tests.unit.libs.frames.clips import Bytes, make

WIDTH, HEIGHT = 70, 38

# Kr and Kb of ITU-R BT.709, BT.601 and BT.2020.
LUMA = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593)}


def described(frame: VideoFrame, tags: ColourTags, orientation: Orientation = Orientation()) -> VideoInfo:  # noqa: B008
    width, height = frame.width, frame.height
    if orientation.swaps_sides:
        width, height = height, width
    return VideoInfo(
        index=0, codec="h264", pixel_format=frame.format.name, bit_depth=8, width=width, height=height,
        fps=Fraction(24), frame_count=1, duration=None, time_base=Fraction(1, 24), start_time=Fraction(0),
        orientation=orientation, sample_aspect_ratio=Fraction(1), tags=tags, siting="left",
        has_alpha=any(component.is_alpha for component in frame.format.components), interlaced=False,
    )  # fmt: skip


def converted(
    frame: VideoFrame, tags: ColourTags, space: str = "ACEScg", region: Window | None = None, *, slow: bool = False
) -> Any:
    info = described(frame, tags)
    planes = None if slow else planes_of(frame, tags, "left")
    assert slow or planes is not None
    return FrameConverter(info, WorkingColour(space)).convert(Decoded(frame, planes), region)


def filled(
    pixel_format: str, seed: int, luma: tuple[int, int] = (16, 236), size: tuple[int, int] = (WIDTH, HEIGHT)
) -> tuple[VideoFrame, list[NDArray[np.int64]]]:
    """A frame of random codes, luma and alpha in this range of 8 bits and chroma of low saturation, and its planes."""
    frame = VideoFrame(*size, pixel_format)
    random = np.random.default_rng(seed)
    depth = frame.format.components[0].bits
    dtype: Any = np.uint8 if depth <= 8 else np.uint16
    codes = []
    for index, plane in enumerate(frame.planes):
        samples = np.frombuffer(memoryview(plane), dtype).reshape(-1, plane.line_size // np.dtype(dtype).itemsize)
        shape = (plane.height, plane.width * (2 if pixel_format == "nv12" and index == 1 else 1))
        low, high = luma if index in (0, 3) else (108, 149)
        values = random.integers(low << (depth - 8), high << (depth - 8), shape)
        samples[: shape[0], : shape[1]] = values
        codes.append(values)
    return frame, codes


def spread(plane: NDArray[np.int64], across: int, down: int) -> NDArray[np.float64]:
    """Chroma on the luma grid: on even columns across, half-way between two lines down; linear, edges repeated."""
    y, x = np.arange(HEIGHT), np.arange(WIDTH)
    rows = (y - 0.5) / 2 if down else y.astype(float)
    columns = x / 2 if across else x.astype(float)
    rows, columns = np.clip(rows, 0, plane.shape[0] - 1), np.clip(columns, 0, plane.shape[1] - 1)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    bottom, right = np.minimum(top + 1, plane.shape[0] - 1), np.minimum(left + 1, plane.shape[1] - 1)
    v, u = (rows - top)[:, None], (columns - left)[None]
    upper = plane[top][:, left] * (1 - u) + plane[top][:, right] * u
    lower = plane[bottom][:, left] * (1 - u) + plane[bottom][:, right] * u
    return np.asarray(upper * (1 - v) + lower * v, np.float64)


def signal(
    planes: list[NDArray[np.int64]], matrix: str, depth: int, across: int, down: int, *, full: bool
) -> NDArray[np.float64]:
    """R'G'B' by ITU-T H.273, in float64."""
    kr, kb = LUMA[matrix]
    step, peak = 2.0 ** (depth - 8), 2.0**depth - 1
    luma = planes[0] / peak if full else (planes[0] - 16 * step) / (219 * step)
    cb, cr = ((spread(plane, across, down) - 128 * step) / (peak if full else 224 * step) for plane in planes[1:3])
    red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    return np.stack([red, (luma - kr * red - kb * blue) / (1 - kr - kb), blue], axis=-1)


def to_working(linear: str, space: str) -> NDArray[np.float64]:
    processor = config().getProcessor(linear, space).getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE)
    return np.array([processor.applyRGBA([*row, 1.0])[:3] for row in np.eye(3).tolist()]).T


FORMATS = {
    "yuv420p": (8, 1, 1), "yuv422p": (8, 1, 0), "yuv444p": (8, 0, 0), "yuvj420p": (8, 1, 1), "yuv420p10le": (10, 1, 1),
    "yuv422p10le": (10, 1, 0), "yuv444p12le": (12, 0, 0), "yuv422p16le": (16, 1, 0), "nv12": (8, 1, 1),
}  # fmt: skip


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("matrix", LUMA)
@pytest.mark.parametrize("range_", ["tv", "pc"])
def test_codes_become_the_light_that_the_standards_say(pixel_format: str, matrix: str, range_: str) -> None:
    depth, across, down = FORMATS[pixel_format]
    frame, codes = filled(pixel_format, 7)
    if pixel_format == "nv12":
        codes = [codes[0], codes[1][:, 0::2], codes[1][:, 1::2]]
    primaries = "bt2020" if matrix == "bt2020nc" else "bt709"
    full = range_ == "pc" or pixel_format == "yuvj420p"
    encoded = signal(codes, matrix, depth, across, down, full=full)
    linear = "Linear Rec.2020" if primaries == "bt2020" else "Linear Rec.709 (sRGB)"
    expected = np.maximum(encoded, 0) ** 2.4 @ to_working(linear, "ACEScg").T
    frame_of = converted(frame, ColourTags(primaries, "", matrix, range_))
    assert frame_of.opaque
    np.testing.assert_allclose(frame_of.pixels[..., :3], expected, atol=1e-5, rtol=1e-5)
    assert (frame_of.pixels[..., 3] == 1).all()


def gain(factor: float) -> Any:
    return ocio.MatrixTransform([factor, 0, 0, 0, 0, factor, 0, 0, 0, 0, factor, 0, 0, 0, 0, 1])


GAMMA = ocio.ExponentTransform(value=[2.4, 2.4, 2.4, 1])
PQ = [ocio.BuiltinTransform("CURVE - ST-2084_to_LINEAR"), gain(100 / 203)]
HLG = [ocio.BuiltinTransform("CURVE - HLG-OETF-INVERSE"), gain(1 / 0.794887)]
ORACLES: dict[tuple[str, str], tuple[list[Any], str]] = {
    ("bt709", "bt709"): ([], DISPLAY),
    ("", ""): ([], DISPLAY),
    ("smpte170m", "smpte170m"): ([], DISPLAY),
    ("linear", "bt709"): ([], "Linear Rec.709 (sRGB)"),
    ("bt470m", ""): ([], "Gamma 2.2 Encoded Rec.709"),
    ("iec61966-2-1", "bt709"): ([], "sRGB Encoded Rec.709 (sRGB)"),
    ("iec61966-2-1", "smpte432"): ([], "sRGB Encoded P3-D65"),
    ("bt709", "smpte432"): ([GAMMA], "Linear P3-D65"),
    ("bt2020-10", "bt2020"): ([GAMMA], "Linear Rec.2020"),
    ("smpte2084", "bt2020"): (PQ, "Linear Rec.2020"),
    ("smpte2084", ""): (PQ, "Linear Rec.2020"),
    ("arib-std-b67", "bt2020"): (HLG, "Linear Rec.2020"),
}
"""By transfer and primaries: curves to apply, and the configuration's space that the result, or the signal, is in."""


@pytest.mark.parametrize(("transfer", "primaries"), ORACLES)
@pytest.mark.parametrize("space", ["ACEScg", "Linear Rec.709 (sRGB)"])
def test_every_transfer_and_primaries_agree_with_ocio(transfer: str, primaries: str, space: str) -> None:
    """The oracle: the signal in float64, then OCIO at full precision, by the configuration's own spaces."""
    frame, codes = filled("yuv444p", 3)
    light = np.ones((HEIGHT, WIDTH, 4), np.float32)
    light[..., :3] = np.clip(signal(codes, "bt709", 8, 0, 0, full=False), 0, 1)
    curves, source = ORACLES[transfer, primaries]
    whole = ocio.GroupTransform([*curves, ocio.ColorSpaceTransform(source, space)])
    config().getProcessor(whole).getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE).applyRGBA(light)
    result = converted(frame, ColourTags(primaries, transfer, "bt709", "tv"), space).pixels[..., :3]
    inside = (signal(codes, "bt709", 8, 0, 0, full=False) <= 1).all(axis=-1)
    scale = max(1.0, float(light[..., :3].max()))
    np.testing.assert_allclose(result[inside], light[inside][:, :3], atol=1e-5 * scale, rtol=1e-5)


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv422p10le", "bgr0", "rgb48le", "gbrp", "gbrp12le"])
def test_the_slow_way_by_libswscale_and_ocio_agrees(pixel_format: str) -> None:
    """Frames of one chroma, since libswscale spreads chroma by cubics; all that differs is OCIO's fast power."""
    frame, _ = filled(pixel_format, 5, (60, 190))
    if pixel_format.startswith("yuv"):
        for plane in frame.planes[1:]:
            deep = "10" in pixel_format
            codes: Any = np.full(plane.buffer_size // (2 if deep else 1), 520 if deep else 140)
            plane.update(codes.astype(np.uint16 if deep else np.uint8).tobytes())
    tags = ColourTags("bt709", "bt709", "" if "yuv" not in pixel_format else "bt709", "tv")
    fast, slow = converted(frame, tags), converted(frame, tags, slow=True)
    np.testing.assert_allclose(np.minimum(fast.pixels, 1), np.minimum(slow.pixels, 1), atol=1e-4)


def test_whiter_than_white_is_kept_and_blacker_than_black_is_black() -> None:
    frame, codes = filled("yuv444p", 1, (0, 256))
    for plane in frame.planes[1:]:
        plane.update(np.full(plane.buffer_size, 128, np.uint8).tobytes())
    pixels = converted(frame, ColourTags("bt709", "bt709", "bt709", "tv"), "Linear Rec.709 (sRGB)").pixels
    luma = (codes[0] - 16) / 219
    np.testing.assert_allclose(pixels[..., 1], np.maximum(luma, 0) ** 2.4, atol=1e-5)
    assert pixels.max() > 1.1
    assert pixels.min() > -1e-6


@pytest.mark.parametrize("pixel_format", ["yuva420p", "yuva444p10le", "gbrap", "bgra", "rgba64le"])
def test_alpha_is_multiplied_in_after_linearisation(pixel_format: str) -> None:
    frame, _ = filled(pixel_format, 9)
    tags = ColourTags("bt709", "bt709", "bt709" if "yuv" in pixel_format else "", "tv")
    result, slow = converted(frame, tags), converted(frame, tags, slow=True)
    assert not result.opaque
    np.testing.assert_allclose(result.pixels[..., 3], slow.pixels[..., 3], atol=2e-5 if "16" in pixel_format else 1e-2)
    straight = result.pixels[..., :3] / np.maximum(result.pixels[..., 3:], 1e-6)
    assert straight.max() < 1.5


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("clockwise", [0, 90, 180, 270])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12", "rgb24", "yuv422p10le"])
@pytest.mark.parametrize("size", [(70, 38), (71, 37)])
def test_windows_of_turned_pictures_are_cut_from_the_whole(
    pixel_format: str, size: tuple[int, int], clockwise: int, mirrored: bool
) -> None:
    frame, _ = filled(pixel_format, 2, size=size)
    tags, orientation = ColourTags("bt709", "bt709", "bt709", "tv"), Orientation(mirrored, clockwise)
    colour, upright = WorkingColour("ACEScg"), described(frame, tags)
    decoded = Decoded(frame, planes_of(frame, tags, "left"))
    stored = FrameConverter(upright, colour).convert(decoded).pixels
    converter = FrameConverter(described(frame, tags, orientation), colour)
    whole = converter.convert(decoded)
    np.testing.assert_array_equal(whole.pixels, orientation.apply(stored))
    random = np.random.default_rng(4)
    for _ in range(12):
        x, y = (int(value) for value in random.integers(-5, 60, 2))
        width, height = (int(value) for value in random.integers(1, 40, 2))
        region = Window(x, y, width, height)
        part, expected = converter.convert(decoded, region), whole.crop(region)
        assert part.window == expected.window or (part.window.empty and expected.window.empty)
        np.testing.assert_allclose(part.pixels, expected.pixels, rtol=2e-6, atol=2e-7)


def elementary(path: Path, target: Path) -> bytes:
    """The packets of a clip without their container."""
    with av.open(str(path)) as read, av.open(str(target), "w", format="h264") as write:
        stream = write.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(read.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                write.mux(packet)
    return target.read_bytes()


def test_a_stream_that_changes_its_size_keeps_that_of_its_first_pictures(tmp_path: Path) -> None:
    """Two clips behind each other in one stream, as H.264 allows."""
    grey: list[Bytes] = [np.full((64, 96, 3), 100, np.uint8)] * 4
    first = make(tmp_path / "a.ts", grey)
    second = make(tmp_path / "b.ts", [np.full((32, 48, 3), 200, np.uint8)] * 4)
    path = tmp_path / "both.h264"
    path.write_bytes(elementary(first, tmp_path / "a.h264") + elementary(second, tmp_path / "b.h264"))
    decoder = VideoDecoder(path)
    sizes = [(decoder.current().frame.width, decoder.current().frame.height)]
    while (shown := decoder.next()) is not None:
        sizes.append((shown.frame.width, shown.frame.height))
    decoder.close()
    assert set(sizes) == {(96, 64), (48, 32)}, "the clip is what this test needs"
    source = FileSource(SourceFile(path, probe(path)), WorkingColour("Linear Rec.709 (sRGB)"), 1)
    levels = [source.picture(Fraction(index, 25)).pixels for index in range(8)]
    source.close()
    assert {level.shape for level in levels} == {(64, 96, 4)}
    assert levels[0].mean() < levels[7].mean()
