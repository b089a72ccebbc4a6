"""Scopes against OpenCV's histograms and FFmpeg's own scopes."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest
from av.filter import Graph
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from services.graph.preview.scope_pictures import draw
from services.graph.preview.scopes import (
    LEVELS,
    MAX_COLUMNS,
    Kind,
    chroma_place,
    histogram,
    luma_codes,
    measure,
    vectorscope,
    waveform,
)

BARS = [(r, g, b) for r in (0.0, 0.75) for g in (0.0, 0.75) for b in (0.0, 0.75)]


def noise(seed: int, height: int = 54, width: int = 96) -> NDArray[np.float32]:
    """Smooth colours over the whole range, whose 8-bit codes lie in the middle of their steps."""
    small = np.random.default_rng(seed).uniform(0, 255, (height // 6, width // 6, 3)).astype(np.float32)
    codes = np.rint(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
    return np.asarray(codes / np.float32(255.0), dtype=np.float32)


def bars(height: int = 64, width: int = 16 * len(BARS)) -> NDArray[np.float32]:
    colors = np.repeat(np.array(BARS, dtype=np.float32), width // len(BARS), axis=0)
    return np.broadcast_to(colors, (height, width, 3)).copy()


def filtered(frame: VideoFrame, *filters: tuple[str, str]) -> VideoFrame:
    """A frame through some of FFmpeg's filters, by name and arguments."""
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    links = [source, *(graph.add(name, arguments) for name, arguments in filters), graph.add("buffersink")]
    for before, after in pairwise(links):
        before.link_to(after)
    graph.configure()
    graph.push(frame)
    result = graph.pull()
    assert isinstance(result, VideoFrame)
    return result


def plane(frame: VideoFrame, index: int) -> NDArray[np.uint8]:
    samples = np.frombuffer(memoryview(frame.planes[index]), np.uint8)
    return samples.reshape(-1, frame.planes[index].line_size)[:, : frame.planes[index].width]


@pytest.mark.parametrize("seed", range(3))
def test_a_histogram_is_opencvs(seed: int) -> None:
    display = noise(seed)
    codes = np.rint(display * 255).astype(np.uint8)
    counts = histogram(display)
    assert counts.shape == (4, 1, LEVELS)
    for channel in range(3):
        expected = cv2.calcHist([codes], [channel], None, [256], [0, 256]).ravel()
        np.testing.assert_array_equal(counts[channel, 0], expected)
    expected = cv2.calcHist([luma_codes(display)], [0], None, [256], [0, 256]).ravel()
    np.testing.assert_array_equal(counts[3, 0], expected)


def test_luma_is_that_of_ffmpegs_conversion() -> None:
    display = noise(5)
    frame = VideoFrame.from_ndarray(np.rint(display * 255).astype(np.uint8), "rgb24")
    yuv = frame.reformat(format="yuvj444p", dst_colorspace="ITU709")
    assert np.abs(plane(yuv, 0).astype(int) - luma_codes(display).astype(int)).max() <= 1


@pytest.mark.parametrize("display", [noise(1), bars()], ids=["noise", "bars"])
def test_a_waveform_is_ffmpegs(display: NDArray[np.float32]) -> None:
    """FFmpeg's waveform adds `intensity` to a pixel for each hit: with one step a hit, its pixels are the counts."""
    codes = luma_codes(display)
    # The filter takes no more than 255 hits in one place.
    assert codes.shape[0] <= 255
    frame = VideoFrame.from_ndarray(codes, "gray")
    arguments = f"mode=column:intensity={1 / 255:.9f}:mirror=0:graticule=none"
    drawn = plane(filtered(frame, ("waveform", arguments)), 0)
    counts = waveform(codes[..., None])[0]
    assert drawn.shape == counts.shape == (LEVELS, display.shape[1])
    np.testing.assert_array_equal(drawn, counts)


@pytest.mark.parametrize("display", [noise(2), bars()], ids=["noise", "bars"])
def test_a_vectorscope_has_its_points_where_ffmpegs_has_them(display: NDArray[np.float32]) -> None:
    """Given the same codes: FFmpeg draws Cb to the right and Cr upwards, as we do."""
    counts = vectorscope(display)[0]
    red, blue = np.nonzero(counts)
    codes = np.stack([np.full(blue.shape, 128), blue, red]).astype(np.uint8)[:, None, :]
    frame = VideoFrame(codes.shape[2], 1, "yuv444p")
    for index in range(3):
        target = np.frombuffer(memoryview(frame.planes[index]), np.uint8)
        target[: codes.shape[2]] = codes[index, 0]
    # What the filter gives is stored from the bottom up, which PyAV cannot read: a conversion copies it.
    drawn = filtered(frame, ("vectorscope", "mode=gray:graticule=none:intensity=1"), ("format", "yuv420p"))
    np.testing.assert_array_equal(plane(drawn, 0)[::-1] > 0, counts > 0)


def test_bars_lie_on_the_vectorscopes_targets() -> None:
    scope = measure("vectorscope", bars())
    marks = {mark.label: mark for mark in scope.graticule}
    rows, columns = np.nonzero(scope.counts[0])
    points = set(zip(columns.tolist(), rows.tolist(), strict=True))
    expected = {(128, 128)}
    for name in ("R", "Yl", "G", "Cy", "B", "Mg"):
        mark = marks[f"{name} 75 %"]
        assert mark.column is not None
        assert mark.row is not None
        expected.add((round(mark.column), round(mark.row)))
    assert points == expected
    # BT.709's own codes of 100 % blue: Cb 240, and of 100 % red: Cr 240.
    assert chroma_place(0.0, 0.0, 1.0)[0] == pytest.approx(240.0, abs=1e-4)
    assert chroma_place(1.0, 0.0, 0.0)[1] == pytest.approx(240.0, abs=1e-4)


def test_a_wide_picture_shares_columns_and_loses_no_pixel() -> None:
    codes = np.random.default_rng(3).integers(0, 256, (40, 2 * MAX_COLUMNS + 7, 1), dtype=np.uint8)
    counts = waveform(codes)
    assert counts.shape == (1, LEVELS, -(-codes.shape[1] // 3))
    assert counts.sum() == codes.size
    first, _ = np.histogram(codes[:, :3], bins=np.arange(257))
    np.testing.assert_array_equal(counts[0, :, 0], first)


def test_values_beyond_the_range_are_counted_at_its_ends() -> None:
    display = np.array([[[-1.0, 0.5, 2.0]]], dtype=np.float32)
    counts = histogram(display)[:, 0]
    assert (counts[0, 0], counts[1, 128], counts[2, 255]) == (1, 1, 1)


@pytest.mark.parametrize("kind", ["waveform", "parade", "vectorscope"])
def test_one_colour_is_drawn_at_its_place_alone(kind: Kind) -> None:
    """The graticule is dim: what is bright is a trace."""
    scope = measure(kind, np.broadcast_to(np.array([0.2, 0.2, 0.6], dtype=np.float32), (8, 8, 3)))
    drawing = draw([scope])[8:-8, 8:-8].max(axis=2)
    planes, rows, columns = np.nonzero(scope.counts)
    lit = np.zeros_like(drawing, dtype=bool)
    width = drawing.shape[1] // scope.counts.shape[0]
    step = width // scope.counts.shape[2]
    for number, row, column in zip(planes, rows, columns, strict=True):
        left, bottom = number * width + column * step, drawing.shape[0] - 2 * row
        lit[bottom - 2 : bottom, left : left + step] = True
    np.testing.assert_array_equal(drawing > 200, lit)


def test_a_drawn_histogram_is_as_high_as_its_counts() -> None:
    codes = np.repeat(np.array([10, 10, 10, 200], dtype=np.uint8), 4)[None, :, None]
    scope = measure("histogram", np.repeat(codes / np.float32(255), 3, axis=2).astype(np.float32))
    drawing = draw([scope])[8:-8, 8:-8]
    inside = (drawing.min(axis=2) > 90).sum(axis=0)
    assert inside[20] > 2 * inside[400] > 0
    assert inside[200] <= 2
