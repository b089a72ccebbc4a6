"""Half floats, against NumPy's own."""

import numpy as np
import pytest

from libs.kernels import from_half, to_half
from tests.unit.libs.kernels.pictures import SIZES, noise, strip

pytestmark = pytest.mark.usefixtures("variant")


def test_every_half_becomes_its_float() -> None:
    halves = np.arange(65536, dtype=np.uint16).view(np.float16).reshape(64, 256, 4)
    got = from_half(halves)
    numbers = ~np.isnan(halves)
    np.testing.assert_array_equal(got[numbers].view(np.uint32), halves.astype(np.float32)[numbers].view(np.uint32))
    assert np.isnan(got[~numbers]).all()


def test_floats_become_the_nearest_half() -> None:
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    middles = (halves[:-1] + halves[1:]) * np.float32(0.5)
    near = np.concatenate([halves, middles, np.nextafter(middles, 0), np.nextafter(middles, np.inf)])
    special = np.array([65519.9, 65520.0, 1e30, np.inf, np.nan, 1e-30, 5.9e-8, 2.98e-8, 0.0], np.float32)
    values = np.concatenate([near, special, -near, -special])
    with np.errstate(over="ignore"):
        expected = values.astype(np.float16)
    got = to_half(values.reshape(1, -1, 1)).ravel()
    numbers = ~np.isnan(values)
    np.testing.assert_array_equal(got[numbers].view(np.uint16), expected[numbers].view(np.uint16))
    assert np.isnan(got[~numbers]).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_size_and_strips(size: tuple[int, int], channels: int) -> None:
    pixels = noise(*size, channels, low=-3.0, high=3.0)
    source, _ = strip(pixels)
    half = to_half(source)
    np.testing.assert_array_equal(half, pixels.astype(np.float16))
    np.testing.assert_array_equal(from_half(half, out=source), half.astype(np.float32))
    np.testing.assert_array_equal(from_half(np.asfortranarray(half)), half.astype(np.float32))


def test_wrong_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="half is float16"):
        from_half(noise(2, 2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="out is contiguous float16"):
        to_half(noise(2, 2), out=np.empty((2, 3, 4), np.float16))
