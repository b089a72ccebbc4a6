from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Window
from services.graph.domain.compile.runs import MotionRun
from services.graph.domain.evaluate.moving import moved
from services.graph.nodes.transform.corner_pin import CornerPin
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.corner_pin import COMPARISONS, NAMES, PINS, params_of, pinned
from tests.unit.services.graph.nodes.transforms import SIZE, WHOLE, check_edges, check_proxies, check_tiles
from tests.unit.services.graph.support import Context, node, picture


@pytest.mark.parametrize("comparison", COMPARISONS, ids=str)
def test_it_agrees_with_others(comparison: Any) -> None:
    assert comparison.error() <= comparison.tolerance


def test_the_corners_come_to_lie_where_they_are_said_to() -> None:
    come_from, to = PINS["of a quadrilateral"]
    matrix = node(CornerPin, **params_of(come_from, to)).motion(WHOLE, Context({}, CornerPin.pinned).request).matrix
    for here, there in zip(come_from, to, strict=True):
        x, y, w = matrix @ [*here, 1.0]
        np.testing.assert_allclose([x / w, y / w], there, atol=1e-9)


def test_inverting_takes_it_back() -> None:
    smooth = Frame(np.ones((36, 64, 4), np.float32) * np.linspace(0.2, 1, 64, dtype=np.float32)[None, :, None])
    square, inside = [(0, 0), (64, 0), (64, 36), (0, 36)], [(10, 5), (55, 8), (50, 30), (8, 33)]
    there = pinned(smooth, square, inside, filter="cubic")
    back = pinned(there, square, inside, filter="cubic", invert=True).filled(WHOLE)
    middle = np.s_[6:30, 6:58]
    np.testing.assert_allclose(back[middle], smooth.pixels[middle], atol=0.01)


def test_pixels_and_parts_of_the_document_mean_the_same() -> None:
    frame = Frame(picture(2, *SIZE))
    parts = {name: (x / 64, y / 36) for name, (x, y) in zip(NAMES, PINS["a wall"][1], strict=True)}
    in_parts = applied(node(CornerPin, **parts), {"video": frame})
    in_pixels = pinned(frame, *PINS["a wall"])
    np.testing.assert_allclose(in_parts.filled(WHOLE), in_pixels.filled(WHOLE), atol=1e-6)


@pytest.mark.parametrize("name", PINS)
@pytest.mark.parametrize("filter", CornerPin.filter.choices)
def test_any_tile_is_that_part_of_the_whole(name: str, filter: str) -> None:
    check_tiles(node(CornerPin, **params_of(*PINS[name], filter=filter)))


@pytest.mark.parametrize("filter", CornerPin.filter.choices)
@pytest.mark.parametrize("height", [2.5, 5.0, 10.0])
def test_a_tile_of_what_is_flattened_is_that_part_of_the_whole(height: float, filter: str) -> None:
    """Far smaller on one side alone it is read in halves, whose pixels are large on the other, too."""
    size, tile = (640, 640), Window(200, 301, 30, 1)
    square = [(0, 0), (640, 0), (640, 640), (0, 640)]
    to = [(0, 300), (640, 300.5), (640.3, 300.7 + height), (0.2, 300 + height)]
    flat = node(CornerPin, **params_of(square, to, filter=filter))
    frame = Frame(picture(7, *size))
    whole = applied(flat, {"video": frame}, size)
    given = frame.crop(flat.region_needed("video", Context({}, CornerPin.pinned, size, tile).request))
    part = applied(flat, {"video": given}, size, region=tile).filled(tile)
    np.testing.assert_allclose(part, whole.crop(tile).filled(tile), atol=1e-5)


def test_pins_in_a_row_read_what_the_last_ones_filter_does() -> None:
    size, tile = (640, 360), Window(200, 100, 20, 20)
    square, larger, beside = (
        [(x * scale + dx, y * scale + dy) for x, y in ((0, 0), (640, 0), (640, 360), (0, 360))]
        for scale, dx, dy in ((1, 0, 0), (30, -900, -500), (1, 0.5, 0.25))
    )
    first = node(CornerPin, **params_of(square, larger, filter="nearest"))
    run = MotionRun({"first": first, "then": node(CornerPin, **params_of(square, beside, filter="lanczos4"))})
    request = Context({}, CornerPin.pinned, size, tile).request
    frame = Frame(picture(7, *size))
    part = moved(frame.crop(run.region_needed("video", request)), run.motion(WHOLE, request), tile)
    whole = moved(frame, run.motion(WHOLE, request), tile)
    np.testing.assert_allclose(part.filled(tile), whole.filled(tile), atol=1e-5)


@pytest.mark.parametrize("name", PINS)
def test_edges(name: str) -> None:
    check_edges(node(CornerPin, **params_of(*PINS[name])))


@pytest.mark.parametrize("name", PINS)
def test_a_proxy_shows_what_the_full_picture_does(name: str) -> None:
    def at(size: int) -> CornerPin:
        come_from, to = (np.multiply(points, size) for points in PINS[name])
        return node(CornerPin, **params_of(come_from, to))

    check_proxies(at, 0.05)


@pytest.mark.parametrize(
    "to",
    [
        [(0, 0), (10, 10), (20, 20), (0, 20)],
        [(5, 5), (5, 5), (5, 5), (5, 5)],
        [(0, 0), (10, 0), (20, 0), (30, 0)],
    ],
)
def test_points_in_a_line_leave_nothing(to: Any) -> None:
    square = [(0, 0), (64, 0), (64, 36), (0, 36)]
    assert pinned(Frame(picture(1, *SIZE)), square, to).window.empty
    assert pinned(Frame(picture(1, *SIZE)), to, square).window.empty


def test_nothing_to_do_passes_on() -> None:
    frame = Frame(picture(1, *SIZE))
    assert pinned(frame, *[[(3, 2), (50, 4), (60, 30), (1, 33)]] * 2) is frame


points = st.tuples(st.floats(-40, 100), st.floats(-40, 80)).map(lambda p: (round(p[0], 2), round(p[1], 2)))


@settings(max_examples=60, deadline=None)
@given(st.lists(points, min_size=4, max_size=4), st.sampled_from(CornerPin.filter.choices), st.booleans())
def test_any_four_points_give_numbers_in_the_region(to: Any, filter: str, invert: bool) -> None:
    square = [(0, 0), (64, 0), (64, 36), (0, 36)]
    region = Window(-5, -5, 80, 50)
    params = params_of(square, to, filter=filter, invert=invert)
    result = applied(node(CornerPin, **params), {"video": Frame(picture(3, *SIZE))}, region=region)
    assert region.contains(result.window)
    assert np.isfinite(result.pixels).all()


def test_a_shutter_blurs_a_corner_that_moves_and_no_other() -> None:
    """The left corners stand still, the right ones swing."""
    frame = Frame(np.ones((36, 64, 4), np.float32))
    square = [(10, 8), (50, 8), (50, 28), (10, 28)]
    come_from = [(0, 0), (64, 0), (64, 36), (0, 36)]
    moving = node(CornerPin, **params_of(come_from, square, shutter=360.0, shutter_samples=8))
    moving.then = tuple(
        node(CornerPin, **params_of(come_from, [square[0], (50 + dx, 8), (50 + dx, 28), square[3]]))
        for dx in np.linspace(-6, 6, 8)
    )
    row = applied(moving, {"video": frame}).filled(WHOLE)[18, :, 3]
    assert np.count_nonzero((row[:30] > 0.02) & (row[:30] < 0.98)) <= 2
    assert np.count_nonzero((row[30:] > 0.02) & (row[30:] < 0.98)) >= 10
    assert row.sum() == pytest.approx(40.0, abs=0.5)
