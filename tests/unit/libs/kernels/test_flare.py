"""A lens's light: shapes that OpenCV draws and formulas give, and the native kernels beside NumPy's."""

import math
from typing import Any

import cv2
import numpy as np
import pytest

from libs.kernels import flare, native
from libs.kernels.flare import Flare, Ghost, Glow, Ring, Streak
from tests.unit.libs.kernels.pictures import noise, strip, untouched

pytestmark = pytest.mark.usefixtures("variant")

RGB = (1.0, 0.5, 2.0)
ALL = Flare(
    [Ghost(((40.0, 30.0), (42.0, 31.0), (38.0, 29.0)), (20.0, 18.0, 16.0), RGB, 3.0, 0.5)],
    [Ring((30.0, 20.0), (15.0, 14.0, 13.0), RGB, 4.0)],
    [Streak((50.0, 30.0), (0.6, 0.8), (40.0, 35.0, 30.0), RGB, 1.5)],
    [Glow((50.0, 30.0), (25.0, 25.0, 20.0), RGB, 3.0)],
    blades=7,
    turn=0.3,
    roundness=0.25,
)


@pytest.mark.parametrize("size", [(1, 1), (3, 17), (64, 90)])
def test_agrees_with_numpy(size: tuple[int, int]) -> None:
    pixels = noise(*size, seed=1)
    for origin in ((0, 0), (-20, 10), (35, 20), (500, 500)):
        with native.using(native.NUMPY):
            expected = flare(pixels.copy(), origin, ALL)
        got = flare(pixels.copy(), origin, ALL, threads=3)
        np.testing.assert_allclose(got, expected, atol=2e-5)
        np.testing.assert_array_equal(got[..., 3], pixels[..., 3])


def test_a_part_is_as_in_the_whole_and_rows_keep_to_themselves() -> None:
    whole = flare(np.zeros((64, 90, 4), np.float32), (0, 0), ALL)
    part = flare(np.zeros((21, 33, 4), np.float32), (29, 13), ALL)
    np.testing.assert_allclose(part, whole[13:34, 29:62], atol=1e-6)
    view, around = strip(np.zeros((64, 90, 4), np.float32))
    assert flare(view, (0, 0), ALL) is view
    np.testing.assert_array_equal(view, whole)
    assert untouched(around, 64)


@pytest.mark.parametrize("blades", [3, 5, 6, 16])
@pytest.mark.parametrize("turn", [0.0, 0.4])
def test_a_ghost_is_the_polygon_that_opencv_fills(blades: int, turn: float) -> None:
    angles = turn + 2 * math.pi * np.arange(blades) / blades
    corners = np.stack([100 + 80 * np.sin(angles), 100 - 80 * np.cos(angles)], -1)
    drawn = np.zeros((200, 200), np.uint8)
    cv2.fillPoly(drawn, [np.round((corners - 0.5) * 256).astype(np.int32)], 255, cv2.LINE_AA, shift=8)
    ghost = Ghost(((100.0, 100.0),) * 3, (80.0,) * 3, (1.0,) * 3, 1.0, 0.0)
    ours = flare(np.zeros((200, 200, 4), np.float32), (0, 0), Flare([ghost], blades=blades, turn=turn))
    # The edge is softened inwards by a pixel, so half of one is missing along the rim.
    area = 0.5 * blades * 80**2 * math.sin(2 * math.pi / blades)
    around = 2 * blades * 80 * math.sin(math.pi / blades)
    apothem = math.cos(math.pi / blades)
    assert ours[..., 0].sum() == pytest.approx(area - 0.5 * around * apothem, rel=0.006)
    assert ((ours[..., 0] > 0.5) != (drawn > 127)).mean() < 0.03


@pytest.mark.parametrize(
    ("shape", "at", "expected"),
    [
        ({"rings": [Ring((0.0, 0.0), (10.0,) * 3, (2.0,) * 3, 4.0)]}, (10.5, 0.5), (1 - (0.51189 / 4) ** 2) ** 3 * 2),
        ({"glows": [Glow((0.5, 0.5), (20.0,) * 3, (2.0,) * 3, 5.0)]}, (5.5, 0.5), (1 - 1 / 16) ** 3),
        ({"streaks": [Streak((0.5, 0.5), (1.0, 0.0), (16.0,) * 3, (3.0,) * 3, 2.0)]}, (8.5, 1.5),
         3 * 0.75**3 * 0.75**3 / 17),
    ],
)  # fmt: skip
def test_values_are_those_of_the_formulas(shape: dict[str, Any], at: tuple[float, float], expected: float) -> None:
    pixels = np.zeros((1, 1, 4), np.float32)
    flare(pixels, (math.floor(at[0]), math.floor(at[1])), Flare(**shape))
    np.testing.assert_allclose(pixels[0, 0], [expected] * 3 + [0.0], rtol=1e-4)


def test_blades_that_there_are_not_are_refused() -> None:
    with pytest.raises(ValueError, match="3 to 16 blades, not 17"):
        flare(np.zeros((1, 1, 4), np.float32), (0, 0), Flare(blades=17))


def test_light_goes_into_the_pixels_themselves_or_nowhere() -> None:
    whole = np.zeros((4, 8, 4), np.float32)
    fixed = np.zeros((4, 4, 4), np.float32)
    fixed.flags.writeable = False
    for pixels in (whole[:, ::2], fixed, np.zeros((4, 4), np.float32)):
        with pytest.raises(ValueError, match="writable float32"):
            flare(pixels, (0, 0), ALL)
    assert not whole.any()
    assert not fixed.any()
