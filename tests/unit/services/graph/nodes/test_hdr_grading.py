from functools import partial
from typing import Any

import numpy as np
import pytest

from artifex.nodes import Frame
from services.graph.nodes.color.hdr_grading import HDRGrading
from tests.unit.services.graph.nodes.colour_properties import PROPERTIES, Property, runs_in_the_kernel
from tests.unit.services.graph.nodes.oracles.colour import changed, error
from tests.unit.services.graph.nodes.oracles.hdr_grading import CASES, ZONES, at_zones, expected, greys, light_at
from tests.unit.services.graph.nodes.oracles.pictures import chart
from tests.unit.services.graph.support import Context, node

EXTREME: dict[str, Any] = {
    **{zone: (6.0 * sign, -6.0 * sign, 6.0, 1.0) for zone, sign in zip(ZONES, (1, -1, 1, -1, 1), strict=True)},
    **{f"{zone}_saturation": 4.0 for zone in ZONES},
    "exposure": 10.0, "toe": 1.9, "shoulder": 1.9, "contrast": 1.99, "toe_width": 0.01, "shoulder_width": 0.01,
}  # fmt: skip


@pytest.mark.parametrize("params", CASES.values(), ids=CASES)
def test_it_is_what_opencolorio_makes_of_it(params: dict[str, Any]) -> None:
    assert error(HDRGrading, partial(expected, **params), chart(), **params) < 2e-4


@pytest.mark.parametrize("prop", PROPERTIES)
@pytest.mark.parametrize("name", ["zones", "tone", "saturation", "all"])
def test_it_is_a_change_of_colour(prop: Property, name: str) -> None:
    prop(HDRGrading, **CASES[name])


def test_each_zone_is_exposed_by_its_stops() -> None:
    assert at_zones() < 1e-5


@pytest.mark.parametrize("zone", ZONES)
def test_a_zone_leaves_the_next_ones_alone(zone: str) -> None:
    places = np.array(list(ZONES.values()))
    frame = greys(light_at(places))
    result = changed(HDRGrading, frame, **{zone: (0.8, 0.8, 0.8, 1.0)}).pixels[0, :, 0]
    moved = np.abs(result / frame.pixels[0, :, 0] - 1.0)
    own = list(ZONES).index(zone)
    assert moved[own] > 0.5
    assert np.delete(moved, own).max() < 1e-4


def test_channels_of_a_zone_are_its_colour() -> None:
    frame = greys(light_at(np.array([0.0])))
    result = changed(HDRGrading, frame, midtones=(1.0, 0.0, -1.0, 1.0)).pixels[0, 0, :3]
    np.testing.assert_allclose(result / 0.18, [2.0, 1.0, 0.5], rtol=2e-3)


def test_zones_can_be_moved() -> None:
    places = {"midtones_at": 1.0, "highlights_at": 4.0, "whites_at": 7.0}
    frame = greys(light_at(np.array([1.0, 4.0, 7.0])))
    result = changed(HDRGrading, frame, highlights=(-1.0, -1.0, -1.0, 1.0), **places).pixels[0, :, 0]
    np.testing.assert_allclose(result, light_at(np.array([1.0, 3.0, 7.0])), rtol=1e-4)


@pytest.mark.parametrize("zone", ZONES)
def test_saturation_of_a_zone_is_its_own(zone: str) -> None:
    """Colours of the zones' luminances: that of the zone becomes grey, all keep their luminance."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    colour = np.array([1.3, 0.9, 0.8]) / (np.array([1.3, 0.9, 0.8]) @ weights)
    rgb = light_at(np.array(list(ZONES.values())))[:, None] * colour
    frame = Frame(np.concatenate([rgb, np.ones((len(rgb), 1))], -1)[None].astype(np.float32), opaque=True)
    result = changed(HDRGrading, frame, **{f"{zone}_saturation": 0.0}).pixels[0, :, :3].astype(np.float64)
    np.testing.assert_allclose(result @ weights, rgb @ weights, rtol=1e-4)
    kept = np.ptp(result, -1) / np.ptp(rgb, -1)
    own = list(ZONES).index(zone)
    assert kept[own] < 1e-3
    np.testing.assert_allclose(np.delete(kept, own), 1.0, atol=1e-3)


def test_a_shoulder_rolls_highlights_off_and_leaves_the_rest() -> None:
    frame = greys(np.array([0.05, 0.18, 0.35, 2.0, 16.0, 100.0]))
    result = changed(HDRGrading, frame, shoulder=0.3).pixels[0, :, 0]
    np.testing.assert_allclose(result[:3], frame.pixels[0, :3, 0], rtol=1e-4)
    ratio = result[3:] / frame.pixels[0, 3:, 0]
    assert (np.diff(ratio) < 0).all()
    assert ratio[0] < 0.9
    assert (np.diff(result) > 0).all()


def test_contrast_leaves_grey_and_a_toe_opens_what_is_darkest() -> None:
    grey = greys(np.array([0.18]))
    np.testing.assert_allclose(changed(HDRGrading, grey, contrast=1.5).pixels[..., :3], 0.18, rtol=1e-3)
    dark = greys(light_at(np.array([-5.0, 0.0])))
    opened = changed(HDRGrading, dark, toe=1.6).pixels[0, :, 0]
    assert opened[0] > 1.5 * dark.pixels[0, 0, 0]
    np.testing.assert_allclose(opened[1], 0.18, rtol=1e-3)


def test_no_grade_makes_light_infinite() -> None:
    numbers = [0.0, -0.1, 0.18, -500.0, 16.0, 65504.0]
    rgb = np.stack(np.meshgrid(numbers, numbers, numbers, indexing="ij"), -1).reshape(1, -1, 3)
    pixels = np.concatenate([rgb, np.ones((1, rgb.shape[1], 1))], -1).astype(np.float32)
    for exposure in (10.0, -10.0):
        assert np.isfinite(changed(HDRGrading, Frame(pixels), **{**EXTREME, "exposure": exposure}).pixels).all()


def test_zones_out_of_order_are_told_and_kept_apart() -> None:
    assert not list(node(HDRGrading).misfits(64, 36))
    told = dict(node(HDRGrading, shadows_at=1.0, midtones_at=0.5).misfits(64, 36))
    assert "shadows_at" in told["midtones_at"]
    result = changed(HDRGrading, chart(), midtones=(1.0, 0.0, 0.0, 1.0), shadows_at=9.0, midtones_at=-9.0)
    assert np.isfinite(result.pixels).all()


@pytest.mark.parametrize("name", HDRGrading.schema.parameters)
def test_it_passes_its_input_on_only_where_it_has_nothing_to_do(name: str) -> None:
    request = Context({}, HDRGrading.changed).request
    default: Any = HDRGrading.schema.parameters[name].default
    other = (0.0, 0.0, 0.1, 1.0) if isinstance(default, tuple) else default * 0.9 + 0.05
    passes = name.endswith(("_at", "_start", "_width")) or name == "mix"
    assert node(HDRGrading).identity(request) == "video"
    assert node(HDRGrading, **{name: other}).identity(request) == ("video" if passes else None)


@pytest.mark.parametrize(("name", "runs"), [("zones", True), ("tone", True), ("saturation", False)])
def test_exposures_and_tones_run_in_the_kernel(name: str, runs: bool) -> None:
    assert runs_in_the_kernel(HDRGrading, **CASES[name]) == runs
