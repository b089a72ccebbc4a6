from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Window
from services.graph.nodes.transform.transform2d import Transform2D
from services.graph.nodes.transform.transform3d import Transform3D
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.transform3d import CARDS, COMPARISONS, seen
from tests.unit.services.graph.nodes.transforms import SIZE, WHOLE, check_edges, check_proxies, check_tiles
from tests.unit.services.graph.support import Context, node, picture


@pytest.mark.parametrize("comparison", COMPARISONS, ids=str)
def test_it_agrees_with_others(comparison: Any) -> None:
    assert comparison.error() <= comparison.tolerance


@pytest.mark.parametrize(
    ("params", "flat"),
    [
        ({"rotate": (0.0, 0.0, 30.0)}, {"rotate": 30.0}),
        ({"position": (5.25, -3.5, 0.0), "scale": (1.5, 0.8)}, {"translate": (5.25, -3.5), "scale": (1.5, 0.8)}),
        ({"camera_position": (-5.25, 3.5, 0.0)}, {"translate": (5.25, -3.5)}),
        ({"rotate": (0.0, 0.0, 10.0), "pivot": (0.2, 0.1), "pivot_of": "frame"},
         {"rotate": 10.0, "pivot": (0.2, 0.1), "pivot_of": "frame"}),
    ],
)  # fmt: skip
def test_in_its_own_plane_it_is_transform2d(params: dict[str, Any], flat: dict[str, Any]) -> None:
    frame = Frame(picture(1, 30, 20), 11, 7)
    expected = applied(node(Transform2D, **flat), {"video": frame}).filled(WHOLE)
    np.testing.assert_allclose(seen(frame, **params).filled(WHOLE), expected, atol=2e-5)


@pytest.mark.parametrize("lens", [{"focal_length": 12.0}, {"focal_length": 300.0, "film_back": 24.0},
                                  {"lens": "field_of_view", "field_of_view": 120.0}])  # fmt: skip
def test_every_lens_sees_the_frame_from_its_own_place(lens: dict[str, Any]) -> None:
    request = Context({}, Transform3D.seen, SIZE).request
    still = node(Transform3D, **lens, camera_position=(0.0, 0.0, 1e-9))
    matrix = still.motion(WHOLE, request).matrix
    np.testing.assert_allclose(matrix / matrix[2, 2], np.eye(3), atol=1e-6)
    assert node(Transform3D, **lens).identity(request) == "video"


def test_focal_length_and_field_of_view_say_the_same() -> None:
    """A film of 36 mm behind 18 mm is seen under 90 degrees."""
    frame = Frame(picture(2, *SIZE))
    turn: dict[str, Any] = {"rotate": (0.0, 30.0, 0.0)}
    np.testing.assert_allclose(
        seen(frame, **turn, focal_length=18.0).filled(WHOLE),
        seen(frame, **turn, lens="field_of_view", field_of_view=90.0).filled(WHOLE),
        atol=1e-5,
    )


def test_what_is_twice_as_far_is_half_as_large() -> None:
    distance = 64 * 50 / 36
    card = seen(Frame(np.ones((36, 64, 4), np.float32)), position=(0.0, 0.0, distance)).filled(WHOLE)
    assert card[..., 3].sum() == pytest.approx(64 * 36 / 4, rel=0.01)
    assert seen(Frame(np.ones((36, 64, 4), np.float32)), position=(0.0, 0.0, -1.01 * distance)).window.empty


@pytest.mark.parametrize(("angle", "shown"), [(80.0, True), (100.0, False), (180.0, False), (280.0, True)])
def test_a_hidden_back_is_not_seen(angle: float, shown: bool) -> None:
    frame = Frame(np.ones((36, 64, 4), np.float32))
    turn: dict[str, Any] = {"rotate": (0.0, angle, 0.0), "focal_length": 500.0}
    assert seen(frame, **turn, backface="hidden").window.empty != shown
    assert not seen(frame, **turn).window.empty


def test_the_side_that_turns_away_is_smaller() -> None:
    """A positive turn around y takes z to x: the right side comes nearer."""
    card = seen(Frame(np.ones((36, 64, 4), np.float32)), rotate=(0.0, 40.0, 0.0)).filled(WHOLE)[..., 3]
    columns = np.flatnonzero(card[18] > 0.5)
    left, right = card[:, columns[1]].sum(), card[:, columns[-2]].sum()
    assert (left < right) == (np.cross([0, 0, 1], [1, 0, 0])[1] > 0)


@pytest.mark.parametrize("name", CARDS)
def test_any_tile_is_that_part_of_the_whole(name: str) -> None:
    check_tiles(node(Transform3D, **CARDS[name]))


@pytest.mark.parametrize("name", CARDS)
def test_edges(name: str) -> None:
    check_edges(node(Transform3D, **CARDS[name]))


@pytest.mark.parametrize("name", CARDS)
def test_a_proxy_shows_what_the_full_picture_does(name: str) -> None:
    def at(size: int) -> Transform3D:
        in_pixels = {"position", "camera_position"}
        params = {key: tuple(np.multiply(value, size)) if key in in_pixels else value
                  for key, value in CARDS[name].items()}  # fmt: skip
        return node(Transform3D, **params)

    check_proxies(at, 0.05)


turns = st.tuples(*[st.floats(-360, 360)] * 3)
places = st.tuples(*[st.floats(-200, 200)] * 3)


@settings(max_examples=60, deadline=None)
@given(turns, places, turns, places, st.sampled_from(Transform3D.rotation_order.choices))
def test_any_card_and_camera_give_numbers_in_the_region(
    rotate: Any, position: Any, camera_rotate: Any, camera_position: Any, order: str
) -> None:
    params = {"rotate": rotate, "position": position, "camera_rotate": camera_rotate,
              "camera_position": camera_position, "rotation_order": order}  # fmt: skip
    region = Window(0, 0, 64, 36)
    result = applied(node(Transform3D, **params), {"video": Frame(picture(3, 20, 16), 5, 4)}, region=region)
    assert region.contains(result.window)
    assert np.isfinite(result.pixels).all()
