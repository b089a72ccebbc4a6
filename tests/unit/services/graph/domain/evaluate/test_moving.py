"""Moves, beside OpenCV's: one resampling, softened edges, averages where it shrinks."""

from typing import get_args

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import EVERYWHERE, Filter, Frame, Matrix, Motion, Window
from libs.kernels import project
from services.graph.domain.evaluate.moving import moved
from tests.unit.services.graph.support import picture

FAR = Window(-200, -200, 400, 400)
FILTERS: tuple[Filter, ...] = get_args(Filter)


def turned(degrees: float, scale: float, x: float, y: float) -> Matrix:
    angle = np.radians(degrees)
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    return np.array([[cos, -sin, x], [sin, cos, y], [0.0, 0.0, 1.0]])


def opencv(pixels: np.ndarray, matrix: Matrix, flags: int) -> np.ndarray:
    """The same over `FAR`. OpenCV counts from pixel centres."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    to_far = np.array([[1, 0, -FAR.x], [0, 1, -FAR.y], [0, 0, 1.0]])
    whole = np.linalg.inv(half) @ to_far @ matrix @ half
    return cv2.warpPerspective(pixels, whole, (FAR.width, FAR.height), flags=flags, borderMode=cv2.BORDER_CONSTANT)


@pytest.mark.parametrize(("name", "flags"), [("bilinear", cv2.INTER_LINEAR), ("cubic", cv2.INTER_CUBIC)])
@pytest.mark.parametrize("matrix", [turned(17, 1.3, 20.4, -8.7), turned(-140, 0.8, 90.2, 60.0)])
def test_turned_and_scaled_as_opencv_does(name: Filter, flags: int, matrix: Matrix) -> None:
    # Smooth, since OpenCV places its samples to 1/32 pixel and ours are exact.
    y, x = np.mgrid[0:70, 0:90].astype(np.float32)
    channels = [np.sin(x / 9) + 2, np.cos(y / 7) + 2, np.sin((x + y) / 11) + 2, np.full_like(x, 0.8)]
    pixels = np.ascontiguousarray(np.stack(channels, axis=-1))
    ours = moved(Frame(pixels, opaque=False), Motion(matrix, name), FAR).filled(FAR)
    theirs = opencv(pixels, matrix, flags)
    inside = cv2.erode((opencv(np.ones_like(x), matrix, cv2.INTER_NEAREST) > 0).astype(np.uint8), np.ones((9, 9)))
    assert np.abs(ours - theirs)[inside > 0].max() < 0.02
    outside = cv2.dilate((opencv(np.ones_like(x), matrix, cv2.INTER_NEAREST) > 0).astype(np.uint8), np.ones((9, 9)))
    assert not ours[outside == 0].any()


def test_a_projection_as_opencv_does() -> None:
    y, x = np.mgrid[0:70, 0:90].astype(np.float32)
    pixels = np.ascontiguousarray(np.stack([x / 90, y / 70, (x + y) / 160, np.ones_like(x)], axis=-1))
    matrix = np.array([[0.9, 0.1, 5.0], [-0.05, 0.95, 3.0], [0.0008, -0.0006, 1.0]])
    ours = moved(Frame(pixels), Motion(matrix, "bilinear"), FAR).filled(FAR)
    theirs = opencv(pixels, matrix, cv2.INTER_LINEAR)
    inside = cv2.erode((theirs[..., 3] > 0.999).astype(np.uint8), np.ones((5, 5)))
    assert np.abs(ours - theirs)[inside > 0].max() < 0.01


@settings(max_examples=40, deadline=None)
@given(st.integers(-40, 40), st.integers(-40, 40), st.sampled_from(FILTERS))
def test_whole_pixels_are_copied_by_every_filter(x: int, y: int, name: Filter) -> None:
    frame = Frame(picture(1, 9, 7), 2, 3)
    result = moved(frame, Motion(turned(0, 1, x, y), name), EVERYWHERE)
    assert result.window == Window(2 + x, 3 + y, 9, 7)
    np.testing.assert_array_equal(result.pixels, frame.pixels)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_box_averages_what_shrinks_by_whole_factors(factor: int) -> None:
    frame = Frame(picture(2, 12 * factor, 8 * factor))
    result = moved(frame, Motion(turned(0, 1 / factor, 0, 0), "box"), FAR)
    expected = frame.pixels.reshape(8, factor, 12, factor, 4).mean(axis=(1, 3))
    part = result.filled(Window(0, 0, 12, 8))
    np.testing.assert_allclose(part, expected, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.02, 0.45), st.floats(-180, 180))
def test_light_is_neither_won_nor_lost(scale: float, degrees: float) -> None:
    frame = Frame(np.ones((120, 120, 4), np.float32), -60, -60)
    result = moved(frame, Motion(turned(degrees, scale, 3.3, 1.7), "bilinear"), FAR)
    assert result.pixels[..., 3].sum() == pytest.approx(120 * 120 * scale * scale, rel=0.08)


@pytest.mark.parametrize("name", FILTERS)
def test_coverage_stays_between_nothing_and_all(name: Filter) -> None:
    frame = Frame(np.ones((20, 20, 4), np.float32), opaque=True)
    result = moved(frame, Motion(turned(31, 1.7, 0.3, 0.4), name), FAR)
    assert result.pixels[..., 3].min() >= 0.0
    assert result.pixels[..., 3].max() <= 1.0
    assert not result.opaque


@pytest.mark.parametrize("samples", [3, 10, 33, 100])
def test_the_mean_of_whole_coverage_is_no_more(samples: int) -> None:
    shutter = tuple(turned(0, 1, 0.01 * number, 0) for number in range(samples))
    mean = moved(Frame(np.ones((20, 20, 4), np.float32)), Motion(np.eye(3), "bilinear", shutter), FAR)
    assert 1.0 - 1e-6 < mean.pixels[..., 3].max() <= 1.0


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "nearest"])
@pytest.mark.parametrize("smaller", [10, 100, 400])
def test_the_edge_of_what_is_turned_and_flattened_is_not_cut(name: Filter, smaller: int) -> None:
    frame = Frame(np.ones((1000, 100, 4), np.float32), -50, -500)
    matrix = turned(20, 1.0, 0, 0) @ np.diag([1.0, 1 / smaller, 1.0])
    inverse = np.linalg.inv(matrix).astype(np.float64)
    size = (FAR.height, FAR.width)
    everywhere = project(frame.pixels, inverse, size, (FAR.x, FAR.y), (frame.x, frame.y), name)[..., 3]
    ours = moved(frame, Motion(matrix, name), FAR).filled(FAR)[..., 3]
    np.testing.assert_allclose(ours, np.clip(everywhere, 0, 1), atol=1e-6)


def test_masks_move_too() -> None:
    mask = Frame(np.ones((20, 20, 1), np.float32))
    result = moved(mask, Motion(turned(45, 1.0, 0, 0), "bilinear"), FAR)
    assert result.channels == 1
    assert result.pixels.sum() == pytest.approx(400, rel=0.01)


@pytest.mark.parametrize(
    "matrix",
    [
        np.array([[0.0, 0, 5], [0, 1, 0], [0, 0, 1]]),
        np.array([[1.0, 2, 5], [2, 4, 0], [0, 0, 1]]),
        np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, -1]]),
        np.array([[np.nan, 0, 0], [0, 1, 0], [0, 0, 1]]),
        np.zeros((3, 3)),
    ],
)
def test_what_cannot_be_seen_is_nothing(matrix: Matrix) -> None:
    assert moved(Frame(picture(1, 9, 7)), Motion(matrix, "cubic"), FAR).window.empty


def test_a_plane_through_the_eye_stays_within_the_region() -> None:
    matrix = np.array([[1.0, 0, 0], [0, 1, 0], [0.02, 0, 0.1]])
    result = moved(Frame(np.ones((50, 50, 4), np.float32), -25, -25), Motion(matrix, "bilinear"), FAR)
    assert FAR.contains(result.window)
    assert np.isfinite(result.pixels).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(-60, 60), st.integers(-60, 60), st.integers(1, 80), st.integers(1, 80), st.sampled_from(FILTERS))
def test_a_part_is_that_part_of_the_whole(x: int, y: int, width: int, height: int, name: Filter) -> None:
    frame, motion = Frame(picture(5, 50, 40)), Motion(turned(23, 0.37, 4.2, 1.1), name)
    part, whole = Window(x, y, width, height), moved(frame, motion, FAR)
    np.testing.assert_allclose(moved(frame, motion, part).filled(part), whole.crop(part).filled(part), atol=2e-6)


@pytest.mark.parametrize("name", FILTERS)
def test_a_shutters_picture_is_the_mean_of_its_moves(name: Filter) -> None:
    frame, still = Frame(picture(6, 30, 24), 5, 3), turned(0, 1.0, 4, 2)
    shutter = (turned(10, 0.6, 3.3, 1.2), turned(40, 1.2, 8.0, 2.0), still, still)
    mean = moved(frame, Motion(np.eye(3), name, shutter), FAR)
    each = [moved(frame, Motion(matrix, name), FAR).filled(FAR) for matrix in shutter]
    np.testing.assert_allclose(mean.filled(FAR), np.mean(each, axis=0), atol=2e-6)
    assert not mean.opaque
    part = Window(7, 9, 15, 11)
    np.testing.assert_allclose(
        moved(frame, Motion(np.eye(3), name, shutter), part).filled(part), mean.crop(part).filled(part), atol=5e-6
    )


def test_a_shutter_that_sees_nothing_move_changes_nothing() -> None:
    frame = Frame(picture(6, 30, 24), 5, 3, opaque=True)
    same = moved(frame, Motion(np.zeros((3, 3)), "cubic", (turned(0, 1, 2, 3),) * 5), FAR)
    assert same.opaque
    np.testing.assert_array_equal(same.pixels, frame.pixels)


def test_a_shutter_may_see_nothing_at_times() -> None:
    frame = Frame(np.ones((10, 10, 4), np.float32))
    gone = np.zeros((3, 3))
    half = moved(frame, Motion(gone, "cubic", (gone, np.eye(3))), FAR)
    np.testing.assert_array_equal(half.filled(Window(0, 0, 10, 10)), 0.5)
    assert moved(frame, Motion(gone, "cubic", (gone, gone @ gone)), FAR).window.empty


@pytest.mark.parametrize("name", FILTERS)
def test_a_part_of_a_projection_is_that_part_of_the_whole(name: Filter) -> None:
    matrix = np.array([[0.7, 0.1, 5.0], [-0.05, 0.4, 3.0], [0.0008, 0.03, 1.0]])
    frame = Frame(picture(5, 90, 70))
    whole = moved(frame, Motion(matrix, name), FAR)
    for part in (Window(3, 2, 9, 5), Window(10, 4, 30, 30), Window(-5, -5, 8, 12)):
        np.testing.assert_allclose(
            moved(frame, Motion(matrix, name), part).filled(part), whole.crop(part).filled(part), atol=5e-6
        )


def test_a_projection_does_not_alias_where_it_shrinks() -> None:
    """A floor of stripes of one pixel, towards the horizon: grey, and no pattern."""
    stripes = np.ones((400, 200, 4), np.float32)
    stripes[::2, :, :3] = 0.0
    matrix = np.array([[1.0, 0.25, 0.0], [0.0, 0.3, 0.0], [0.0, 0.0025, 1.0]])
    floor = moved(Frame(stripes), Motion(matrix, "bilinear"), FAR).filled(Window(60, 3, 30, 40))
    np.testing.assert_allclose(floor[..., 3], 1.0, atol=1e-5)
    np.testing.assert_allclose(floor[..., 0], 0.5, atol=0.02)
