from typing import Any

import numpy as np
import pytest

from artifex.nodes import Frame
from services.graph.nodes.color.color_space import ColorSpace
from services.graph.nodes.color.spaces import SPACES
from tests.unit.services.graph.nodes.colour_properties import PROPERTIES, Property, runs_in_the_kernel
from tests.unit.services.graph.nodes.oracles.color_space import VIEWS, gamut_compressed, largest_delta_e
from tests.unit.services.graph.nodes.oracles.colour import changed, delta_e_itp, error
from tests.unit.services.graph.nodes.oracles.hdr_grading import greys
from tests.unit.services.graph.nodes.oracles.pictures import noise
from tests.unit.services.graph.support import Context, node

GREY_CODES = {
    "acescct": 0.4135884,  # Academy S-2016-001
    "acescc": 0.4135884,  # Academy S-2014-003
    "logc3": 0.391007,  # ARRI, ALEXA Log C Curve, EI 800: 400.0 of 1023
    "logc4": 0.278396,  # ARRI, LogC4 Logarithmic Color Space
    "slog3": 420 / 1023,  # Sony, Technical Summary for S-Gamut3.Cine/S-Log3
    "vlog": 0.423311,  # Panasonic, V-Log/V-Gamut Reference Manual
    "log3g10": 1 / 3,  # RED, White Paper on REDWideGamutRGB and Log3G10
    "clog2": 0.398254,  # Canon, Log Gamma Curves: 39.2 % and what is below black
    "apple_log": 0.488272,  # Apple, Apple Log Profile White Paper
    "display": 0.18 ** (1 / 2.4),  # ITU-R BT.1886
    "srgb": 0.461356,  # IEC 61966-2-1
    "p3": 0.18 ** (1 / 2.6),  # SMPTE RP 431-2
}
"""What the makers say that a grey card of 18 % is."""
PEAK_CODES = {"rec2100_pq": 0.5806888810416109, "rec2100_hlg": 0.75}
"""ITU-R BT.2408: the reference white of 203 cd/m²."""


@pytest.mark.parametrize("space", GREY_CODES)
def test_a_grey_card_is_the_number_that_its_maker_says(space: str) -> None:
    code = changed(ColorSpace, greys(np.array([0.18])), output_space=space).pixels[0, 0, :3]
    np.testing.assert_allclose(code, GREY_CODES[space], atol=1.5e-3 if space == "clog2" else 1e-4)


@pytest.mark.parametrize("space", PEAK_CODES)
def test_reference_white_is_where_hdr_has_it(space: str) -> None:
    code = changed(ColorSpace, greys(np.array([1.0])), output_space=space).pixels[0, 0, :3]
    np.testing.assert_allclose(code, PEAK_CODES[space], atol=2e-5)


@pytest.mark.parametrize("space", [space for space in SPACES if space != "working"])
def test_there_and_back_nothing_changes(space: str) -> None:
    pixels = np.random.default_rng(1).uniform(0.05, 4.0, (9, 9, 4)).astype(np.float32)
    pixels[..., 3] = 1.0
    there = changed(ColorSpace, Frame(pixels, opaque=True), output_space=space)
    back = changed(ColorSpace, there, input_space=space).pixels
    np.testing.assert_allclose(back, pixels, rtol=1e-3, atol=2e-4)
    inverse = changed(ColorSpace, there, output_space=space, inverse=True).pixels
    np.testing.assert_allclose(inverse, pixels, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("prop", PROPERTIES)
@pytest.mark.parametrize(
    "params",
    [{"output_space": "display"}, {"output_space": "logc3"}, {"view": "aces2_sdr_rec709"}, {"compress_gamut": True}],
    ids=str,
)
def test_it_is_a_change_of_colour(prop: Property, params: dict[str, Any]) -> None:
    prop(ColorSpace, **params)


@pytest.mark.parametrize("view", ColorSpace.view.choices[1:])
@pytest.mark.parametrize("inverse", [False, True])
def test_views_make_something_finite_of_any_light(view: str, inverse: bool) -> None:
    numbers = [0.0, -0.1, 0.18, -500.0, 16.0, 65504.0]
    rgb = np.stack(np.meshgrid(numbers, numbers, numbers, indexing="ij"), -1).reshape(1, -1, 3)
    pixels = np.concatenate([rgb, np.ones((1, rgb.shape[1], 1))], -1).astype(np.float32)
    assert np.isfinite(changed(ColorSpace, Frame(pixels), view=view, inverse=inverse).pixels).all()


@pytest.mark.parametrize("space", SPACES)
def test_numbers_of_any_space_are_finite_light(space: str) -> None:
    frame = greys(np.array([0.0, -1.0, 2.0, 100.0, -65504.0, 65504.0]))
    assert np.isfinite(changed(ColorSpace, frame, input_space=space, output_space="acescg").pixels).all()
    assert np.isfinite(changed(ColorSpace, frame, output_space=space, inverse=True).pixels).all()


@pytest.mark.parametrize("name", ["Rec.1886 Rec.709", "Rec.2100 PQ 1000 Rec.2020", "Rec.2100 HLG"])
def test_views_look_as_those_of_the_configuration(name: str) -> None:
    assert largest_delta_e(name) < 0.01


def test_the_views_grey_is_the_one_that_the_academy_publishes() -> None:
    """ACES 2: middle grey is shown at 10 cd/m², and a peak of 1,000 shows it brighter."""
    grey = greys(np.array([0.18]))
    sdr = changed(ColorSpace, grey, view="aces2_sdr_rec709").pixels[0, 0, :3]
    np.testing.assert_allclose(sdr * 100.0, 10.0, rtol=1e-3)
    hdr = changed(ColorSpace, grey, view="aces2_hdr_1000_p3").pixels[0, 0, :3]
    assert 13.0 < hdr[0] * 203.0 < 16.0


@pytest.mark.parametrize(
    ("view", "peak"), [("aces2_sdr_p3", 1.0), ("aces2_hdr_500_p3", 5.0), ("aces2_hdr_4000_p3", 40.0)]
)
def test_views_reach_their_peak(view: str, peak: float) -> None:
    brightest = changed(ColorSpace, greys(np.array([65504.0])), view=view).pixels[0, 0, :3]
    np.testing.assert_allclose(brightest, peak if "sdr" in view else peak / 2.03, rtol=2e-3)


def test_gamut_compression_is_the_academys_and_comes_before_the_view() -> None:
    assert error(ColorSpace, gamut_compressed, noise(8), compress_gamut=True) < 1e-5
    frame = Frame(np.array([[[0.9, -0.3, 0.05, 1.0]]], np.float32))
    params = {"view": "aces2_sdr_rec709"}
    one = changed(ColorSpace, frame, **params, compress_gamut=True).pixels
    two = changed(ColorSpace, changed(ColorSpace, frame, compress_gamut=True), **params).pixels
    np.testing.assert_allclose(one, two, atol=1e-4)
    assert np.abs(one - changed(ColorSpace, frame, **params).pixels).max() > 0.005


def test_where_nothing_is_to_be_done_the_picture_passes() -> None:
    request = Context({}, ColorSpace.converted).request
    assert node(ColorSpace).identity(request) == "video"
    assert node(ColorSpace, input_space="logc3", output_space="logc3").identity(request) == "video"
    assert node(ColorSpace, compress_gamut=True).identity(request) is None
    assert node(ColorSpace, view="aces2_sdr_p3").identity(request) is None


def test_views_say_that_they_are_dear() -> None:
    request = Context({}, ColorSpace.converted).request
    plain = node(ColorSpace, output_space="rec2100_pq").cost(request)
    assert node(ColorSpace, view="aces2_sdr_p3").cost(request) > 10 * plain


def test_views_are_shown_on_displays() -> None:
    told = dict(node(ColorSpace, view="aces2_sdr_p3", output_space="logc3").misfits(64, 36))
    assert "rec2100_pq" in told["output_space"]
    for output in ("working", *{params["output_space"] for params, _, _ in VIEWS.values()}):
        assert not list(node(ColorSpace, view="aces2_sdr_p3", output_space=output).misfits(64, 36))
    assert not list(node(ColorSpace, output_space="logc3").misfits(64, 36))


@pytest.mark.parametrize("space", [space for space in SPACES if space != "working"])
def test_plain_conversions_run_in_the_kernel(space: str) -> None:
    assert runs_in_the_kernel(ColorSpace, output_space=space)
    assert runs_in_the_kernel(ColorSpace, input_space=space)


def test_views_are_left_to_opencolorio() -> None:
    assert not runs_in_the_kernel(ColorSpace, view="aces2_sdr_rec709")


def test_delta_e_is_none_between_equals_and_one_is_what_can_be_seen() -> None:
    """BT.2124's measure: about 0.003 of the light of a bright grey."""
    grey = np.full((1, 3), 100.0)
    assert delta_e_itp(grey, grey)[0] == 0.0
    assert 0.5 < delta_e_itp(grey, grey * 1.01)[0] < 3.0
    assert delta_e_itp(grey, grey * 1.05)[0] > delta_e_itp(grey, grey * 1.01)[0]
