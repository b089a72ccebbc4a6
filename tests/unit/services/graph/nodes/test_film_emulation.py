from functools import partial
from typing import Any

import numpy as np
import pytest

from artifex.nodes import Frame
from services.graph.nodes.color.film_emulation import FilmEmulation
from tests.unit.services.graph.nodes.colour_properties import PROPERTIES, Property, runs_in_the_kernel
from tests.unit.services.graph.nodes.oracles.colour import changed, error
from tests.unit.services.graph.nodes.oracles.film_emulation import CASES, STOCKS, expected
from tests.unit.services.graph.nodes.oracles.hdr_grading import greys
from tests.unit.services.graph.nodes.oracles.pictures import chart
from tests.unit.services.graph.support import Context, node

BALANCED = [stock for stock, (*_, lights) in STOCKS.items() if not any(lights)]
EXTREMES: list[dict[str, Any]] = [
    {"exposure": 10.0, "printer_lights": (50.0, -50.0, 0.0, 1.0), "contrast": 4.0, "couplers": 2.0, "silver": 2.0,
     "white": 100.0},
    {"exposure": -10.0, "printer_lights": (-50.0, 50.0, 0.0, 1.0), "contrast": 0.1, "couplers": -1.0, "white": 0.25},
]  # fmt: skip


@pytest.mark.parametrize("params", CASES.values(), ids=CASES)
def test_it_is_its_model(params: dict[str, Any]) -> None:
    assert error(FilmEmulation, partial(expected, **params), chart(), **params) < 2e-5


@pytest.mark.parametrize("prop", PROPERTIES)
@pytest.mark.parametrize("name", ["neutral", "bleach_bypass", "printed"])
def test_it_is_a_change_of_colour(prop: Property, name: str) -> None:
    prop(FilmEmulation, **CASES[name])


@pytest.mark.parametrize("stock", FilmEmulation.stock.choices)
@pytest.mark.parametrize("extreme", EXTREMES)
def test_no_film_makes_light_infinite(stock: str, extreme: dict[str, Any]) -> None:
    frame = greys(np.array([0.0, -1.0, -65504.0, 1e-30, 0.18, 16.0, 65504.0]))
    result = changed(FilmEmulation, frame, stock=stock, **extreme).pixels
    assert np.isfinite(result).all()
    assert result[..., :3].min() >= 0.0


@pytest.mark.parametrize("stock", BALANCED)
@pytest.mark.parametrize("white", [0.8, 1.25, 10.0])
def test_grey_stays_grey_in_balanced_stocks(stock: str, white: float) -> None:
    result = changed(FilmEmulation, greys(np.array([0.18])), stock=stock, white=white).pixels[0, 0, :3]
    np.testing.assert_allclose(result, 0.18, rtol=1e-4)
    ramp = changed(FilmEmulation, greys(np.linspace(0, 16, 50)), stock=stock, white=white).pixels[0, :, :3]
    np.testing.assert_allclose(ramp, ramp[:, :1].repeat(3, 1), rtol=1e-4)


@pytest.mark.parametrize("stock", FilmEmulation.stock.choices)
def test_more_light_is_never_darker_and_the_print_ends_at_its_white(stock: str) -> None:
    light = np.concatenate([[0.0], np.geomspace(1e-4, 1e4, 200)])
    result = changed(FilmEmulation, greys(light), stock=stock, white=2.0).pixels[0, :, :3]
    assert (np.diff(result, axis=0) >= -1e-6).all()
    assert result.max() <= 2.0 + 1e-5
    assert result[-1].min() > 1.8
    assert result[0].max() < 0.1


def test_overexposure_rolls_off_where_light_would_clip() -> None:
    """Each stop beyond white adds less than the one before."""
    result = changed(FilmEmulation, greys(2.0 ** np.arange(0, 8))).pixels[0, :, 0]
    steps = np.diff(result)
    assert (steps > 0).all()
    assert (np.diff(steps) < 0).all()


def test_films_that_differ_in_their_curves_alone_are_told_apart() -> None:
    """Tables of one size and range, one after the other."""
    frame = chart()
    for contrast in (1.0, 1.05, 1.1):
        assert error(FilmEmulation, partial(expected, contrast=contrast), frame, contrast=contrast) < 2e-5


def test_a_printer_light_darkens_its_channel() -> None:
    grey = greys(np.array([0.18]))
    result = changed(FilmEmulation, grey, printer_lights=(4.0, 0.0, -4.0, 1.0)).pixels[0, 0, :3]
    assert result[0] < 0.15 < result[1] < 0.2 < result[2]


def test_couplers_part_the_channels_and_silver_brings_them_together() -> None:
    frame = Frame(np.array([[[0.3, 0.15, 0.1, 1.0]]], np.float32))

    def span(**params: float) -> float:
        rgb = changed(FilmEmulation, frame, **params).pixels[0, 0, :3]
        return float(rgb.max() / rgb.min())

    assert span(couplers=0.3) > 1.1 * span()
    assert span(couplers=-0.1) < span()
    # Silver steepens all of the print; as steep without it, colours are further apart.
    assert span(silver=1.0) < span(contrast=2.0)


def test_exposure_is_light_on_the_negative() -> None:
    frame = chart()
    brighter = Frame(frame.pixels * np.array([2, 2, 2, 1], np.float32))
    np.testing.assert_allclose(
        changed(FilmEmulation, frame, exposure=1.0).pixels, changed(FilmEmulation, brighter).pixels, atol=2e-5
    )


def test_it_always_does_something_unless_it_is_not_mixed_in() -> None:
    request = Context({}, FilmEmulation.changed).request
    assert node(FilmEmulation).identity(request) is None
    assert node(FilmEmulation, mix=0.0).identity(request) == "video"


@pytest.mark.parametrize("name", CASES)
def test_it_runs_in_the_kernel(name: str) -> None:
    assert runs_in_the_kernel(FilmEmulation, **CASES[name])
