from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Points
from services.graph.nodes.color.curves import Curves
from tests.unit.services.graph.nodes.colour_properties import PROPERTIES, Property, runs_in_the_kernel
from tests.unit.services.graph.nodes.oracles.colour import changed, error, from_acescct, to_acescct
from tests.unit.services.graph.nodes.oracles.curves import CASES, expected, hue_of
from tests.unit.services.graph.nodes.oracles.pictures import chart
from tests.unit.services.graph.support import Context, node

CURVES = [name for name, parameter in Curves.schema.parameters.items() if isinstance(parameter, Points)]
_PLACES = st.lists(st.floats(-0.5, 1.5), min_size=2, max_size=16)


def log_codes(codes: list[float]) -> Frame:
    """Greys of these numbers in ACEScct."""
    light = from_acescct(np.array(codes, np.float64))
    return Frame(np.stack([light, light, light, np.ones(len(codes))], -1)[None].astype(np.float32), opaque=True)


def hues(luma: float = 0.4) -> Frame:
    """A circle of hues of one strength, from red."""
    angle = np.radians(np.arange(0, 360, 15))
    red, green, blue = (luma + 0.2 * np.cos(angle - shift) for shift in np.radians([0, 120, 240]))
    return Frame(np.stack([red, green, blue, np.ones_like(red)], -1)[None].astype(np.float32), opaque=True)


@pytest.mark.parametrize("name", [name for name in CASES if "linear" not in name])
def test_it_is_what_opencolorio_makes_of_the_points(name: str) -> None:
    params = CASES[name]
    assert error(Curves, partial(expected, **params), chart(), **params) < 1e-4


@pytest.mark.parametrize("prop", PROPERTIES)
@pytest.mark.parametrize("name", ["all four", "linear", "hue to saturation", "hue, video"])
def test_it_is_a_change_of_colour(prop: Property, name: str) -> None:
    prop(Curves, **CASES[name])


@pytest.mark.parametrize("name", CURVES)
def test_each_curve_does_something_and_none_passes_the_picture_on(name: str) -> None:
    request = Context({}, Curves.changed).request
    assert node(Curves).identity(request) == "video"
    default: Any = Curves.schema.parameters[name].default
    by = 20.0 if name == "hue_vs_hue" else 0.25
    bent = tuple((row[0], row[1] + by, *row[2:]) for row in default)
    assert node(Curves, **{name: bent}).identity(request) is None
    frame = hues()
    assert np.abs(changed(Curves, frame, **{name: bent}).pixels - frame.pixels).max() > 0.003


def test_the_curve_goes_through_its_points() -> None:
    points = ((0.1, 0.05, 0.0), (0.3, 0.34, 0.0), (0.41, 0.5, 0.0), (0.7, 0.65, 0.0))
    result = changed(Curves, log_codes([x for x, _, _ in points]), master=points).pixels[0, :, 0].astype(np.float64)
    np.testing.assert_allclose(to_acescct(result), [y for _, y, _ in points], atol=2e-5)


def test_channels_come_before_the_curve_of_all() -> None:
    lifted, halved = ((0.0, 0.1, 0.0), (1.0, 1.1, 0.0)), ((0.0, 0.0, 0.0), (1.0, 0.5, 0.0))
    result = changed(Curves, log_codes([0.4]), red=lifted, master=halved).pixels[0, 0, :3].astype(np.float64)
    np.testing.assert_allclose(to_acescct(result), [0.25, 0.2, 0.2], atol=2e-5)


@settings(max_examples=40, deadline=None)
@given(_PLACES, _PLACES)
def test_curves_of_any_points_are_curves(across: list[float], up: list[float]) -> None:
    """Also of what keyframes swing to: points out of order, upon each other, and falling."""
    rows = tuple((x, y, 0.0) for x, y in zip(across, up, strict=False))
    codes = log_codes(np.linspace(-0.3, 1.6, 301).tolist())
    assert np.isfinite(changed(Curves, codes, red=rows, green=rows, blue=rows, master=rows).pixels).all()
    # A number that is none would be the least that is kept.
    assert changed(Curves, codes, master=rows).pixels.min() > -9e4


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 360), st.floats(0, 4)), min_size=2, max_size=8),
    st.lists(st.tuples(st.floats(0, 360), st.floats(-180, 180)), min_size=2, max_size=8),
)
def test_curves_of_hue_take_any_points(gains: list[tuple[float, float]], shifts: list[tuple[float, float]]) -> None:
    rows = tuple(gains)
    result = changed(Curves, hues(), hue_vs_saturation=rows, hue_vs_luminance=rows, hue_vs_hue=tuple(shifts))
    assert np.isfinite(result.pixels).all()


def test_as_many_points_as_there_may_be() -> None:
    x = np.linspace(0, 1, 16)
    line = tuple((float(a), float(a**0.7), 0.0) for a in x)
    circle = tuple((float(hue), 1.0 + 0.3 * (index % 2)) for index, hue in enumerate(np.arange(0, 360, 45)))
    level = tuple((0.1 * index, 1.0 + 0.2 * (index % 2)) for index in range(8))
    params: dict[str, Any] = dict.fromkeys(("master", "red", "green", "blue"), line)
    params |= dict.fromkeys(("hue_vs_hue", "hue_vs_saturation", "hue_vs_luminance"), circle)
    params |= dict.fromkeys(("luminance_vs_saturation", "saturation_vs_luminance"), level)
    params["saturation_vs_saturation"] = tuple((0.1 * index, 0.09 * index) for index in range(8))
    assert np.isfinite(changed(Curves, hues(), **params).pixels).all()


@pytest.mark.parametrize("degrees", [0, 60, 120, 200, 300])
def test_a_hue_is_found_where_people_look_for_it(degrees: int) -> None:
    """A narrow gain takes the colour out of its own hue and leaves the opposite alone."""
    around = tuple(((degrees + by) % 360.0, gain) for by, gain in [(-30, 1.0), (0, 0.0), (30, 1.0), (180, 1.0)])
    frame = hues()
    found = hue_of(frame.pixels[0, :, :3])
    result = changed(Curves, frame, style="linear", hue_vs_saturation=around).pixels[0, :, :3]
    kept = np.ptp(result, -1) / np.ptp(frame.pixels[0, :, :3], -1)
    away = np.abs((found - degrees + 180) % 360 - 180)
    assert kept[away < 5].max() < 0.2
    np.testing.assert_allclose(kept[away > 60], 1.0, atol=0.01)


@pytest.mark.parametrize("shift", [-60.0, 30.0, 120.0])
def test_hues_are_turned_by_degrees(shift: float) -> None:
    frame = hues()
    turned = changed(Curves, frame, style="linear", hue_vs_hue=((0.0, shift), (180.0, shift))).pixels[0, :, :3]
    difference = (hue_of(turned) - hue_of(frame.pixels[0, :, :3]) - shift + 180) % 360 - 180
    assert np.abs(difference).max() < 1.0


def test_it_says_what_its_curves_cost() -> None:
    request = Context({}, Curves.changed).request
    hue = node(Curves, **CASES["hue to saturation"]).cost(request)
    assert hue > 5 * node(Curves, **CASES["all four"]).cost(request)


def test_disorder_is_told_with_its_remedy() -> None:
    assert not list(node(Curves).misfits(64, 36))
    backwards = ((0.0, 0.0, 0.0), (0.6, 0.6, 0.0), (0.5, 0.7, 0.0))
    falling = ((0.0, 0.0, 0.0), (0.5, 0.7, 0.0), (1.0, 0.6, 0.0))
    told = dict(
        node(Curves, master=backwards, red=falling, hue_vs_saturation=((10.0, 2.0), (10.0, 1.0))).misfits(64, 36)
    )
    assert told.keys() == {"master", "red", "hue_vs_saturation"}
    assert "left to right" in told["master"]
    assert "may not fall" in told["red"]
    assert not list(node(Curves, hue_vs_saturation=((10.0, 2.0), (100.0, 1.0))).misfits(64, 36))


@pytest.mark.parametrize("name", ["all four", "slopes", "linear", "video"])
def test_curves_of_channels_run_in_the_kernel(name: str) -> None:
    assert runs_in_the_kernel(Curves, **CASES[name])


def test_stops_of_light_are_stops() -> None:
    """A stop more of everything is one point up at each place."""
    points = tuple((x, x + 1.0, 1.0) for x in (-5.0, 0.0, 5.0))
    frame = Frame(np.full((1, 1, 4), [0.18, 0.5, 4.0, 1.0], np.float32))
    result = changed(Curves, frame, style="linear", master=points).pixels[0, 0, :3]
    np.testing.assert_allclose(result, [0.36, 1.0, 8.0], rtol=2e-3)
