from functools import partial
from typing import Any

import numpy as np
import pytest

from artifex.nodes import Frame
from services.graph.nodes.color.cdl import CDL
from tests.unit.services.graph.nodes.colour_properties import PROPERTIES, Property, runs_in_the_kernel
from tests.unit.services.graph.nodes.oracles.cdl import CASES, GRADE, expected
from tests.unit.services.graph.nodes.oracles.colour import changed, error
from tests.unit.services.graph.nodes.oracles.pictures import noise
from tests.unit.services.graph.support import Context, node

EXTREME = {"slope": (100.0, 0.0, 100.0, 1.0), "offset": (10.0, -10.0, 0.0, 1.0), "power": (20.0, 0.05, 3.0, 1.0),
           "saturation": 10.0}  # fmt: skip


@pytest.mark.parametrize("params", CASES.values(), ids=CASES)
def test_it_is_the_formula_of_the_asc(params: dict[str, Any]) -> None:
    assert error(CDL, partial(expected, **params), noise(1), **params) < 1e-5


@pytest.mark.parametrize("prop", PROPERTIES)
@pytest.mark.parametrize("name", ["all", "all, clamped", "all in display"])
def test_it_is_a_change_of_colour(prop: Property, name: str) -> None:
    prop(CDL, **CASES[name])


@pytest.mark.parametrize("space", CDL.space.choices)
@pytest.mark.parametrize("clamp", [False, True])
def test_no_list_makes_light_infinite_in_any_space(space: str, clamp: bool) -> None:
    numbers = [0.0, -0.1, 0.18, -500.0, 16.0, 65504.0]
    rgb = np.stack(np.meshgrid(numbers, numbers, numbers, indexing="ij"), -1).reshape(1, -1, 3)
    pixels = np.concatenate([rgb, np.ones((1, rgb.shape[1], 1))], -1).astype(np.float32)
    assert np.isfinite(changed(CDL, Frame(pixels, opaque=True), **EXTREME, space=space, clamp=clamp).pixels).all()


def test_a_list_means_something_else_in_another_space() -> None:
    """A stop is an offset in a logarithm and a slope in light."""
    grey = Frame(np.full((1, 1, 4), [0.18, 0.18, 0.18, 1.0], np.float32))
    stop = 1 / 17.52
    in_log = changed(CDL, grey, offset=(stop, stop, stop, 1.0)).pixels
    in_light = changed(CDL, grey, slope=(2.0, 2.0, 2.0, 1.0), space="working").pixels
    np.testing.assert_allclose(in_log[..., :3], 0.36, rtol=1e-5)
    np.testing.assert_allclose(in_light[..., :3], 0.36, rtol=1e-6)


def test_clamped_it_holds_0_to_1_of_its_space_and_else_all() -> None:
    pixels = np.array([[[-2.0, 0.5, 30.0, 1.0]]], np.float32)
    clamped = changed(CDL, Frame(pixels.copy()), clamp=True, space="working").pixels
    np.testing.assert_array_equal(clamped[0, 0], [0.0, 0.5, 1.0, 1.0])
    kept = changed(CDL, Frame(pixels.copy()), power=(2.0, 2.0, 2.0, 1.0), space="working").pixels
    np.testing.assert_allclose(kept[0, 0, :3], [-2.0, 0.25, 900.0], rtol=1e-6)


def test_neutral_it_passes_its_input_on_unless_it_clamps() -> None:
    request = Context({}, CDL.changed).request
    assert node(CDL).identity(request) == "video"
    assert node(CDL, clamp=True).identity(request) is None
    other = {"slope": (1.0, 1.0, 1.1, 1.0), "offset": (0.0, 0.0, 0.1, 1.0), "power": (1.0, 1.1, 1.0, 1.0)}
    assert all(node(CDL, **{name: value}).identity(request) is None for name, value in other.items())
    assert node(CDL, saturation=0.9).identity(request) is None


def test_without_saturation_there_is_luminance() -> None:
    frame = Frame(np.array([[[0.3, 0.5, 0.1, 1.0]]], np.float32))
    result = changed(CDL, frame, saturation=0.0, space="working").pixels[0, 0, :3]
    np.testing.assert_allclose(result, 0.2126 * 0.3 + 0.7152 * 0.5 + 0.0722 * 0.1, rtol=1e-6)


@pytest.mark.parametrize("clamp", [False, True])
def test_it_runs_in_the_kernel(clamp: bool) -> None:
    assert runs_in_the_kernel(CDL, **GRADE, clamp=clamp)
