import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Window
from services.graph.nodes.composite.merge import Merge
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles import blends
from tests.unit.services.graph.nodes.oracles.merge import FRACTIONS, by_formula, merged
from tests.unit.services.graph.support import Context, node, picture

OPERATIONS = Merge.operation.choices
SMOOTH = [operation for operation in OPERATIONS if operation not in blends.STEEP]
"""Without quotients, beside whose poles the pictures' own float32 decides; those are compared in test_merge_blends."""


@pytest.mark.parametrize("operation", SMOOTH)
def test_each_operation_follows_its_published_formula(operation: str) -> None:
    a, b = picture(1, 11, 150), picture(2, 11, 150)
    result = merged(Frame(a), Frame(b.copy()), size=(11, 150), operation=operation).filled(Window(0, 0, 11, 150))
    np.testing.assert_allclose(result, by_formula(operation, a.astype(np.float64), b.astype(np.float64)), atol=1e-5)


@pytest.mark.parametrize("operation", [*(FRACTIONS.keys() - {"clear"}), "plus"])
def test_light_is_right_to_the_last_bits(operation: str) -> None:
    """Of float32, beside float64 rounded once: where nothing cancels, 3 units in the last place are all there is."""
    a, b = (np.abs(picture(seed, 64, 36)) for seed in (21, 22))
    exact = by_formula(operation, a.astype(np.float64), b.astype(np.float64)).astype(np.float32)
    np.testing.assert_array_max_ulp(merged(Frame(a), Frame(b), operation=operation).pixels, exact, maxulp=3)


@pytest.mark.parametrize("operation", SMOOTH)
def test_small_and_shifted_pictures_are_as_if_padded(operation: str) -> None:
    region = Window(0, 0, 20, 16)
    a, b = Frame(picture(3, 9, 7), 4, -3), Frame(picture(4, 8, 12), -2, 3)
    result = merged(a, b, size=(20, 16), operation=operation).filled(region)
    expected = by_formula(operation, a.filled(region).astype(np.float64), b.filled(region).astype(np.float64))
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_mix_and_mask_go_from_b_to_the_result(operation: str) -> None:
    a, b = Frame(picture(5, 20, 16)), Frame(picture(6, 20, 16))
    mask = Frame(np.random.default_rng(7).uniform(0, 1, (10, 12, 1)).astype(np.float32), 3, 2)
    amount = 0.7 * mask.filled(Window(0, 0, 20, 16)).astype(np.float64)
    whole = merged(a, b, size=(20, 16), operation=operation).filled(b.window).astype(np.float64)
    result = merged(a, b, mask, (20, 16), operation=operation, mix=0.7).pixels
    np.testing.assert_allclose(result, b.pixels + amount * (whole - b.pixels), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_mix_zero_passes_b_on(operation: str) -> None:
    a, b = Frame(picture(8, 5, 5)), Frame(picture(9, 5, 5))
    assert merged(a, b, operation=operation, mix=0.0) is b


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "destination"])
def test_strips_are_parts_of_the_whole_bit_for_bit(operation: str) -> None:
    """What makes it a point operation: any region alone gives the pixels that the whole has there."""
    frames = {"a": Frame(picture(3, 40, 21), 5, 6), "b": Frame(picture(4, 64, 36)),
              "mask": Frame(np.random.default_rng(7).uniform(0, 1, (30, 50, 1)).astype(np.float32), 3, 2)}  # fmt: skip
    merge = node(Merge, operation=operation, mix=0.8)
    assert merge.pointwise(Context({}, Merge.merged).request)
    whole = applied(merge, frames).filled(Window(0, 0, 64, 36))
    for region in (Window(0, 0, 64, 7), Window(0, 7, 64, 16), Window(0, 23, 64, 13), Window(20, 9, 3, 5)):
        part = applied(merge, frames, region=region)
        assert region.contains(part.window)
        np.testing.assert_array_equal(part.filled(region), whole[region.inside(Window(0, 0, 64, 36))])


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
    for operation in OPERATIONS:
        result = merged(a, b, operation=operation)
        alpha = by_formula(operation, a.filled(b.window).astype(np.float64), b.pixels.astype(np.float64))[..., 3]
        assert result.opaque == (np.abs(alpha - 1) < 1e-9).all(), operation
        if result.opaque:
            assert result.pixels[..., 3].min() == result.pixels[..., 3].max() == 1.0


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


@pytest.mark.parametrize("operation", SMOOTH)
def test_nothing_on_either_side(operation: str) -> None:
    something = Frame(picture(2, 6, 6))
    black = np.zeros((6, 6, 4))
    pixels = something.pixels.astype(np.float64)
    behind = merged(Frame.empty(), something, operation=operation).filled(something.window)
    np.testing.assert_allclose(behind, by_formula(operation, black, pixels), atol=1e-6)
    before = merged(something, Frame.empty(), operation=operation).filled(something.window)
    np.testing.assert_allclose(before, by_formula(operation, pixels, black), atol=1e-6)
    assert not merged(Frame.empty(), Frame.empty(), operation=operation).pixels.any()


def test_a_pixel_that_is_no_number_spoils_no_other() -> None:
    a, b = picture(1, 6, 6), Frame(picture(2, 6, 6))
    spoilt = a.copy()
    spoilt[3, 3] = np.nan
    others = np.ones((6, 6), bool)
    others[3, 3] = False
    for operation in OPERATIONS:
        clean, result = (merged(Frame(front), b, operation=operation).filled(b.window) for front in (a, spoilt))
        np.testing.assert_array_equal(result[others], clean[others])


def test_one_pixel() -> None:
    result = merged(Frame(picture(1, 1, 1)), Frame(picture(2, 1, 1)), size=(1, 1))
    assert result.pixels.shape == (1, 1, 4)
