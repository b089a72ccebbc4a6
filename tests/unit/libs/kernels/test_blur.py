"""The Gaussian, against SciPy's in float64, which is cut off much farther out."""

import numpy as np
import pytest
from scipy import ndimage

from libs.kernels import Pixels, gaussian, gaussian_reach
from tests.unit.libs.kernels.pictures import by_reference, noise, strip, untouched

pytestmark = pytest.mark.usefixtures("variant")

TOLERANCE = 1e-5
"""Of the brightest value; half of it is what is cut off beyond the reach, in NumPy's kernel too."""


def scipys(pixels: Pixels, sigma_x: float, sigma_y: float) -> Pixels:
    wide = pixels.astype(np.float64)
    blurred: Pixels = ndimage.gaussian_filter(wide, (sigma_y, sigma_x, 0), mode="constant", truncate=9.0)
    return blurred


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.5, 3.4, 3.6, 5.2, 8.0, 13.0, 31.7])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_is_that_of_scipy(sigma: float, channels: int) -> None:
    pixels = noise(61, 83, channels, seed=2)
    got = gaussian(pixels, sigma, sigma, threads=2)
    np.testing.assert_allclose(got, scipys(pixels, sigma, sigma), atol=TOLERANCE)


@pytest.mark.parametrize("sigmas", [(8.0, 8.0), (0.0, 6.0), (6.0, 0.0), (1.5, 20.0), (0.0, 0.0)])
def test_sides_differ_and_pictures_are_small(sigmas: tuple[float, float]) -> None:
    for size in ((1, 1), (1, 50), (50, 1), (2, 3), (16, 15), (33, 65)):
        for channels in (4, 1):
            pixels = noise(*size, channels, seed=3)
            np.testing.assert_allclose(gaussian(pixels, *sigmas), scipys(pixels, *sigmas), atol=TOLERANCE)


def test_agrees_with_numpy_on_high_values() -> None:
    pixels = noise(90, 120, seed=5) * np.float32(200.0)
    expected = by_reference(lambda: gaussian(pixels, 9.0, 9.0))
    np.testing.assert_allclose(gaussian(pixels, 9.0, 9.0), expected, atol=200 * TOLERANCE)


@pytest.mark.parametrize("sigma", [2.0, 8.0])
def test_a_flat_picture_keeps_its_value_inside(sigma: float) -> None:
    got = gaussian(np.full((128, 128, 4), 0.7, np.float32), sigma, sigma)
    middle = slice(gaussian_reach(sigma), -gaussian_reach(sigma))
    np.testing.assert_allclose(got[middle, middle], 0.7, atol=2e-6)


@pytest.mark.parametrize("sigma", [3.0, 8.0, 12.3])
def test_a_part_is_as_in_the_whole(sigma: float) -> None:
    pixels = noise(150, 160, seed=6)
    whole = gaussian(pixels, sigma, sigma, origin=(-5, 11))
    reach = gaussian_reach(sigma)
    top, bottom, left, right = 61, 80, 70, 83
    rows, columns = slice(max(top - reach, 0), bottom + reach), slice(max(left - reach, 0), right + reach)
    origin = (-5 + columns.start, 11 + rows.start)
    part = gaussian(np.ascontiguousarray(pixels[rows, columns]), sigma, sigma, origin=origin)
    inside = part[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start]
    np.testing.assert_allclose(inside, whole[top:bottom, left:right], atol=3e-6)


@pytest.mark.parametrize("sigma", [1.0, 7.0])
def test_threads_change_nothing(sigma: float) -> None:
    pixels = noise(120, 64, seed=7)
    expected = gaussian(pixels, sigma, sigma)
    for threads in (2, 3, 7, 500):
        np.testing.assert_array_equal(gaussian(pixels, sigma, sigma, threads=threads), expected)


@pytest.mark.parametrize("sigma", [1.0, 7.0])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_strips_and_results_in_place(sigma: float, channels: int) -> None:
    pixels = noise(40, 33, channels, seed=8)
    expected = gaussian(pixels, sigma, sigma)
    source, whole = strip(pixels)
    assert gaussian(source, sigma, sigma, out=source, threads=2) is source
    np.testing.assert_array_equal(source, expected)
    assert untouched(whole, 40)


@pytest.mark.parametrize("sigma", [1.0, 3.0, 8.0])
@pytest.mark.parametrize("spoiler", [np.nan, np.inf])
def test_what_is_not_finite_stays_within_twice_the_reach(sigma: float, spoiler: float) -> None:
    pixels = noise(200, 210, seed=9)
    pixels[100, 90, 1] = spoiler
    spoiled = np.argwhere(~np.isfinite(gaussian(pixels, sigma, sigma)))
    assert spoiled.size
    assert set(spoiled[:, 2].tolist()) == {1}
    far = np.abs(spoiled[:, :2] - (100, 90)).max()
    assert far <= 2 * gaussian_reach(sigma) + 3


def test_wrong_sigmas_are_refused() -> None:
    for sigma in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="sigma is a number of pixels"):
            gaussian(noise(3, 3), sigma, 1.0)
    assert gaussian(np.zeros((0, 5, 4), np.float32), 3.0, 3.0).shape == (0, 5, 4)
