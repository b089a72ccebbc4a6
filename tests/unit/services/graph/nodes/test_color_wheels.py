from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame
from services.graph.nodes.color.color_wheels import ColorWheels
from tests.unit.services.graph.nodes.colour_properties import PROPERTIES, Property, runs_in_the_kernel
from tests.unit.services.graph.nodes.oracles.color_wheels import CASES, expected
from tests.unit.services.graph.nodes.oracles.colour import changed, error
from tests.unit.services.graph.nodes.oracles.pictures import noise
from tests.unit.services.graph.support import Context, node, picture

STYLES = ColorWheels.style.choices
OTHERS: dict[str, dict[str, Any]] = {
    "log": {"lift": (0.1,) * 4, "gain": (2.0,) * 4, "offset": (0.2,) * 4, "exposure": (1.0,) * 4},
    "linear": {"lift": (0.1,) * 4, "gain": (2.0,) * 4, "gamma": (2.0,) * 4, "brightness": (9.0,) * 4},
    "video": {"contrast": (2.0,) * 4, "brightness": (9.0,) * 4, "exposure": (1.0,) * 4, "pivot": 0.5},
}
"""Of each style, the wheels of the others."""
EXTREMES: dict[str, dict[str, Any]] = {
    "log": {"brightness": (100.0, -100.0, 0.0, 1.0), "contrast": (4.0, 4.0, 0.0, 1.0), "gamma": (0.2, 5.0, 0.2, 1.0)},
    "linear": {
        "exposure": (10.0, -10.0, 10.0, 1.0),
        "contrast": (4.0, 4.0, 0.0, 1.0),
        "offset": (10.0, -10.0, 0.0, 1.0),
    },
    "video": {"lift": (-1.0, 1.0, 0.0, 1.0), "gain": (10.0, 0.01, 10.0, 1.0), "gamma": (0.2, 5.0, 0.2, 1.0)},
}


@pytest.mark.parametrize("params", CASES.values(), ids=CASES)
def test_it_follows_its_formulas(params: dict[str, Any]) -> None:
    assert error(ColorWheels, partial(expected, **params), noise(1), **params) < 1e-5


@pytest.mark.parametrize("prop", PROPERTIES)
@pytest.mark.parametrize("name", ["log", "linear", "video"])
def test_it_is_a_change_of_colour(prop: Property, name: str) -> None:
    prop(ColorWheels, **CASES[name])


@pytest.mark.parametrize("style", STYLES)
def test_no_wheel_turns_light_infinite(style: str) -> None:
    numbers = [0.0, -0.1, 0.18, -500.0, 16.0, 65504.0]
    rgb = np.stack(np.meshgrid(numbers, numbers, numbers, indexing="ij"), -1).reshape(1, -1, 3)
    pixels = np.concatenate([rgb, np.ones((1, rgb.shape[1], 1))], -1).astype(np.float32)
    for saturation in (0.0, 10.0):
        params = {**EXTREMES[style], "style": style, "saturation": saturation}
        assert np.isfinite(changed(ColorWheels, Frame(pixels.copy(), opaque=True), **params).pixels).all()


@pytest.mark.parametrize("style", STYLES)
def test_a_style_leaves_the_wheels_of_the_others_alone(style: str) -> None:
    request = Context({}, ColorWheels.changed).request
    assert node(ColorWheels, style=style, **OTHERS[style]).identity(request) == "video"
    frame = noise(2)
    plain = changed(ColorWheels, frame, style=style, saturation=1.2).pixels
    np.testing.assert_array_equal(
        changed(ColorWheels, frame, style=style, saturation=1.2, **OTHERS[style]).pixels, plain
    )


@pytest.mark.parametrize("style", STYLES)
def test_any_wheel_of_a_style_turns_it(style: str) -> None:
    request = Context({}, ColorWheels.changed).request
    wheels = set().union(*OTHERS.values()) - OTHERS[style].keys() - {"pivot"}
    for wheel in wheels:
        turned = (1.5, 1.0, 1.0, 1.0) if wheel in ("contrast", "gamma", "gain") else (0.0, 0.1, 0.0, 1.0)
        assert node(ColorWheels, style=style, **{wheel: turned}).identity(request) is None
        default: Any = getattr(ColorWheels, wheel).default
        assert node(ColorWheels, style=style, **{wheel: (*default[:3], 0.5)}).identity(request) == "video"


@settings(max_examples=25, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3))
def test_stops_add_up(first: float, second: float) -> None:
    frame = Frame(picture(3, 4, 3, alpha=False), opaque=True)
    once = changed(ColorWheels, frame, style="linear", exposure=(first + second,) * 3 + (1.0,)).pixels
    twice = changed(
        ColorWheels,
        changed(ColorWheels, frame, style="linear", exposure=(first,) * 3 + (1.0,)),
        style="linear",
        exposure=(second,) * 3 + (1.0,),
    ).pixels
    np.testing.assert_allclose(once, twice, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("style", ["log", "linear"])
@pytest.mark.parametrize("pivot", [0.05, 0.18, 2.0])
def test_contrast_leaves_its_pivot_alone(style: str, pivot: float) -> None:
    frame = Frame(np.full((1, 1, 4), [pivot, pivot, pivot, 1.0], np.float32))
    result = changed(ColorWheels, frame, style=style, contrast=(1.7, 0.5, 3.0, 1.0), pivot=pivot).pixels
    np.testing.assert_allclose(result[..., :3], pivot, rtol=1e-4)


def test_video_lift_leaves_white_and_gain_leaves_black() -> None:
    ends = Frame(np.array([[[0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]], np.float32))
    lifted = changed(ColorWheels, ends, style="video", lift=(0.1, 0.1, 0.1, 1.0)).pixels
    np.testing.assert_allclose(lifted[0, 1], 1.0, rtol=1e-5)
    assert lifted[0, 0, 0] > 0.001
    gained = changed(ColorWheels, ends, style="video", gain=(1.5, 1.5, 1.5, 1.0)).pixels
    np.testing.assert_allclose(gained[0, 0, :3], 0.0, atol=1e-6)
    np.testing.assert_allclose(gained[0, 1, :3], 1.5**2.4, rtol=1e-4)


def test_pivots_that_cross_are_told() -> None:
    told = dict(node(ColorWheels, pivot_black=0.5, pivot_white=0.2).misfits(64, 36))
    assert "pivot_black" in told["pivot_white"]
    assert not dict(node(ColorWheels).misfits(64, 36))
    frame = noise(4)
    crossed = changed(ColorWheels, frame, gamma=(1.1,) * 3 + (1.0,), pivot_black=0.5, pivot_white=0.2).pixels
    assert np.isfinite(crossed).all()


@pytest.mark.parametrize("name", ["log", "linear", "video"])
def test_it_runs_in_the_kernel(name: str) -> None:
    assert runs_in_the_kernel(ColorWheels, **CASES[name])
