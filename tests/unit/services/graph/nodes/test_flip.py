from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Window
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.nodes.transform.flip import Flip
from tests.unit.services.graph.domain.evaluate.random_graphs import CATALOGUE
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.flip import COMPARISONS
from tests.unit.services.graph.nodes.transforms import check_edges, check_tiles
from tests.unit.services.graph.support import document, node, output, picture

AXES = Flip.axis.choices


@pytest.mark.parametrize("comparison", COMPARISONS, ids=str)
def test_it_agrees_with_others(comparison: Any) -> None:
    assert comparison.error() <= comparison.tolerance


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(AXES), st.sampled_from(["frame", "input"]), st.integers(-30, 70), st.integers(-30, 40),
    st.integers(1, 40), st.integers(1, 30),
)  # fmt: skip
def test_twice_is_not_at_all(axis: str, about: str, x: int, y: int, width: int, height: int) -> None:
    frame = Frame(picture(1, width, height), x, y, opaque=True)
    far, flip = Window(-300, -300, 700, 700), node(Flip, axis=axis, about=about)
    once = applied(flip, {"video": frame}, region=far)
    assert once.opaque
    assert about == "frame" or once.window == frame.window
    again = applied(flip, {"video": once}, region=far)
    assert again.window == frame.window
    np.testing.assert_array_equal(again.pixels, frame.pixels)


@pytest.mark.parametrize("axis", AXES)
def test_any_tile_is_that_part_of_the_whole(axis: str) -> None:
    check_tiles(node(Flip, axis=axis), tolerance=0.0)
    check_tiles(node(Flip, axis=axis, about="input"), tolerance=0.0)


@pytest.mark.parametrize("axis", AXES)
def test_edges(axis: str) -> None:
    check_edges(node(Flip, axis=axis))


def test_a_pixel_that_is_no_number_stays_one_pixel() -> None:
    pixels = picture(2, 64, 36)
    pixels[3, 5, 0] = np.nan
    result = applied(node(Flip), {"video": Frame(pixels)}).pixels
    assert np.argwhere(np.isnan(result)).tolist() == [[3, 58, 0]]


@pytest.mark.parametrize("scale", [Fraction(1), Fraction(1, 2), Fraction(1, 4)])
def test_a_proxy_is_mirrored_pixel_for_pixel(scale: Fraction) -> None:
    width, height = int(64 * scale), int(36 * scale)
    pixels = picture(3, width, height)
    result = applied(node(Flip, axis="both"), {"video": Frame(pixels)}, (width, height), scale=scale)
    np.testing.assert_array_equal(result.pixels, pixels[::-1, ::-1])


def test_two_of_them_and_a_move_back_are_bit_for_bit_nothing() -> None:
    """In a run they are one matrix, of whole pixels."""
    nodes = {
        "plate": {"type": "Plate"},
        "a": {"type": "Flip", "inputs": {"video": "plate"}, "params": {"axis": "both"}},
        "b": {"type": "Transform2D", "inputs": {"video": "a"}, "params": {"translate": [7, -3]}},
        "c": {"type": "Flip", "inputs": {"video": "b"}, "params": {"axis": "both"}},
        "x": {"type": "Transform2D", "inputs": {"video": "c"}, "params": {"translate": [7, -3]}},
        "out": output("x"),
        "alone": output("plate"),
    }
    frames = [
        FramePuller(compile(document(nodes), CATALOGUE, name, {}), {}, WorkingColour("ACEScg")).frame(3)
        for name in ("out", "alone")
    ]
    assert frames[0].window == frames[1].window
    np.testing.assert_array_equal(frames[0].pixels, frames[1].pixels)
