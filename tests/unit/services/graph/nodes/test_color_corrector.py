from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame
from services.graph.nodes.color.color_corrector import ColorCorrector
from tests.unit.services.graph.nodes.colour_properties import what_is_finite_stays_so
from tests.unit.services.graph.nodes.oracles.color_corrector import CASES, by_formula, graded
from tests.unit.services.graph.support import Context, node, picture


@pytest.mark.parametrize("params", CASES.values(), ids=CASES)
def test_it_follows_its_formula_on_colours_far_apart(params: dict[str, Any]) -> None:
    straight = np.random.default_rng(1).uniform(-0.5, 4.0, (9, 7, 4)).astype(np.float32)
    straight[0, 0, :3] = [60000.0, -0.001, 1e-6]
    straight[..., 3] = 1.0
    expected = by_formula(straight[..., :3].astype(np.float64), **params)
    result = graded(Frame(straight.copy()), **params).pixels
    # OCIO's fast power is good to 2e-5 of the value.
    np.testing.assert_allclose(result[..., :3], expected, rtol=2e-4, atol=2e-4)
    np.testing.assert_array_equal(result[..., 3], 1.0)


def test_colour_is_graded_straight_and_alpha_is_kept() -> None:
    pixels = picture(2, 6, 5)
    alpha = pixels[..., 3:].astype(np.float64)
    params: dict[str, Any] = {"gamma": (2.0, 2.0, 2.0, 1.0), "offset": (0.1, 0.1, 0.1, 1.0)}
    expected = by_formula(pixels[..., :3] / alpha, **params) * alpha
    result = graded(Frame(pixels.copy()), **params).pixels
    np.testing.assert_allclose(result[..., :3], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(result[..., 3], pixels[..., 3])


def test_what_is_transparent_stays_so() -> None:
    result = graded(Frame(np.zeros((2, 2, 4), np.float32)), offset=(1.0, 1.0, 1.0, 1.0))
    assert not result.pixels.any()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 9), st.integers(1, 9))
def test_defaults_change_nothing(seed: int, width: int, height: int) -> None:
    pixels = picture(seed, width, height)
    np.testing.assert_array_equal(graded(Frame(pixels.copy())).pixels, pixels)


@pytest.mark.parametrize("params", CASES.values(), ids=CASES)
def test_it_passes_its_input_on_only_where_it_has_nothing_to_do(params: dict[str, Any]) -> None:
    request = Context({}, ColorCorrector.graded).request
    assert node(ColorCorrector).identity(request) == "video"
    assert node(ColorCorrector, **params).identity(request) is None


@settings(max_examples=30, deadline=None)
@given(st.floats(-4, 4), st.floats(-4, 4))
def test_stops_add_up(first: float, second: float) -> None:
    frame = Frame(picture(3, 4, 3, alpha=False), opaque=True)
    once = graded(frame, exposure=first + second).pixels
    twice = graded(graded(frame, exposure=first), exposure=second).pixels
    np.testing.assert_allclose(once, twice, rtol=1e-5, atol=1e-6)


def test_one_pixel_and_none() -> None:
    assert graded(Frame(picture(0, 1, 1)), exposure=1.0).pixels.shape == (1, 1, 4)
    assert graded(Frame.empty(), exposure=1.0).pixels.size == 0


def test_a_pixel_that_is_no_number_spoils_no_other() -> None:
    pixels = picture(5, 6, 4)
    spoilt = pixels.copy()
    spoilt[1, 2, :3] = [np.nan, np.inf, -np.inf]
    clean, result = (graded(Frame(array), **CASES["everything"]).pixels for array in (pixels, spoilt))
    others = np.ones((4, 6), bool)
    others[1, 2] = False
    np.testing.assert_array_equal(result[others], clean[others])


@pytest.mark.parametrize(
    "params",
    [
        {"contrast": 10.0, "exposure": 20.0, "saturation": 0.5},
        {"gamma": (0.05, 0.05, 1.0, 1.0), "gain": (100.0, 100.0, 100.0, 1.0), "contrast": 10.0, "pivot": 0.001},
        {"gamma": (0.05, 1.0, 20.0, 1.0), "offset": (10.0, -10.0, 10.0, 1.0), "saturation": 10.0},
    ],
)
def test_what_is_finite_stays_so(params: dict[str, Any]) -> None:
    what_is_finite_stays_so(ColorCorrector, **params)


def test_grey_stays_grey() -> None:
    pixels = np.full((1, 1, 4), 0.4, np.float32)
    pixels[..., 3] = 1
    result = graded(Frame(pixels), saturation=3.0, contrast=1.5, exposure=0.5).pixels[0, 0, :3]
    np.testing.assert_allclose(result, result[0], rtol=1e-5)
