"""What is bright, and mixing, by their formulas in float64."""

import numpy as np
import pytest

from libs.kernels import Pixels, highlights, mix
from tests.unit.libs.kernels.pictures import SIZES, noise, strip, untouched

pytestmark = pytest.mark.usefixtures("variant")


def by_formula(pixels: Pixels, threshold: float, knee: float) -> Pixels:
    light = pixels[..., :3].astype(np.float64).max(-1)
    share = np.zeros_like(light)
    bend = (light > threshold - knee) & (light < threshold + knee) & (light > 0)
    share[bend] = (light[bend] - threshold + knee) ** 2 / (4 * knee * light[bend]) if knee else 0.0
    full = (light >= threshold + knee) & (light > 0)
    share[full] = (light[full] - threshold) / light[full]
    result: Pixels = np.maximum(pixels, 0.0) * share[..., None]
    result[..., 3] = 0.0
    return result


@pytest.mark.parametrize(("threshold", "knee"), [(1.0, 0.5), (0.8, 0.0), (0.0, 0.0), (0.5, 0.5), (0.2, 1.0)])
def test_highlights_are_what_the_formula_says(threshold: float, knee: float) -> None:
    for height, width in SIZES:
        pixels = noise(height, width, seed=1, low=-0.5, high=4.0)
        expected = by_formula(pixels, threshold, knee)
        np.testing.assert_allclose(highlights(pixels, threshold, knee), expected, atol=2e-6)
        gained = highlights(pixels, threshold, knee, (0.5, 2.0, -1.0))
        np.testing.assert_allclose(gained, expected * [0.5, 2.0, -1.0, 1.0], atol=4e-6)


def test_highlights_in_place_and_in_strips() -> None:
    pixels = noise(9, 21, seed=2, high=3.0)
    expected = highlights(pixels, 1.0, 0.5)
    source, whole = strip(pixels)
    assert highlights(source, 1.0, 0.5, out=source) is source
    np.testing.assert_array_equal(source, expected)
    assert untouched(whole, 9)


def test_what_is_not_finite_has_its_rules() -> None:
    pixels = np.zeros((1, 4, 4), np.float32)
    pixels[0, 0] = [np.nan, 2.0, 2.0, 1.0]
    pixels[0, 1] = [np.inf, 2.0, 2.0, 1.0]
    pixels[0, 2] = [2.0, 2.0, np.nan, 1.0]
    pixels[0, 3] = [3.0, 0.0, 0.0, np.nan]
    got = highlights(pixels, 1.0, 0.5)
    assert np.isnan(got[0, 0, :3]).all()
    np.testing.assert_array_equal(got[0, 1], [np.inf, 2.0, 2.0, 0.0])
    assert np.isnan(got[0, 2, :3]).all()
    np.testing.assert_allclose(got[0, 3], [2.0, 0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="0 or more"):
        highlights(pixels, -1.0, 0.5)


def test_a_mix_goes_from_one_to_the_other() -> None:
    for height, width in SIZES:
        a, b = noise(height, width, seed=3, high=16.0), noise(height, width, seed=4, low=-1.0)
        mask = noise(height, width, 1, seed=5)
        np.testing.assert_allclose(mix(a, b, 0.3), a * 0.7 + b * 0.3, rtol=2e-6, atol=1e-6)
        np.testing.assert_allclose(mix(a, b, mask), a * (1.0 - mask) + b * mask, rtol=2e-6, atol=1e-6)
        source, whole = strip(a)
        assert mix(source, b, mask, out=source) is source
        np.testing.assert_array_equal(source, mix(a, b, mask))
        assert untouched(whole, height)


def test_the_ends_of_a_mix_are_exact_whatever_the_other_is() -> None:
    a, b = noise(7, 9, seed=6, high=16.0), np.full((7, 9, 4), np.nan, np.float32)
    mask = np.zeros((7, 9, 1), np.float32)
    np.testing.assert_array_equal(mix(a, b, 0.0), a)
    np.testing.assert_array_equal(mix(b, a, 1.0), a)
    np.testing.assert_array_equal(mix(a, b, mask), a)
    mask[3, 4] = 1.0
    expected = a.copy()
    expected[3, 4] = np.nan
    np.testing.assert_array_equal(mix(a, b, mask), expected)
