"""How bright pictures are, against the arithmetic of CTA-861.3 in float64."""

import numpy as np
import pytest

from libs.kernels import light_level
from tests.unit.libs.kernels.pictures import SIZES, noise, strip

pytestmark = pytest.mark.usefixtures("variant")

MATRIX = np.array([[0.7, 0.2, 0.1], [-0.1, 1.2, -0.1], [0.05, 0.05, 0.9]])


@pytest.mark.parametrize("size", SIZES)
def test_the_brightest_pixel_and_the_average(size: tuple[int, int]) -> None:
    source, _ = strip(noise(*size, low=-3.0, high=9.0))
    light = np.clip(source[..., :3].astype(np.float64) @ MATRIX.T, 0.0, 5.0).max(axis=-1)
    brightest, average = light_level(source, to_light=MATRIX, peak=5.0)
    assert brightest == pytest.approx(light.max(), rel=1e-6)
    assert average == pytest.approx(light.mean(), rel=1e-6)


def test_one_small_light_is_found_wherever_it_is() -> None:
    for place in range(40):
        pixels = np.zeros((2, 20, 4), np.float32)
        pixels.reshape(-1, 4)[place, 1] = 2.0
        assert light_level(pixels, to_light=np.eye(3), peak=100.0) == (2.0, 2.0 / 40)


def test_what_is_no_number_is_dark_and_what_is_endless_is_the_peak() -> None:
    pixels = np.zeros((1, 4, 4), np.float32)
    pixels[0, 0, :3] = np.nan
    pixels[0, 1, :3] = np.inf
    pixels[0, 2, :3] = -7.0
    # Alpha is no light.
    pixels[..., 3] = 1.0
    assert light_level(pixels, to_light=np.full((3, 3), 0.5), peak=8.0) == (8.0, 2.0)
    assert light_level(np.zeros((0, 7, 4), np.float32), to_light=np.eye(3), peak=8.0) == (0.0, 0.0)
