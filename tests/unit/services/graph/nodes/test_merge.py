from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from artifex.nodes import Frame, Window
from services.graph.nodes.composite.merge import Merge
from tests.unit.services.graph.support import Context, node, picture

Array = NDArray[np.float64]
OPERATIONS = Merge.operation.choices

# Porter and Duff 1984, table of figure 3: the fractions of A and B that remain.
FRACTIONS: dict[str, Callable[[Array, Array], tuple[Array, Array]]] = {
    "over": lambda aa, ba: (np.ones_like(aa), 1 - aa),
    "under": lambda aa, ba: (1 - ba, np.ones_like(aa)),
    "in": lambda aa, ba: (ba, np.zeros_like(aa)),
    "out": lambda aa, ba: (1 - ba, np.zeros_like(aa)),
    "atop": lambda aa, ba: (ba, 1 - aa),
    "xor": lambda aa, ba: (1 - ba, 1 - aa),
    "mask": lambda aa, ba: (np.zeros_like(aa), aa),
    "stencil": lambda aa, ba: (np.zeros_like(aa), 1 - aa),
    "copy": lambda aa, ba: (np.ones_like(aa), np.zeros_like(aa)),
}

# W3C Compositing and Blending Level 1, section 10.1: B(Cb, Cs) on straight colours.
BLENDS: dict[str, Callable[[Array, Array], Array]] = {
    "multiply": lambda s, b: s * b,
    "screen": lambda s, b: s + b - s * b,
    "overlay": lambda s, b: np.where(b <= 0.5, 2 * b * s, 1 - 2 * (1 - b) * (1 - s)),
    "darken": lambda s, b: np.minimum(s, b),
    "lighten": lambda s, b: np.maximum(s, b),
    "difference": lambda s, b: np.abs(s - b),
    "exclusion": lambda s, b: s + b - 2 * s * b,
}


def oracle(operation: str, a: Array, b: Array) -> Array:
    aa, ba = a[..., 3:], b[..., 3:]
    if operation in FRACTIONS:
        fa, fb = FRACTIONS[operation](aa, ba)
        return a * fa + b * fb
    if operation == "plus":
        return np.concatenate([(a + b)[..., :3], np.minimum(aa + ba, 1)], -1)
    s, d = a[..., :3] / np.where(aa > 0, aa, 1), b[..., :3] / np.where(ba > 0, ba, 1)
    # Section 9.1.4 and 5.1: co = αs(1 − αb)Cs + αsαb·B + (1 − αs)αb·Cb.
    colour = aa * (1 - ba) * s + aa * ba * BLENDS[operation](s, d) + (1 - aa) * ba * d
    return np.concatenate([colour, aa + ba - aa * ba], -1)


def merged(a: Frame, b: Frame, mask: Frame | None = None, size: tuple[int, int] = (64, 36), **params: Any) -> Frame:
    frames = {"a": a, "b": b, **({"mask": mask} if mask is not None else {})}
    return node(Merge, **params).render(Context(frames, Merge.merged, size))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_follows_its_published_formula(operation: str) -> None:
    a, b = picture(1, 11, 150), picture(2, 11, 150)
    result = merged(Frame(a), Frame(b.copy()), size=(11, 150), operation=operation).pixels
    np.testing.assert_allclose(result, oracle(operation, a.astype(np.float64), b.astype(np.float64)), atol=2e-5)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_small_and_shifted_pictures_are_as_if_padded(operation: str) -> None:
    region = Window(0, 0, 20, 16)
    a, b = Frame(picture(3, 9, 7), 4, -3), Frame(picture(4, 8, 12), -2, 3)
    result = merged(a, b, size=(20, 16), operation=operation).filled(region)
    expected = oracle(operation, a.filled(region).astype(np.float64), b.filled(region).astype(np.float64))
    np.testing.assert_allclose(result, expected, atol=2e-5)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_mix_and_mask_go_from_b_to_the_result(operation: str) -> None:
    a, b = Frame(picture(5, 20, 16)), Frame(picture(6, 20, 16))
    mask = Frame(np.random.default_rng(7).uniform(0, 1, (10, 12, 1)).astype(np.float32), 3, 2)
    amount = 0.7 * mask.filled(Window(0, 0, 20, 16)).astype(np.float64)
    whole = oracle(operation, a.pixels.astype(np.float64), b.pixels.astype(np.float64))
    result = merged(a, b, mask, (20, 16), operation=operation, mix=0.7).pixels
    np.testing.assert_allclose(result, b.pixels + amount * (whole - b.pixels), atol=2e-5)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_mix_zero_is_b(operation: str) -> None:
    a, b = Frame(picture(8, 5, 5)), Frame(picture(9, 5, 5))
    np.testing.assert_array_equal(merged(a, b, operation=operation, mix=0.0).pixels, b.pixels)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 7))
def test_over_is_associative(seed: int, width: int, height: int) -> None:
    a, b, c = (Frame(picture(seed + n, width, height)) for n in range(3))
    left = merged(merged(a, b), c).pixels
    right = merged(a, merged(b, c)).pixels
    np.testing.assert_allclose(left, right, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_under_is_over_the_other_way_round(seed: int) -> None:
    a, b = Frame(picture(seed, 5, 4)), Frame(picture(seed + 1, 5, 4))
    np.testing.assert_allclose(merged(a, b, operation="under").pixels, merged(b, a, operation="over").pixels, atol=1e-6)


def test_an_opaque_background_stays_opaque_exactly() -> None:
    a, b = Frame(picture(1, 30, 30), 5, 5), Frame(picture(2, 64, 36, alpha=False), opaque=True)
    for operation in ("over", "plus", "screen", "atop"):
        result = merged(a, b, operation=operation)
        assert result.opaque
        assert result.pixels[..., 3].min() == result.pixels[..., 3].max() == 1.0
    assert not merged(a, b, operation="xor").opaque


def test_a_small_front_leaves_the_rest_untouched_bit_for_bit() -> None:
    a, b = Frame(picture(1, 4, 4), 10, 10), Frame(picture(2, 64, 36))
    result = merged(a, b).pixels
    outside = np.ones((36, 64), bool)
    outside[10:14, 10:14] = False
    np.testing.assert_array_equal(result[outside], b.pixels[outside])


def test_inputs_are_not_changed() -> None:
    a = Frame(picture(1, 6, 6))
    before = a.pixels.copy()
    merged(a, Frame(picture(2, 6, 6)), mix=0.5)
    np.testing.assert_array_equal(a.pixels, before)


def test_nothing_in_front_is_the_background() -> None:
    b = Frame(picture(2, 6, 6))
    np.testing.assert_array_equal(merged(Frame.empty(), b).pixels, b.pixels)
    assert not merged(Frame.empty(), b, operation="in").pixels.any()


def test_one_pixel() -> None:
    result = merged(Frame(picture(1, 1, 1)), Frame(picture(2, 1, 1)), size=(1, 1))
    assert result.pixels.shape == (1, 1, 4)
