from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Window
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.nodes.color.lut import LUT
from services.graph.nodes.color.spaces import SPACES
from tests.unit.services.graph.nodes.oracles.lut import LookFile, cube, inside, lattice, look_file, looked, texts
from tests.unit.services.graph.nodes.oracles.pictures import chart, noise, straight
from tests.unit.services.graph.support import Context, node, picture


@pytest.fixture(scope="module")
def neutral(tmp_path_factory: pytest.TempPathFactory) -> LookFile:
    """A table that changes nothing within its domain."""
    axis = np.linspace(0, 1, 5)
    table = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)
    path = tmp_path_factory.mktemp("looks") / "neutral.cube"
    path.write_text(cube(table))
    return LookFile(path)


@pytest.mark.parametrize("name", [name for name in texts() if "spi1d" not in name and "curves" not in name])
def test_every_format_is_the_same_look(name: str) -> None:
    frame = inside(1)
    expected = looked(frame, look_file("cube"), input_space="working").pixels
    tolerance = 2.5e-4 if name == "3dl" else 1e-6  # .3dl holds whole numbers up to 4095
    np.testing.assert_allclose(looked(frame, look_file(name), input_space="working").pixels, expected, atol=tolerance)


@pytest.mark.parametrize("name", texts())
def test_a_name_says_nothing_to_the_reader(name: str, tmp_path: Path) -> None:
    """Assets lie in files that are named by their digests."""
    bare = tmp_path / "a3f0"
    bare.write_text(texts()[name])
    frame = inside(2)
    expected = looked(frame, look_file(name)).pixels
    np.testing.assert_array_equal(looked(frame, LookFile(bare)).pixels, expected)


def test_tetrahedra_keep_the_lattice_and_the_grey_axis() -> None:
    table, edge = lattice(), lattice().shape[0]
    points = np.stack(np.meshgrid(*[np.linspace(0, 1, edge)] * 3, indexing="ij"), -1).reshape(edge, -1, 3)
    opaque = np.concatenate([points, np.ones((*points.shape[:2], 1))], -1).astype(np.float32)
    result = looked(Frame(opaque, opaque=True), look_file("cube"), input_space="working").pixels
    np.testing.assert_allclose(result[..., :3].reshape(table.shape), table, atol=2e-6)


@pytest.mark.parametrize("space", [space for space in SPACES if space != "linear_rec709"])
def test_a_neutral_look_is_neutral_in_every_space(space: str, neutral: LookFile) -> None:
    """There and back again: within the table's domain nothing changes."""
    pixels = np.random.default_rng(1).uniform(0.02, 0.6, (20, 30, 1)).astype(np.float32).repeat(4, -1)
    pixels[..., 3] = 1.0
    result = looked(Frame(pixels, opaque=True), neutral, input_space=space).pixels
    np.testing.assert_allclose(result, pixels, rtol=2e-3, atol=1e-4)


def test_a_look_may_take_one_space_and_give_another(neutral: LookFile) -> None:
    """A neutral table from a logarithm to the display shows the logarithm's own numbers."""
    frame = Frame(np.full((2, 2, 4), [0.18, 0.18, 0.18, 1.0], np.float32), opaque=True)
    result = looked(frame, neutral, input_space="acescct", output_space="display").pixels
    WorkingColour("ACEScg").encode(result)
    # ACES S-2016-001: (log2(0.18) + 9.72) / 17.52.
    np.testing.assert_allclose(result[..., :3], (np.log2(0.18) + 9.72) / 17.52, atol=2e-4)


def test_a_table_ends_where_it_ends() -> None:
    """Beyond the domain there is its border: a look for displays has no light beyond white."""
    pixels = np.full((1, 1, 4), [16.0, 16.0, 16.0, 1.0], np.float32)
    one = np.full((1, 1, 4), 1.0, np.float32)
    border = looked(Frame(one), look_file("cube"), input_space="working").pixels
    np.testing.assert_allclose(
        looked(Frame(pixels), look_file("cube"), input_space="working").pixels, border, atol=1e-6
    )


@pytest.mark.parametrize("space", ["working", "display", "acescct", "logc3", "rec2100_pq"])
@pytest.mark.parametrize("number", ["1e37", "-1e37"])
def test_whatever_a_table_holds_is_finite_light(number: str, space: str, tmp_path: Path) -> None:
    path = tmp_path / "far.cube"
    path.write_text("LUT_3D_SIZE 2\n" + f"{number} 0.5 {number}\n" * 8)
    for mix in (1.0, 0.5):
        assert np.isfinite(looked(inside(3), LookFile(path), input_space=space, mix=mix).pixels).all()


@pytest.mark.parametrize("edge", [2, 5])
def test_a_table_with_a_wider_domain_holds_all_of_it(edge: int, tmp_path: Path) -> None:
    """Twice the light, from -1 to 3."""
    path = tmp_path / "wide.cube"
    axis = np.linspace(-2, 6, edge)
    table = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)
    path.write_text("DOMAIN_MIN -1 -1 -1\nDOMAIN_MAX 3 3 3\n" + cube(table))
    pixels = np.random.default_rng(1).uniform(-0.9, 2.9, (5, 7, 4)).astype(np.float32)
    pixels[..., 3] = 1.0
    result = looked(Frame(pixels, opaque=True), LookFile(path), input_space="working").pixels
    np.testing.assert_allclose(result[..., :3], 2 * pixels[..., :3], rtol=1e-5, atol=2e-6)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1), st.integers(0, 1000))
def test_mix_goes_from_the_picture_to_the_look(mix: float, seed: int) -> None:
    frame, source = noise(seed, 7, 5), look_file("cube")
    whole = looked(frame, source).pixels.astype(np.float64)
    result = looked(frame, source, mix=mix).pixels
    np.testing.assert_allclose(result, frame.pixels + mix * (whole - frame.pixels), atol=1e-5)
    np.testing.assert_array_equal(result[..., 3], frame.pixels[..., 3])


def test_mixed_it_is_rendered_and_else_it_is_a_grade() -> None:
    colour, source = WorkingColour("ACEScg"), look_file("cube")
    request = Context({}, LUT.changed).request
    grades = {mix: node(LUT, asset="assets/a", mix=mix).grade(colour, source) for mix in (0.0, 0.5, 1.0)}
    assert grades[0.5] is None
    assert list(grades[0.0] or ()) == []
    assert len(grades[1.0] or ()) == 4
    assert node(LUT, asset="assets/a", mix=0.0).identity(request) == "video"
    assert node(LUT, asset="assets/a", mix=1e-9).identity(request) is None


def test_strips_are_parts_of_the_whole_bit_for_bit() -> None:
    frame, source = noise(3), look_file("cube")
    whole = looked(frame, source, mix=0.4).pixels
    for region in (Window(0, 0, 61, 9), Window(0, 9, 61, 38)):
        np.testing.assert_array_equal(
            looked(frame.crop(region), source, mix=0.4).pixels, whole[region.inside(frame.window)]
        )


def test_what_is_transparent_stays_so_and_alpha_is_kept() -> None:
    frame = chart()
    for mix in (0.5, 1.0):
        result = looked(frame, look_file("cube"), mix=mix).pixels
        np.testing.assert_array_equal(result[..., 3], frame.pixels[..., 3])
        assert not result[frame.pixels[..., 3] == 0].any()


def test_colour_is_changed_straight() -> None:
    frame = noise(6)
    opaque = straight(frame.pixels)
    opaque[..., 3] = 1.0
    expected = looked(Frame(opaque.astype(np.float32), opaque=True), look_file("cube")).pixels[..., :3]
    result = straight(looked(frame, look_file("cube")).pixels)[..., :3]
    seen = frame.pixels[..., 3] > 0.05
    np.testing.assert_allclose(result[seen], expected[seen], atol=1e-5)


@pytest.mark.parametrize("params", [{}, {"mix": 0.5}, {"interpolation": "trilinear"}])
def test_one_pixel_and_none(params: dict[str, Any]) -> None:
    assert looked(Frame(picture(1, 1, 1)), look_file("cube"), **params).pixels.shape == (1, 1, 4)
    assert looked(Frame.empty(), look_file("cube"), **params).window.empty
