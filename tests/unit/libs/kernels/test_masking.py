"""Gradients and keys by range, against their formulas and NumPy's kernels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernels import gradient, range_key
from tests.unit.libs.kernels.pictures import SIZES, by_reference, noise, strip, untouched

pytestmark = pytest.mark.usefixtures("variant")

ACROSS, DOWN = (0.03, 0.01, -0.4), (-0.02, 0.04, 0.1)
STOPS = ((0.0, 0.2), (0.3, 1.0), (0.3, 0.5), (1.0, 0.0))
WEIGHTS = (0.3, 0.6, 0.1)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(SIZES), st.booleans(), st.booleans(), st.integers(-30, 30), st.integers(-30, 30))
def test_gradients_agree_with_numpy(size: tuple[int, int], radial: bool, smooth: bool, x: int, y: int) -> None:
    down = DOWN if radial else None
    got = gradient(size, (x, y), ACROSS, down, STOPS, smooth=smooth)
    expected = by_reference(lambda: gradient(size, (x, y), ACROSS, down, STOPS, smooth=smooth))
    np.testing.assert_allclose(got, expected, atol=5e-6)


@pytest.mark.parametrize("down", [None, DOWN])
def test_parts_of_gradients_are_bit_by_bit_parts_of_the_whole(down: tuple[float, float, float] | None) -> None:
    whole = gradient((40, 70), (-9, 4), ACROSS, down, STOPS)
    for top, left, height, width in ((0, 0, 40, 33), (7, 13, 11, 57), (39, 69, 1, 1)):
        part = gradient((height, width), (left - 9, top + 4), ACROSS, down, STOPS)
        np.testing.assert_array_equal(part, whole[top : top + height, left : left + width])


def test_a_step_takes_a_pixel_and_no_stairs() -> None:
    """A border that cuts pixels leaves the part of each that lies behind it, where it runs along them."""
    got = gradient((1, 8), (0, 0), (1.0, 0.0, 0.0), None, ((3.25, 0.0), (3.25, 1.0)))[0, :, 0]
    np.testing.assert_allclose(got, [0, 0, 0, 0.75, 1, 1, 1, 1], atol=1e-6)


def test_one_stop_is_the_same_everywhere() -> None:
    assert (gradient((3, 4), (0, 0), ACROSS, DOWN, ((0.5, 0.25),)) == 0.25).all()


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(SIZES), st.booleans(), st.floats(-2, 2), st.floats(0, 3), st.floats(0, 1), st.floats(0, 1))
def test_ranges_agree_with_numpy(
    size: tuple[int, int], stops: bool, low: float, wide: float, below: float, above: float
) -> None:
    pixels = noise(*size, low=-0.5, high=4.0)
    # Without a slope a value on the border may fall on either side; of these numbers none lies there.
    slopes = (max(below, 0.01), max(above, 0.01))

    def key() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return range_key(pixels, WEIGHTS, low, low + wide, slopes, stops=stops)

    np.testing.assert_allclose(key(), by_reference(key), atol=2e-4)


def test_a_range_includes_its_borders_and_ends_at_once() -> None:
    pixels = np.zeros((1, 5, 4), np.float32)
    pixels[0, :, 1] = [0.49999, 0.5, 0.75, 1.0, 1.0001]
    got = range_key(pixels, (0.0, 1.0, 0.0), 0.5, 1.0)[0, :, 0]
    np.testing.assert_array_equal(got, [0, 1, 1, 1, 0])
    got = range_key(pixels, (0.0, 1.0, 0.0), 0.6, 0.9, (0.2, 0.2))[0, :, 0]
    np.testing.assert_allclose(got, [0.49995, 0.5, 1.0, 0.5, 0.4995], atol=1e-5)


def test_stops_are_counted_from_middle_grey() -> None:
    pixels = np.full((1, 4, 4), 0.18, np.float32)
    pixels[0, :, :3] *= np.array([0.0, 0.5, 1.0, 2.0], np.float32)[:, None]
    got = range_key(pixels, WEIGHTS, 0.0, 9.0, (2.0, 1.0), stops=True)[0, :, 0]
    np.testing.assert_allclose(got, [0.0, 0.5, 1.0, 1.0], atol=1e-6)
    dark = range_key(pixels, WEIGHTS, -200.0, -1.5, stops=True)[0, :, 0]
    np.testing.assert_array_equal(dark, [1, 0, 0, 0])


def test_a_value_that_is_no_number_stays_where_it_is() -> None:
    pixels = noise(5, 37)
    pixels[2, 9, 1] = np.nan
    pixels[4, 0, 2] = np.inf
    for stops in (False, True):
        got = range_key(pixels, WEIGHTS, 0.2, 0.8, (0.1, 0.1), stops=stops)
        assert np.argwhere(np.isnan(got)).tolist() == [[2, 9, 0]]
        assert got[4, 0, 0] == 0.0


def test_results_go_to_strips() -> None:
    pixels = noise(9, 21)
    target, whole = strip(np.zeros((9, 21, 1), np.float32))
    assert range_key(pixels, WEIGHTS, 0.2, 0.5, out=target) is target
    np.testing.assert_array_equal(target, range_key(pixels, WEIGHTS, 0.2, 0.5))
    assert gradient((9, 21), (3, 4), ACROSS, DOWN, STOPS, out=target) is target
    np.testing.assert_array_equal(target, gradient((9, 21), (3, 4), ACROSS, DOWN, STOPS))
    assert untouched(whole, 9)


def test_stops_out_of_order_are_refused() -> None:
    for stops in ((), ((0.5, 1.0), (0.2, 0.0))):
        with pytest.raises(ValueError, match="in order"):
            gradient((1, 1), (0, 0), ACROSS, None, stops)
