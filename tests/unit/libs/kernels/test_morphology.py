"""Erosion and dilation: against OpenCV's morphology, on whole pixels and on a picture read between them."""

import math
import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from libs.kernels import Pixels, morphology, morphology_reach
from tests.unit.libs.kernels.pictures import by_reference, noise, strip

pytestmark = pytest.mark.usefixtures("variant")


def opencv(mask: Pixels, shape: NDArray[np.uint8], *, smallest: bool, border: int) -> Pixels:
    """OpenCV's own, of the middle of a mask."""
    operation = cv2.erode if smallest else cv2.dilate
    found = np.asarray(operation(mask[..., 0], shape), np.float32)
    return found[border : mask.shape[0] - border, border : mask.shape[1] - border, None]


@pytest.mark.parametrize("smallest", [False, True])
@pytest.mark.parametrize("radius", [0, 1, 2, 5, 11])
def test_squares_of_whole_pixels_are_opencvs(radius: int, smallest: bool) -> None:
    mask = noise(20 + 2 * radius, 300 + 2 * radius, channels=1, seed=radius)
    shape = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    expected = opencv(mask, shape, smallest=smallest, border=radius)
    np.testing.assert_array_equal(morphology(mask, radius, square=True, smallest=smallest), expected)


@pytest.mark.parametrize("smallest", [False, True])
@pytest.mark.parametrize("radius", [1, 5, 13])
def test_discs_hold_opencvs_and_little_more(radius: int, smallest: bool) -> None:
    """Every pixel within the radius counts; beyond it only what is read where the disc ends between two pixels."""
    mask = noise(20 + 2 * radius, 60 + 2 * radius, channels=1, seed=radius)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (x * x + y * y <= radius * radius).astype(np.uint8)
    less = opencv(mask, disc, smallest=smallest, border=radius)
    square = np.ones_like(disc)
    more = opencv(mask, square, smallest=smallest, border=radius)
    result = morphology(mask, radius, smallest=smallest)
    low, high = (more, less) if smallest else (less, more)
    assert (result >= low).all()
    assert (result <= high).all()
    assert np.abs(result - less).mean() < 0.02


@pytest.mark.parametrize("radius", [0.5, 1.3, 2.75, 6.4])
def test_between_pixels_it_is_a_disc_on_the_picture_read_linearly(radius: float) -> None:
    """OpenCV's disc on the picture eight times as large, bilinear: what the size means."""
    fine, reach = 8, morphology_reach(radius)
    size = 15 + 2 * reach
    soft = np.asarray(cv2.GaussianBlur(noise(size, size, channels=1, seed=3)[..., 0], (0, 0), 1.5), np.float32)
    places = np.arange((size - 1) * fine + 1, dtype=np.float32) / fine
    large = cv2.remap(soft, *np.meshgrid(places, places), cv2.INTER_LINEAR)
    extent = math.floor(radius * fine + 1e-6)
    y, x = np.mgrid[-extent : extent + 1, -extent : extent + 1]
    disc = (np.hypot(x, y) <= radius * fine).astype(np.uint8)
    expected = np.asarray(cv2.dilate(large, disc))[::fine, ::fine][reach : size - reach, reach : size - reach]
    # Between the places where it looks, a picture can be a little brighter.
    np.testing.assert_allclose(morphology(soft[..., None], radius)[..., 0], expected, atol=0.007)


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.4, 2.0, 3.3, 9.5])
def test_a_straight_edge_moves_by_the_size_in_every_direction(radius: float) -> None:
    reach, size = morphology_reach(radius), 41
    y, x = np.mgrid[:size, :size] - size // 2
    for degrees in range(0, 360, 15):
        away = x * math.cos(math.radians(degrees)) + y * math.sin(math.radians(degrees))
        # A ramp as wide as a lens makes an edge; where it has the value ½ is where the edge is.
        ramp = np.clip(0.5 - away / 8, 0, 1).astype(np.float32)[..., None]
        middle = (size - 2 * reach) // 2
        after = float(morphology(ramp, radius)[middle, middle, 0])
        assert (after - 0.5) * 8 == pytest.approx(min(radius, 4.0), abs=0.05), degrees


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("size", [0.25, 1.0, 1.6, 7.3])
def test_an_edge_moves_by_exactly_the_size(size: float, square: bool) -> None:
    """The coverage that an edge of any place gains is the size; that it loses, too."""
    reach = morphology_reach(size)
    for place in (20.0, 20.3, 20.8):
        row = np.clip(place - np.arange(41), 0, 1).astype(np.float32)
        for edge in (np.tile(row, (2 * reach + 1, 1)), np.tile(row[:, None], (1, 2 * reach + 1))):
            before = edge.sum() / (2 * reach + 1)
            wide = np.pad(edge, [(0, 0) if side < 41 else (reach, reach) for side in edge.shape], "edge")
            for smallest, change in ((False, size), (True, -size)):
                after = morphology(wide[..., None], size, square=square, smallest=smallest)
                assert after.sum() == pytest.approx(before + change, abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 9), st.booleans(), st.booleans(), st.integers(0, 99), st.sampled_from([(1, 1), (3, 17), (9, 270)]))
def test_agrees_with_numpy(radius: float, square: bool, smallest: bool, seed: int, size: tuple[int, int]) -> None:
    around = 2 * morphology_reach(radius)
    mask = noise(size[0] + around, size[1] + around, channels=1, seed=seed, low=-0.5, high=16.0)

    def kernel() -> Pixels:
        return morphology(mask, radius, square=square, smallest=smallest, threads=2)

    np.testing.assert_allclose(kernel(), by_reference(kernel), rtol=1e-6, atol=1e-6)
    view, _ = strip(mask)
    np.testing.assert_array_equal(morphology(view, radius, square=square, smallest=smallest), kernel())


def test_even_masks_stay_exactly_and_what_is_no_number_stays_near() -> None:
    for value in (0.0, 1.0, 0.3):
        even = np.full((21, 40, 1), value, np.float32)
        np.testing.assert_array_equal(morphology(even, 3.7, smallest=True), even[4:-4, 4:-4])
        np.testing.assert_array_equal(morphology(even, 3.7), even[4:-4, 4:-4])
    mask = noise(31, 41, channels=1, seed=4)
    spoilt = mask.copy()
    spoilt[15, 20] = np.nan
    clean, result = morphology(mask, 2.5)[..., 0], morphology(spoilt, 2.5)[..., 0]
    y, x = np.mgrid[: result.shape[0], : result.shape[1]]
    far = np.maximum(np.abs(y - 12), np.abs(x - 17)) > 3
    np.testing.assert_array_equal(result[far], clean[far])


def test_a_shape_that_is_kept_is_small() -> None:
    """Shapes of moving sizes are kept, so a large one may not be all of its pixels."""
    mask = noise(201, 202, channels=1)
    tracemalloc.start()
    for radius in (99.3, 99.4):
        morphology(mask, radius, square=True)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 2 * 300_000


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="from 0 on"):
        morphology(noise(9, 9, channels=1), -1.0)
    with pytest.raises(ValueError, match="from 0 on"):
        morphology(noise(9, 9, channels=1), math.nan)
    with pytest.raises(ValueError, match="is larger than"):
        morphology(noise(9, 9, channels=1), 5.0)
    assert morphology(noise(10, 12, channels=1), 5.0).shape == (0, 2, 1)
