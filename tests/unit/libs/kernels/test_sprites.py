"""Sprites: against NumPy's, OpenCV's affine warp and what they must add up to."""

import cv2
import numpy as np
import pytest

from libs.kernels import Pixels, draw_sprites, native
from libs.kernels.sprites import SPRITE, Sprites
from tests.unit.libs.kernels.pictures import noise, premultiplied, strip, untouched

pytestmark = pytest.mark.usefixtures("variant")


def sprites(number: int, *, picture: bool = False, seed: int = 1) -> Sprites:
    generator = np.random.default_rng(seed)
    result = np.zeros(number, SPRITE)
    result["x"], result["y"] = generator.uniform(-10, 80, number), generator.uniform(-10, 60, number)
    result["outer"] = generator.uniform(1.0, 12.0, number)
    result["inner"] = result["outer"] * generator.uniform(0.0, 0.9, number)
    result["colour"] = premultiplied(1, number, seed=seed)[0]
    if picture:
        angle, size = generator.uniform(0, 7, number), generator.uniform(0.7, 2.0, number)
        result["cosine"], result["sine"] = np.cos(angle), np.sin(angle)
        result["across"], result["down"] = size, 1.2 * size
        result["level"] = generator.integers(0, 2, number)
        result["outer"] = 12.0 / size + 2.0
    return result


LEVELS = [premultiplied(16, 13, seed=3), premultiplied(8, 6, seed=4)]


@pytest.mark.parametrize("over", [True, False])
@pytest.mark.parametrize("levels", [[], LEVELS], ids=["discs", "pictures"])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (50, 70)])
def test_agrees_with_numpy(size: tuple[int, int], levels: list[Pixels], over: bool) -> None:
    given = sprites(40, picture=bool(levels))
    for origin in ((0, 0), (-7, 11), (30, 20)):
        below = premultiplied(*size, seed=5)
        with native.using(native.NUMPY):
            expected = draw_sprites(below.copy(), origin, given, levels, over=over)
        got = draw_sprites(below.copy(), origin, given, levels, over=over, threads=3)
        np.testing.assert_allclose(got, expected, atol=3e-5)


@pytest.mark.parametrize("over", [True, False])
@pytest.mark.parametrize("levels", [[], LEVELS], ids=["discs", "pictures"])
def test_a_part_is_as_in_the_whole_to_the_bit(levels: list[Pixels], over: bool) -> None:
    given = sprites(60, picture=bool(levels), seed=2)
    whole = draw_sprites(np.zeros((50, 70, 4), np.float32), (0, 0), given, levels, over=over)
    assert np.abs(whole).max() > 0.5
    part = draw_sprites(np.zeros((17, 23, 4), np.float32), (31, 15), given, levels, over=over)
    np.testing.assert_array_equal(part, whole[15:32, 31:54])
    view, around = strip(np.zeros((50, 70, 4), np.float32))
    assert draw_sprites(view, (0, 0), given, levels, over=over, threads=2) is view
    np.testing.assert_array_equal(view, whole)
    assert untouched(around, 50)


@pytest.mark.parametrize("turn", [0.0, 0.5])
def test_a_picture_is_the_one_that_opencv_warps(turn: float) -> None:
    picture = noise(20, 30, seed=6)
    size, middle = 1.6, (41.3, 38.8)
    one = np.zeros(1, SPRITE)
    one["x"], one["y"], one["outer"], one["colour"] = *middle, 60.0, 1.0
    one["cosine"], one["sine"], one["across"], one["down"] = np.cos(turn), np.sin(turn), size, 0.5 * size
    ours = draw_sprites(np.zeros((80, 90, 4), np.float32), (0, 0), one, [picture], over=False)
    y, x = np.mgrid[0:80, 0:90].astype(np.float64) + 0.5
    turned = ((x - middle[0]) + 1j * (y - middle[1])) * size * np.exp(-1j * turn)
    at = (turned.real + 14.5).astype(np.float32), (0.5 * turned.imag + 9.5).astype(np.float32)
    expected = cv2.remap(picture, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    # OpenCV may round places to a 32nd of a pixel.
    np.testing.assert_allclose(ours, expected, atol=0.05)


def test_a_soft_disc_has_the_light_that_its_shape_has() -> None:
    one = np.zeros(1, SPRITE)
    one["x"], one["y"], one["inner"], one["outer"], one["colour"] = 40.3, 39.6, 10.0, 25.0, (2.0, 1.0, 0.5, 0.0)
    drawn = draw_sprites(np.zeros((80, 80, 4), np.float32), (0, 0), one, over=False)
    volume = np.pi * (25.0**2 - 25.0 * 15.0 + 0.3 * 15.0**2)
    np.testing.assert_allclose(drawn.sum((0, 1)), volume * one["colour"][0], rtol=1e-4)


def test_later_ones_lie_over_earlier_ones() -> None:
    two = np.zeros(2, SPRITE)
    two["x"] = two["y"] = 2.5
    two["inner"], two["outer"] = 8.0, 9.0
    two["colour"] = [[1.0, 0.0, 0.0, 1.0], [0.0, 0.5, 0.0, 0.5]]
    drawn = draw_sprites(np.zeros((5, 5, 4), np.float32), (0, 0), two, over=True)
    np.testing.assert_allclose(drawn, np.broadcast_to([0.5, 0.5, 0.0, 1.0], drawn.shape), atol=1e-6)


def test_nothing_and_what_is_wrong() -> None:
    pixels = noise(3, 3)
    before = pixels.copy()
    np.testing.assert_array_equal(draw_sprites(pixels, (0, 0), np.zeros(0, SPRITE), over=True), before)
    assert draw_sprites(np.zeros((0, 3, 4), np.float32), (0, 0), sprites(3), over=True).size == 0
    wrong = sprites(3, picture=True)
    wrong["level"][1] = 2
    with pytest.raises(ValueError, match="a sprite's level is one of 2"):
        draw_sprites(pixels, (0, 0), wrong, LEVELS, over=True)
    with pytest.raises(ValueError, match="a vector of SPRITE"):
        draw_sprites(pixels, (0, 0), np.zeros(3), over=True)


def test_sprites_are_drawn_into_the_pixels_themselves_or_nowhere() -> None:
    whole = np.zeros((4, 8, 4), np.float32)
    fixed = np.zeros((4, 4, 4), np.float32)
    fixed.flags.writeable = False
    for pixels in (whole[:, ::2], fixed):
        with pytest.raises(ValueError, match="writable float32"):
            draw_sprites(pixels, (0, 0), np.zeros(1, SPRITE), over=False)
