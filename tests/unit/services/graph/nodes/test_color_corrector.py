from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from artifex.nodes import Frame
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.nodes.color.color_corrector import ColorCorrector
from tests.unit.services.graph.support import Context, node, picture

LUMA = np.array(WorkingColour("ACEScg").luma)


def formula(rgb: NDArray[np.float64], **p: Any) -> NDArray[np.float64]:
    """The docstring's formula in float64; the power of the ASC CDL leaves negative numbers alone."""
    lift, gamma, gain, offset = (
        np.array(p.get(name, (default,) * 3)[:3])
        for name, default in [("lift", 0.0), ("gamma", 1.0), ("gain", 1.0), ("offset", 0.0)]
    )
    pivot, contrast = p.get("pivot", 0.18), p.get("contrast", 1.0)

    def power(x: NDArray[np.float64], y: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return np.where(x > 0, np.power(np.maximum(x, 0), y), x)

    c = rgb * 2.0 ** p.get("exposure", 0.0)
    c = power(c * gain * (1 - lift) + gain * lift + offset, 1 / gamma)
    c = pivot * power(c / pivot, contrast) if contrast != 1 else c
    luma = (c * LUMA).sum(-1, keepdims=True)
    result: NDArray[np.float64] = luma + p.get("saturation", 1.0) * (c - luma)
    return result


def graded(pixels: NDArray[np.float32], opaque: bool = False, **params: Any) -> NDArray[np.float32]:
    context = Context({"video": Frame(pixels, opaque=opaque)}, ColorCorrector.graded)
    return node(ColorCorrector, **params).render(context).pixels


CASES: list[dict[str, Any]] = [
    {"exposure": 1.5},
    {"gain": (1.2, 0.8, 1.1, 1.0)},
    {"lift": (0.1, 0.0, -0.1, 1.0)},
    {"gamma": (1.2, 0.8, 2.2, 1.0)},
    {"offset": (0.05, -0.02, 0.0, 1.0)},
    {"contrast": 1.4},
    {"contrast": 0.6, "pivot": 0.4},
    {"saturation": 0.0},
    {"saturation": 1.7},
    {"exposure": -0.7, "lift": (0.02, 0.03, 0.04, 1.0), "gamma": (1.1, 1.0, 0.9, 1.0), "gain": (1.3, 1.0, 0.7, 1.0),
     "offset": (0.01, 0.0, -0.01, 1.0), "contrast": 1.2, "saturation": 1.3},
]  # fmt: skip


@pytest.mark.parametrize("params", CASES)
def test_it_follows_its_formula(params: dict[str, Any]) -> None:
    straight = np.random.default_rng(1).uniform(-0.5, 4.0, (9, 7, 4)).astype(np.float32)
    straight[..., 3] = 1.0
    expected = formula(straight[..., :3].astype(np.float64), **params)
    result = graded(straight.copy(), **params)
    # OCIO's fast power is good to 2e-5 of the value.
    np.testing.assert_allclose(result[..., :3], expected, rtol=2e-4, atol=2e-4)
    np.testing.assert_array_equal(result[..., 3], 1.0)


def test_colour_is_graded_straight_and_alpha_is_kept() -> None:
    pixels = picture(2, 6, 5)
    alpha = pixels[..., 3:].astype(np.float64)
    params: dict[str, Any] = {"gamma": (2.0, 2.0, 2.0, 1.0), "offset": (0.1, 0.1, 0.1, 1.0)}
    expected = formula(pixels[..., :3] / alpha, **params) * alpha
    result = graded(pixels.copy(), **params)
    np.testing.assert_allclose(result[..., :3], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(result[..., 3], pixels[..., 3])


def test_what_is_transparent_stays_so() -> None:
    result = graded(np.zeros((2, 2, 4), np.float32), offset=(1.0, 1.0, 1.0, 1.0))
    assert not result.any()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 9), st.integers(1, 9))
def test_defaults_change_nothing(seed: int, width: int, height: int) -> None:
    pixels = picture(seed, width, height)
    np.testing.assert_array_equal(graded(pixels.copy()), pixels)


@settings(max_examples=30, deadline=None)
@given(st.floats(-4, 4), st.floats(-4, 4))
def test_stops_add_up(first: float, second: float) -> None:
    pixels = picture(3, 4, 3, alpha=False)
    once = graded(pixels.copy(), opaque=True, exposure=first + second)
    twice = graded(graded(pixels.copy(), opaque=True, exposure=first), opaque=True, exposure=second)
    np.testing.assert_allclose(once, twice, rtol=1e-5, atol=1e-6)


def test_one_pixel_and_none() -> None:
    assert graded(picture(0, 1, 1), exposure=1.0).shape == (1, 1, 4)
    assert graded(np.zeros((0, 0, 4), np.float32), exposure=1.0).size == 0


def test_grey_stays_grey() -> None:
    pixels = np.full((1, 1, 4), 0.4, np.float32)
    pixels[..., 3] = 1
    result = graded(pixels, saturation=3.0, contrast=1.5, exposure=0.5)[0, 0, :3]
    np.testing.assert_allclose(result, result[0], rtol=1e-5)
