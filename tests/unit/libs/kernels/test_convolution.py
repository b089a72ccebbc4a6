"""Sums over neighbourhoods, against SciPy's in float64."""

import math

import numpy as np
import pytest
from scipy import ndimage, signal

from libs.kernels import Pixels, convolution, convolve
from libs.kernels.footprints import Footprint, Weights, box, disc, line
from tests.unit.libs.kernels.pictures import SIZES, noise, strip, untouched

pytestmark = pytest.mark.usefixtures("variant")

FOOTPRINTS = {
    "disc": disc(5.3, 5.3),
    "ellipse": disc(12.0, 3.5),
    "wide": disc(14.2, 14.2),
    "line": line(30.0, 0.5),
    "across": box(7.3, across=True),
    "down": box(7.3, across=False),
    "point": disc(0.0, 0.0),
}


def padded(pixels: Pixels, footprint: Footprint) -> Pixels:
    top, bottom, left, right = footprint.reach
    return np.pad(pixels, ((top, bottom), (left, right), (0, 0)))


def dense(footprint: Footprint) -> Weights:
    """The weights with the pixel itself in the middle."""
    top, bottom, left, right = footprint.reach
    reach = max(footprint.reach)
    return np.pad(footprint.placed(), ((reach - top, reach - bottom), (reach - left, reach - right)))


def scipys(pixels: Pixels, footprint: Footprint) -> Pixels:
    weights, wide = dense(footprint), pixels.astype(np.float64)
    return np.stack([ndimage.correlate(wide[..., each], weights, mode="constant") for each in range(4)], -1)


@pytest.mark.parametrize("name", FOOTPRINTS)
def test_is_that_of_scipy(name: str) -> None:
    footprint = FOOTPRINTS[name]
    for height, width in (*SIZES, (90, 300)):
        pixels = noise(height, width, seed=2, low=-0.5, high=1.0)
        got = convolve(padded(pixels, footprint), footprint, threads=2)
        np.testing.assert_allclose(got, scipys(pixels, footprint), atol=3e-6)


@pytest.mark.parametrize("name", FOOTPRINTS)
def test_where_nothing_is_nothing_comes_out(name: str) -> None:
    """Differences of sums that are equal are exactly 0, and coverage is never below it."""
    footprint = FOOTPRINTS[name]
    pixels = np.zeros((150, 300, 4), np.float32)
    pixels[:, :40] = noise(150, 40, seed=3) * np.float32(1000.0)
    got = convolve(padded(pixels, footprint), footprint)
    np.testing.assert_array_equal(got[:, 40 + footprint.reach[2] :], 0.0)
    assert got.min() >= 0.0


@pytest.mark.parametrize("name", ["disc", "wide", "line", "across"])
def test_strips_threads_and_parts(name: str) -> None:
    footprint = FOOTPRINTS[name]
    pixels = padded(noise(80, 260, seed=4), footprint)
    expected = convolve(pixels, footprint)
    np.testing.assert_allclose(convolve(pixels, footprint, threads=7), expected, atol=2e-6)
    source, whole = strip(pixels)
    np.testing.assert_array_equal(convolve(source, footprint), expected)
    assert untouched(whole, pixels.shape[0])
    out, around = strip(np.zeros_like(expected))
    assert convolve(pixels, footprint, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert untouched(around, expected.shape[0])
    across = sum(footprint.reach[2:])
    part = np.ascontiguousarray(pixels[:, 100 : 150 + across])
    np.testing.assert_allclose(convolve(part, footprint), expected[:, 100:150], atol=2e-6)


@pytest.mark.parametrize("radius", [0.2, 0.5, 0.51, 1.0, 1.49, 2.0, 7.7])
def test_discs_weigh_what_they_cover(radius: float) -> None:
    weights = dense(disc(radius, radius))
    assert weights.sum() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(weights, weights.T, atol=1e-7)
    np.testing.assert_array_equal(weights, weights[::-1, ::-1])
    # The second moment of a disc, with that of the pixels that it is cut into.
    at = np.arange(weights.shape[0]) - weights.shape[0] // 2
    if radius > 5:
        assert (weights.sum(0) * at * at).sum() == pytest.approx(radius**2 / 4 + 1 / 12, rel=0.01)


@pytest.mark.parametrize(("length", "degrees"), [(0.0, 30), (0.4, 10), (5.0, 0), (5.0, 90), (17.3, 45), (40.0, 200)])
def test_lines_have_their_length_and_direction(length: float, degrees: float) -> None:
    weights = dense(line(length, math.radians(degrees)))
    at = np.arange(weights.shape[0]) - weights.shape[0] // 2
    assert weights.sum() == pytest.approx(1.0, abs=1e-6)
    # Of a line and of the tents with which it is read.
    across, down = (weights.sum(0) * at * at).sum(), (weights.sum(1) * at * at).sum()
    assert across + down == pytest.approx(length**2 / 12, abs=0.34)
    if length > 4:
        along = (weights * np.multiply.outer(at, at)).sum()
        assert along == pytest.approx(length**2 / 24 * math.sin(math.radians(2 * degrees)), abs=0.1)


def test_a_spoilt_pixel_spoils_its_tile_at_most() -> None:
    footprint = FOOTPRINTS["wide"]
    pixels = noise(200, 600, seed=5)
    pixels[100, 300] = np.nan
    rows, columns = np.nonzero(np.isnan(convolve(padded(pixels, footprint), footprint)).any(-1))
    assert np.abs(rows - 100).max() <= 15
    assert np.abs(columns - 300).max() <= 200


@pytest.mark.parametrize("footprint", [disc(90.0, 90.0), disc(150.3, 70.2), line(700.0, 2.0)])
def test_large_ones_are_transformed_and_are_that_of_scipy_too(footprint: Footprint) -> None:
    pixels = noise(23, 31, seed=6, low=-0.5, high=16.0)
    around = padded(pixels, footprint)
    got = convolve(around, footprint, threads=3)
    wide = around.astype(np.float64)
    expected = [signal.correlate(wide[..., each], footprint.placed(), "valid", "fft") for each in range(4)]
    np.testing.assert_allclose(got, np.stack(expected, -1), atol=1e-6)
    part = convolve(np.ascontiguousarray(around[5:, :-7]), footprint)
    np.testing.assert_allclose(part, got[5:, :-7], atol=1e-6)


def test_transforms_leave_black_black_and_what_is_spoilt_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    footprint = FOOTPRINTS["wide"]
    pixels = np.zeros((80, 130, 4), np.float32)
    pixels[:, :40] = noise(80, 40, seed=3) * np.float32(1000.0)
    expected = convolve(padded(pixels, footprint), footprint)
    monkeypatch.setattr(convolution, "_MOST_STEPS", 0)
    got = convolve(padded(pixels, footprint), footprint)
    np.testing.assert_allclose(got, expected, atol=2e-3)
    np.testing.assert_array_equal(got[:, 40 + footprint.reach[2] :], 0.0)
    assert got.min() >= 0.0
    pixels[20, 100, 1], pixels[60, 110, 2] = np.nan, np.inf
    spoilt = convolve(padded(pixels, footprint), footprint)
    shape = dense(footprint) > 0
    for channel, (row, column) in ((1, (20, 100)), (2, (60, 110))):
        wrong = np.pad(np.isnan(spoilt[..., channel]), 14)
        np.testing.assert_array_equal(wrong[row : row + 29, column : column + 29], shape[::-1, ::-1])
        assert wrong.sum() == shape.sum()
    np.testing.assert_array_equal(spoilt[..., 0], got[..., 0])


def test_wrong_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="smaller than what the footprint reaches"):
        convolve(noise(5, 5), FOOTPRINTS["disc"])
    pixels = padded(noise(5, 5), FOOTPRINTS["disc"])
    with pytest.raises(ValueError, match="must not overlap"):
        convolve(pixels, FOOTPRINTS["disc"], out=pixels[:5, :5])
    assert convolve(np.zeros((11, 12, 4), np.float32), FOOTPRINTS["disc"]).shape == (1, 2, 4)
