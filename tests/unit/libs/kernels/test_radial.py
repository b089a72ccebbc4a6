"""Means along rays and arcs, against SciPy's linear spline at the same points in float64."""

import numpy as np
import pytest
from scipy import ndimage

from libs.kernels import Pixels, radial
from libs.kernels.radial import MOST_SAMPLES
from tests.unit.libs.kernels.pictures import noise, strip, untouched

pytestmark = pytest.mark.usefixtures("variant")


def scipys(pixels: Pixels, centre: tuple[float, float], amount: float, *, spin: bool, repeat: bool) -> Pixels:
    y, x = np.mgrid[0 : pixels.shape[0], 0 : pixels.shape[1]].astype(np.float64)
    dx, dy = x + 0.5 - centre[0], y + 0.5 - centre[1]
    count = np.minimum(MOST_SAMPLES, 1 + np.ceil(np.hypot(dx, dy) * abs(amount)))
    total = np.zeros(pixels.shape)
    wide = pixels.astype(np.float64)
    for number in range(int(count.max())):
        part = amount * ((number + 0.5) / count - 0.5)
        turned = (dx + 1j * dy) * (np.exp(1j * part) if spin else 1.0 + part)
        at = [centre[1] - 0.5 + turned.imag, centre[0] - 0.5 + turned.real]
        mode = "nearest" if repeat else "grid-constant"
        for channel in range(4):
            found = ndimage.map_coordinates(wide[..., channel], at, order=1, mode=mode)
            total[..., channel] += np.where(number < count, found, 0.0)
    result: Pixels = total / count[..., None]
    return result


@pytest.mark.parametrize("repeat", [True, False])
@pytest.mark.parametrize(("spin", "amount"), [(False, 1.0), (True, 0.3), (True, -6.28)])
@pytest.mark.parametrize("centre", [(8.0, 6.5), (-7.3, 30.0)])
def test_is_that_of_scipy(centre: tuple[float, float], spin: bool, amount: float, repeat: bool) -> None:
    pixels = noise(13, 19, seed=1, low=-0.5, high=16.0)
    got = radial(pixels, centre, amount, (13, 19), (0, 0), (0, 0), spin=spin, repeat=repeat)
    np.testing.assert_allclose(got, scipys(pixels, centre, amount, spin=spin, repeat=repeat), atol=6e-5)


@pytest.mark.parametrize("spin", [True, False])
def test_parts_threads_and_strips(spin: bool) -> None:
    pixels = noise(40, 50, seed=2)
    expected = radial(pixels, (20.0, 17.0), 0.4, (40, 50), (0, 0), (0, 0), spin=spin, repeat=False)
    got = radial(pixels, (20.0, 17.0), 0.4, (40, 50), (0, 0), (0, 0), spin=spin, repeat=False, threads=7)
    np.testing.assert_array_equal(got, expected)
    # The same in another corner of the document.
    got = radial(pixels, (-80.0, 1017.0), 0.4, (7, 9), (-90, 1010), (-100, 1000), spin=spin, repeat=False)
    np.testing.assert_allclose(got, expected[10:17, 10:19], atol=2e-6)
    out, whole = strip(np.zeros_like(expected))
    source, around = strip(pixels)
    assert radial(source, (20.0, 17.0), 0.4, (40, 50), (0, 0), (0, 0), spin=spin, repeat=False, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert untouched(whole, 40)
    assert untouched(around, 40)


def test_long_ways_have_their_bound() -> None:
    pixels = noise(1, 1, seed=3)
    got = radial(pixels, (1e6, 0.0), 1.0, (1, 1), (0, 0), (0, 0), spin=False, repeat=True)
    np.testing.assert_allclose(got, pixels, rtol=1e-4)


def test_nothing_and_what_is_wrong() -> None:
    nothing = np.zeros((0, 0, 4), np.float32)
    result = radial(nothing, (0.0, 0.0), 0.5, (3, 4), (0, 0), (0, 0), spin=True, repeat=False)
    np.testing.assert_array_equal(result, np.zeros((3, 4, 4)))
    assert radial(noise(2, 2), (0.0, 0.0), 0.5, (0, 4), (0, 0), (0, 0), spin=True, repeat=True).size == 0
    for centre, amount in (((0.0, np.nan), 0.5), ((0.0, 0.0), 1e30), ((-1e300, 0.0), 0.5), ((0.0, 0.0), -np.inf)):
        with pytest.raises(ValueError, match="finite numbers of at most 1e\\+09"):
            radial(noise(2, 2), centre, amount, (2, 2), (0, 0), (0, 0), spin=True, repeat=True)
    for spin in (True, False):
        far = radial(noise(2, 2), (1e9, -1e9), 1e9, (2, 2), (0, 0), (0, 0), spin=spin, repeat=False)
        assert (far >= 0.0).all()
    pixels = noise(2, 2)
    with pytest.raises(ValueError, match="must not overlap"):
        radial(pixels, (0.0, 0.0), 0.5, (2, 2), (0, 0), (0, 0), spin=True, repeat=True, out=pixels)
