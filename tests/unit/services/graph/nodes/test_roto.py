import tracemalloc
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Pixels, Window
from services.graph.domain.compile.compiler import compile, validate
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.nodes.composite.roto import Roto
from services.graph.nodes.shapes.paths import lines_of
from tests.unit.services.graph.nodes.oracles.outlines import made
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WHOLE, WIDTH, noise
from tests.unit.services.graph.nodes.oracles.roto import EIGHT, HOLE, LEAF, Rows, full, hard, moving, rotoed, whole
from tests.unit.services.graph.nodes.test_any_graph import CATALOGUE
from tests.unit.services.graph.support import Context, document, node, output

TILES = (Window(0, 0, 20, 20), Window(17, 13, 31, 9), Window(40, 30, 21, 17), Window(-9, 5, 80, 3))
BOX: Rows = ((10.0, 8.0), (40.0, 8.0), (40.0, 28.0), (10.0, 28.0))


def soft(width: float) -> Rows:
    return tuple((*row[:2], 0.0, 0.0, 0.0, 0.0, width) for row in BOX)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([LEAF, (*LEAF, *HOLE), EIGHT, hard(LEAF)]), st.sampled_from(Roto.fill.choices), st.booleans(),
    st.booleans(), st.sampled_from([0.0, 0.3, 5.0]), st.sampled_from(Roto.combine.choices), st.sampled_from(TILES),
)  # fmt: skip
def test_tiles_are_bit_by_bit_parts_of_the_whole(
    rows: Rows, fill: str, closed: bool, invert: bool, feather: float, combine: str, tile: Window
) -> None:
    params: dict[str, Any] = {"fill": fill, "closed": closed, "invert": invert, "feather": feather, "opacity": 0.9,
                              "combine": combine}  # fmt: skip
    frames = {"mask": Frame(noise(2).pixels[5:30, 9:50, 3:].copy(), 9, 5)}
    everywhere = WHOLE.grown(40)
    part, expected = rotoed(rows, frames, tile, **params), rotoed(rows, frames, everywhere, **params)
    assert tile.contains(part.window)
    np.testing.assert_array_equal(part.filled(tile), expected.filled(everywhere)[tile.inside(everywhere)])


def test_corners_without_handles_are_joined_by_straight_edges() -> None:
    expected = np.zeros((HEIGHT, WIDTH))
    expected[8:28, 10:40] = 1.0
    np.testing.assert_array_equal(whole(BOX), expected)
    half = whole(tuple((x + 0.5, y) for x, y in BOX))
    assert half[15, 10] == half[15, 40] == 0.5
    backwards = whole(BOX[::-1])
    np.testing.assert_array_equal(backwards, expected)


def test_an_open_path_is_closed_by_a_straight_hard_edge() -> None:
    arc: Rows = ((10.0, 30.0, 0.0, 0.0, 0.0, -30.0, 6.0), (50.0, 30.0, 0.0, -30.0, 0.0, 20.0, 6.0))
    opened = whole(arc, closed=False)
    assert not opened[30:, 17:44].any()
    assert (opened[29, 17:44] == 1.0).all()
    assert 0.0 < opened[6, 30] < 1.0
    # Closed, the last point's handles lead back to the first below.
    assert whole(arc)[33, 40] > 0.5


def test_a_feather_lies_around_the_path_and_changes_along_it() -> None:
    even = whole(soft(8.0))
    np.testing.assert_allclose(even[15, 40:50], np.clip(1.0 - (np.arange(10) + 0.5) / 8.0, 0.0, 1.0), atol=2e-3)
    assert (even[8:28, 10:40] == 1.0).all()
    np.testing.assert_array_equal(even, whole(BOX, feather=8.0))
    rows = full(soft(0.0))
    wider = whole(tuple((*row[:6], width, 0.0) for row, width in zip(rows, (0.0, 0.0, 12.0, 0.0), strict=True)))
    edge = [np.count_nonzero(wider[y, 40:] > 0.0) for y in (9, 15, 21, 26)]
    assert edge == sorted(edge)
    assert edge[-1] >= 10
    assert not wider[15, :10].any()


def test_a_smooth_feather_is_a_smoothstep() -> None:
    u, smooth = whole(soft(8.0))[15, 40:50], whole(soft(8.0), falloff="smooth")[15, 40:50]
    np.testing.assert_allclose(smooth, u * u * (3 - 2 * u), atol=1e-6)


def test_a_feather_grows_from_none_without_a_jump() -> None:
    masks = [whole(tuple((x + 0.3, y + 0.6) for x, y in BOX), feather=width) for width in np.linspace(0.0, 2.0, 41)]
    assert max(np.abs(later - earlier).max() for earlier, later in pairwise(masks)) < 0.06
    np.testing.assert_array_equal(masks[0], whole(tuple((x + 0.3, y + 0.6) for x, y in BOX)))


def test_paths_that_lie_in_one_another_leave_holes_by_direction_or_number() -> None:
    inside = (slice(18, 27), slice(28, 32))
    for rows, fill, filled in (
        ((*LEAF, *HOLE), "evenodd", 0.0),
        ((*LEAF, *HOLE), "nonzero", 0.0),
        ((*LEAF, *HOLE[::-1]), "evenodd", 0.0),
        ((*LEAF, *HOLE[::-1]), "nonzero", 1.0),
    ):
        assert (whole(rows, fill=fill)[inside] == filled).all(), (fill, filled)


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize(("feather", "tolerance"), [(0.0, 2e-3), (12.0, 0.06)])
def test_a_proxy_is_the_full_mask_made_small(factor: int, feather: float, tolerance: float) -> None:
    rows = tuple((*row[:6], 0.0, 0.0) for row in LEAF)
    full_mask = rotoed(rows, feather=feather).filled(Window(0, 0, 60, 44))[..., 0]
    expected = full_mask.reshape(44 // factor, factor, 60 // factor, factor).mean((1, 3))
    window = Window(0, 0, 60 // factor, 44 // factor)
    ours = rotoed(rows, region=window, scale=Fraction(1, factor), feather=feather).filled(window)[..., 0]
    np.testing.assert_allclose(ours, expected, atol=tolerance)


def test_a_shutter_is_centred_on_the_frame_unless_moved() -> None:
    asked = Context({}, Roto.made, (WIDTH, HEIGHT), time=Fraction(2)).request
    moments = node(Roto, shutter=180.0, shutter_samples=4).moments(asked)
    assert [float((moment - 2) * asked.frame_rate) for moment in moments] == [-3 / 16, -1 / 16, 1 / 16, 3 / 16]
    later = node(Roto, shutter=180.0, shutter_phase=90.0, shutter_samples=2).moments(asked)
    assert [float((moment - 2) * asked.frame_rate) for moment in later] == [1 / 8, 3 / 8]
    assert node(Roto).moments(asked) == ()


def test_what_stands_still_is_sharp_through_a_shutter() -> None:
    still, sharp = moving(0.0, 360.0), moving(0.0, 0.0)
    np.testing.assert_array_equal(still, sharp)
    blurred = moving(10.0, 360.0, shutter_samples=64)
    assert blurred.sum() == pytest.approx(sharp.sum(), rel=1e-5)
    assert np.count_nonzero(blurred[14]) == np.count_nonzero(sharp[14]) + 10


def keyed(params: dict[str, Any], index: int, region: Window | None = None) -> Pixels:
    nodes: dict[str, Any] = {
        "roto": {"type": "Roto", "params": params},
        "picture": {"type": "MaskPicture", "inputs": {"mask": "roto"}},
        "out": output("picture"),
    }
    whole_document = document(nodes)
    assert not validate(whole_document, CATALOGUE, {})
    window = region or Window(0, 0, 64, 36)
    puller = FramePuller(compile(whole_document, CATALOGUE, "", {}), {}, WorkingColour("ACEScg"))
    return puller.frame(index, window).filled(window)[..., 3]


def moved(x: float) -> list[list[float]]:
    return [[x, 5], [x + 10, 5], [x + 10, 25], [x, 25]]


def test_keys_move_the_points_and_a_shutter_blurs_what_they_move() -> None:
    points = {"keys": [[0, moved(5)], [1, moved(55)]]}
    np.testing.assert_array_equal(keyed({"points": moved(15)}, 0), keyed({"points": points}, 5))
    # Two pixels a frame, half of it open, centred: edges a pixel wide.
    blurred = keyed({"points": points, "shutter": 180, "shutter_samples": 32}, 5)[10]
    np.testing.assert_allclose(blurred[13:17], [0.0, 0.125, 0.875, 1.0], atol=2e-3)
    tile = keyed({"points": points, "shutter": 180, "shutter_samples": 32}, 5, Window(12, 8, 9, 5))
    np.testing.assert_array_equal(tile[2], blurred[12:21])


def test_points_have_bounds_and_keys_equally_many_of_them() -> None:
    def problems(points: Any) -> list[str]:
        nodes = {"x": {"type": "Roto", "params": {"points": points}}, "out": output("x")}
        found = validate(document(nodes), CATALOGUE, {})
        return [problem.message for problem in found if "points" in problem.path]

    assert "feather -1 is below the minimum 0" in problems([[0, 0], [1, 1, 0, 0, 0, 0, -1]])[0]
    assert problems({"keys": [[0, moved(1)], [1, moved(1)[:3]]]})
    assert not problems([[0, 0], [1, 1, 0, 0, 0, 0, 2.5]])


@pytest.mark.parametrize("rows", [(), ((5.0, 5.0),), ((5.0, 5.0), (30.0, 20.0)), BOX[:1] * 4])
def test_paths_without_an_area_cover_nothing(rows: Rows) -> None:
    for closed in (True, False):
        assert not rotoed(rows, closed=closed).pixels.any()
        assert (whole(rows, closed=closed, invert=True) == 1.0).all()
    assert np.isfinite(rotoed(rows, feather=4.0).pixels).all()


def test_points_of_one_number_are_one_path_wherever_they_stand() -> None:
    rows = (*full(LEAF), *full(HOLE))
    mixed = tuple(row for pair in zip(full(LEAF), full(HOLE), strict=True) for row in pair)
    for params in ({}, {"feather": 4.0}, {"closed": False}):
        np.testing.assert_array_equal(whole(mixed, fill="evenodd", **params), whole(rows, fill="evenodd", **params))


def test_curves_take_no_more_memory_than_their_edges_need() -> None:
    places = np.random.default_rng(1).uniform(-1e5, 1e5, (256, 6))
    rows = tuple((*place, 0.0, 0.0) for place in places.tolist())
    for feather, most in ((0.0, 120), (5.0, 330)):
        tracemalloc.start()
        count = len(lines_of(rows, closed=True, scale=1.0, feather=feather).edges)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count > 200_000
        assert peak < most * count


def test_a_path_far_away_or_in_a_tiny_document() -> None:
    assert rotoed(tuple((x + 1000.0, y) for x, y in BOX)).window.empty
    huge: Rows = ((-1e5, -1e5), (1e5, -1e5), (1e5, 1e5), (-1e5, 1e5))
    assert (whole(huge, feather=1000.0) == 1.0).all()
    for size in ((1, 1), (1, 9), (7, 1)):
        context = Context({}, Roto.made, size)
        one = node(Roto, points=full(((0.25, 0.0), (9.0, 0.0), (9.0, 9.0), (0.25, 9.0)))).render(context)
        assert one.filled(context.request.format)[0, 0, 0] == 0.75
    assert node(Roto, points=full(BOX)).render(Context({}, Roto.made, region=Window(0, 0, 0, 0))).window.empty


def test_it_goes_together_with_another_mask() -> None:
    below = {"mask": Frame(np.full((HEIGHT, WIDTH, 1), 0.5, np.float32))}
    for combine, inside, outside in (
        ("union", 1.0, 0.5), ("subtract", 0.0, 0.5), ("intersect", 0.5, 0.0), ("difference", 0.5, 0.5)
    ):  # fmt: skip
        together = made(node(Roto, points=full(BOX), combine=combine), below).filled(WHOLE)[..., 0]
        assert (together[15, 20], together[2, 2]) == (inside, outside), combine
