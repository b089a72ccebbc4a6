"""Merging, premultiplying: against OpenImageIO, the published formulas in float64, and NumPy's kernels."""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import OpenImageIO as oiio
import pytest

from libs.kernels import merge, over, premultiply, unpremultiply, with_alpha
from libs.kernels.types import OPERATIONS, Pixels
from tests.unit.libs.kernels.pictures import SIZES, by_reference, noise, premultiplied, strip, untouched

pytestmark = pytest.mark.usefixtures("variant")


def image(pixels: Pixels) -> oiio.ImageBuf:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 4, "float")
    spec.channelnames = ("R", "G", "B", "A")
    buffer = oiio.ImageBuf(spec)
    buffer.set_pixels(spec.roi, pixels)
    return buffer


def test_over_is_that_of_openimageio() -> None:
    a, b = premultiplied(19, 37, seed=1), premultiplied(19, 37, seed=2)
    expected = np.asarray(oiio.ImageBufAlgo.over(image(a), image(b)).get_pixels(oiio.FLOAT))
    np.testing.assert_allclose(over(a, b), expected, atol=2e-7)


def test_plus_and_multiply_of_colours_are_those_of_openimageio() -> None:
    a, b = premultiplied(19, 37, seed=1), premultiplied(19, 37, seed=2)
    a[..., 3] = b[..., 3] = 1.0
    added = np.asarray(oiio.ImageBufAlgo.add(image(a), image(b)).get_pixels(oiio.FLOAT))
    np.testing.assert_allclose(merge("plus", a, b)[..., :3], added[..., :3], atol=2e-7)
    multiplied = np.asarray(oiio.ImageBufAlgo.mul(image(a), image(b)).get_pixels(oiio.FLOAT))
    np.testing.assert_allclose(merge("multiply", a, b)[..., :3], multiplied[..., :3], atol=2e-7)


def w3c(mode: str, source: float, backdrop: float) -> float:
    """B(cb, cs) of W3C's Compositing and Blending Level 1, on straight colours."""
    if mode == "overlay":
        return w3c("hard-light", backdrop, source)
    if mode == "hard-light":
        if source <= 0.5:
            return backdrop * 2.0 * source
        return w3c("screen", 2.0 * source - 1.0, backdrop)
    return {
        "multiply": backdrop * source,
        "screen": backdrop + source - backdrop * source,
        "darken": min(backdrop, source),
        "lighten": max(backdrop, source),
        "difference": abs(backdrop - source),
        "exclusion": backdrop + source - 2.0 * backdrop * source,
    }[mode]


@pytest.mark.parametrize("mode", ["multiply", "screen", "overlay", "darken", "lighten", "difference", "exclusion"])
def test_blend_modes_are_those_of_the_w3c(mode: str) -> None:
    straight_a, straight_b = noise(5, 9, seed=3), noise(5, 9, seed=4)
    a, b = straight_a.copy(), straight_b.copy()
    a[..., :3] *= a[..., 3:]
    b[..., :3] *= b[..., 3:]
    got = merge(mode, a, b)
    for y, x, c in np.ndindex(5, 9, 3):
        cs, cb = float(straight_a[y, x, c]), float(straight_b[y, x, c])
        alpha, beta = float(straight_a[y, x, 3]), float(straight_b[y, x, 3])
        # Its formula (10): αs (1 − αb) cs + αs αb B(cb, cs) + (1 − αs) αb cb.
        expected = alpha * (1 - beta) * cs + alpha * beta * w3c(mode, cs, cb) + (1 - alpha) * beta * cb
        assert got[y, x, c] == pytest.approx(expected, abs=1e-6)
        assert got[y, x, 3] == pytest.approx(alpha + beta - alpha * beta, abs=1e-6)


Wide = npt.NDArray[np.float64]

PORTER_DUFF: dict[str, Callable[[Wide, Wide], tuple[Wide | float, Wide | float]]] = {
    # The fractions of A and B in table 1 of Porter and Duff's paper, by α and β.
    "over": lambda alpha, beta: (1.0, 1.0 - alpha),
    "under": lambda alpha, beta: (1.0 - beta, 1.0),
    "in": lambda alpha, beta: (beta, 0.0),
    "out": lambda alpha, beta: (1.0 - beta, 0.0),
    "atop": lambda alpha, beta: (beta, 1.0 - alpha),
    "xor": lambda alpha, beta: (1.0 - beta, 1.0 - alpha),
    "mask": lambda alpha, beta: (0.0, alpha),
    "stencil": lambda alpha, beta: (0.0, 1.0 - alpha),
    "copy": lambda alpha, beta: (1.0, 0.0),
}


@pytest.mark.parametrize("operation", PORTER_DUFF)
def test_porter_and_duffs_table(operation: str) -> None:
    a, b = premultiplied(6, 11, seed=1), premultiplied(6, 11, seed=2)
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    of_a, of_b = PORTER_DUFF[operation](wide_a[..., 3:], wide_b[..., 3:])
    np.testing.assert_allclose(merge(operation, a, b), wide_a * of_a + wide_b * of_b, atol=2e-7)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_agrees_with_numpy_with_any_amount(operation: str) -> None:
    for size in SIZES:
        a, b, mask = premultiplied(*size, seed=1), premultiplied(*size, seed=2), noise(*size, channels=1, seed=3)
        for amount in (1.0, 0.3, 0.0, mask):
            expected = by_reference(partial(merge, operation, a, b, amount))
            np.testing.assert_allclose(merge(operation, a, b, amount), expected, atol=5e-7)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_strips_and_results_in_place(operation: str) -> None:
    a, b, mask = premultiplied(9, 13, seed=1), premultiplied(9, 13, seed=2), noise(9, 13, channels=1, seed=3)
    expected = merge(operation, a, b, mask)
    (a_strip, _), (b_strip, whole), (mask_strip, _) = strip(a), strip(b), strip(mask)
    assert merge(operation, a_strip, b_strip, mask_strip, out=b_strip) is b_strip
    np.testing.assert_array_equal(b_strip, expected)
    assert untouched(whole, 9)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_not_finite_stays_in_its_pixel(operation: str) -> None:
    a, b = premultiplied(3, 11, seed=1), premultiplied(3, 11, seed=2)
    a[1, 5, 0], b[2, 3, 2], a[0, 9, 3] = np.nan, np.inf, np.nan
    got = merge(operation, a, b, 0.5)
    spoiled = ~np.isfinite(got).all(axis=-1)
    assert set(map(tuple, np.argwhere(spoiled).tolist())) <= {(1, 5), (2, 3), (0, 9)}


@pytest.mark.parametrize("size", SIZES)
def test_premultiplying_and_back(size: tuple[int, int]) -> None:
    pixels = noise(*size, seed=5)
    pixels[0, 0, 3] = 0.0
    straight = unpremultiply(pixels)
    wide = pixels.astype(np.float64)
    alpha = np.where(wide[..., 3:] == 0.0, 1.0, wide[..., 3:])
    np.testing.assert_allclose(straight[..., :3], wide[..., :3] / alpha, rtol=2e-7)
    np.testing.assert_array_equal(straight[..., 3], pixels[..., 3])
    np.testing.assert_allclose(premultiply(straight), pixels, rtol=4e-7)


def test_a_given_alpha_multiplies_everywhere() -> None:
    pixels, alpha = noise(5, 6, seed=5), noise(5, 6, channels=1, seed=6)
    alpha[2, 2] = 0.0
    got = premultiply(pixels, alpha, out=pixels.copy())
    np.testing.assert_array_equal(got[..., :3], pixels[..., :3] * alpha)
    np.testing.assert_array_equal(got[..., 3:], alpha)


def test_another_alpha_keeps_the_straight_colour() -> None:
    pixels, alpha = premultiplied(7, 21, seed=5), noise(7, 21, channels=1, seed=6)
    pixels[3] = [0.4, 0.5, 0.6, 0.0]
    before = pixels.astype(np.float64)
    got = with_alpha(pixels, alpha)
    own = np.where(before[..., 3:] > 0, before[..., 3:], 1.0)
    expected = np.where(before[..., 3:] > 0, before[..., :3] / own * alpha, before[..., :3])
    np.testing.assert_allclose(got[..., :3], expected, rtol=1e-6)
    np.testing.assert_array_equal(got[..., 3:], alpha)
    assert with_alpha(pixels, alpha, out=pixels) is pixels
    np.testing.assert_array_equal(pixels, got)


def test_what_an_alpha_gains_has_the_colour_around() -> None:
    pixels, around, alpha = premultiplied(5, 18, seed=1), premultiplied(5, 18, seed=2), noise(5, 18, channels=1, seed=3)
    around[2] = 0.0
    got = with_alpha(pixels, alpha, around).astype(np.float64)
    gains = alpha[..., 0] > pixels[..., 3]
    beside = around[..., :3] / np.where(around[..., 3:] > 0, around[..., 3:], 1.0)
    expected = pixels[..., :3] + beside * (alpha - pixels[..., 3:])
    np.testing.assert_allclose(got[..., :3][gains], expected[gains], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got[..., :3][~gains], with_alpha(pixels, alpha)[..., :3][~gains], rtol=1e-6)
    np.testing.assert_array_equal(got[2][gains[2]][:, :3], pixels[2][gains[2]][:, :3])
    by_numpy = by_reference(lambda: with_alpha(pixels, alpha, around))
    np.testing.assert_allclose(got, by_numpy, rtol=1e-6, atol=1e-7)


def test_the_faintest_alpha_makes_nothing_endless() -> None:
    pixels = np.array([[[1.0, -3.0, 1e9, 1e-30], [1.0, 2.0, 3.0, -1e-45]]], np.float32)
    assert np.isfinite(with_alpha(pixels, np.ones((1, 2, 1), np.float32))).all()


def test_light_of_next_to_no_alpha_is_as_without_any() -> None:
    faint = np.array([[[1.0, -3.0, 1e18, 1e-30], [1.0, 2.0, 3.0, -1e-45], [4.0, 5.0, 6.0, 0.0]]], np.float32)
    np.testing.assert_array_equal(unpremultiply(faint), faint)
    np.testing.assert_array_equal(premultiply(faint), faint)
    least = np.array([[[1e18, -1e18, 1.0, 1.1e-20]]], np.float32)
    straight = unpremultiply(least)
    assert np.isfinite(straight).all()
    np.testing.assert_allclose(premultiply(straight), least, rtol=4e-7)


def test_wrong_arrays_are_refused() -> None:
    a = noise(4, 5)
    with pytest.raises(ValueError, match="no operation 'dissolve'"):
        merge("dissolve", a, a)
    with pytest.raises(ValueError, match="differ in size"):
        over(a, noise(4, 6))
    with pytest.raises(ValueError, match="a is float32"):
        over(a.astype(np.float64), a)
    with pytest.raises(ValueError, match="a mask of this picture"):
        over(a, a, noise(4, 4, channels=1))
    with pytest.raises(ValueError, match="out is a writable"):
        over(a, a, 1.0, out=noise(8, 5)[::2, ::-1])
    with pytest.raises(ValueError, match="alpha of this picture"):
        with_alpha(a, noise(4, 4, channels=1))
    with pytest.raises(ValueError, match="differ in size"):
        with_alpha(a, noise(4, 5, channels=1), noise(4, 6))
