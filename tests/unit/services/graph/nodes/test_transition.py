from fractions import Fraction
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Pixels, Window
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.nodes.effect.transition import Transition
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.pictures import noise
from tests.unit.services.graph.nodes.oracles.transition import HEIGHT, WIDTH, transition
from tests.unit.services.graph.support import Context, node, picture

WHOLE = Window(0, 0, WIDTH, HEIGHT)
KINDS = Transition.kind.choices
ORDERED = ("wipe", "iris", "clock", "luma")
MOVING = ("push", "slide", "reveal")


def two(alpha: bool = True) -> tuple[Frame, Frame]:
    return noise(1, WIDTH, HEIGHT, alpha=alpha), noise(2, WIDTH, HEIGHT, alpha=alpha)


def a_map() -> Frame:
    return Frame(np.random.default_rng(3).uniform(-0.2, 1.2, (HEIGHT, WIDTH, 1)).astype(np.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_the_ends_are_the_pictures_themselves(kind: str) -> None:
    a, b = two()
    assert transition(a, b, kind=kind, progress=0.0) is a
    assert transition(a, b, kind=kind, progress=1.0) is b


@pytest.mark.parametrize("kind", KINDS)
def test_it_comes_near_the_ends_without_a_jump(kind: str) -> None:
    a, b = two(alpha=False)
    for near, expected in ((1e-6, a), (1.0 - 1e-6, b)):
        ours = transition(a, b, order=a_map(), kind=kind, progress=near, softness=0.1).filled(WHOLE)
        np.testing.assert_allclose(ours, expected.pixels, atol=2e-3)


@pytest.mark.parametrize("kind", ORDERED)
@pytest.mark.parametrize("reverse", [False, True])
def test_what_has_not_turned_is_a_and_what_has_is_b_to_the_bit(kind: str, reverse: bool) -> None:
    """Even where the other picture is no number."""
    a, b = two()
    a.pixels[:, WIDTH // 2 :], b.pixels[:, : WIDTH // 2] = np.nan, np.nan
    given: dict[str, Any] = {"kind": kind, "progress": 0.5, "softness": 0.02, "reverse": reverse}
    ours = transition(a, b, order=a_map(), **given).filled(WHOLE)
    white, black = Frame(np.ones_like(a.pixels)), Frame(np.zeros_like(a.pixels))
    share = transition(black, white, order=a_map(), **given).filled(WHOLE)[..., 0]
    assert (share == 0).mean() > 0.2
    assert (share == 1).mean() > 0.2
    np.testing.assert_array_equal(ours[share == 0], a.pixels[share == 0])
    np.testing.assert_array_equal(ours[share == 1], b.pixels[share == 1])
    other = transition(black, white, order=a_map(), **{**given, "reverse": not reverse}).filled(WHOLE)[..., 0]
    np.testing.assert_allclose(share + other, 1.0, atol=1e-5)


@pytest.mark.parametrize("kind", [*ORDERED, "dissolve"])
def test_more_of_b_is_seen_the_farther_it_goes(kind: str) -> None:
    white, black = Frame(np.ones((HEIGHT, WIDTH, 4), np.float32)), Frame(np.zeros((HEIGHT, WIDTH, 4), np.float32))
    seen = [
        transition(black, white, order=a_map(), kind=kind, progress=number / 8, shape="diamond").filled(WHOLE)
        for number in range(9)
    ]
    for before, after in pairwise(seen):
        assert (after >= before).all()
        assert after.sum() > before.sum()


@pytest.mark.parametrize("shape", Transition.shape.choices)
def test_an_iris_has_its_shape(shape: str) -> None:
    white, black = Frame(np.ones((HEIGHT, WIDTH, 4), np.float32)), Frame(np.zeros((HEIGHT, WIDTH, 4), np.float32))
    share = transition(black, white, kind="iris", shape=shape, progress=0.4, softness=0.0).filled(WHOLE)[..., 0]
    # The part of the circle, rectangle or diamond around the frame that is open, cut off by the frame.
    y, x = np.mgrid[0 : HEIGHT * 8, 0 : WIDTH * 8] / 8 + 1 / 16
    dx, dy = np.abs(x - WIDTH / 2), np.abs(y - HEIGHT / 2)
    open_ = {
        "circle": np.hypot(dx, dy) < 0.4 * np.hypot(WIDTH, HEIGHT) / 2,
        "rectangle": (dx < 0.4 * WIDTH / 2) & (dy < 0.4 * HEIGHT / 2),
        "diamond": dx + dy < 0.4 * (WIDTH + HEIGHT) / 2,
    }[shape]
    assert share.mean() == pytest.approx(open_.mean(), abs=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_are_parts_of_the_whole(kind: str) -> None:
    a, b = noise(4, WIDTH, HEIGHT), Frame(picture(5, 23, 11), 9, 4)
    given: dict[str, Any] = {"kind": kind, "progress": 0.37, "softness": 0.3, "angle": 40.0, "direction": "up"}
    whole = transition(a, b, order=a_map(), **given).filled(WHOLE)
    change = node(Transition, **given)
    for region in (Window(0, 0, 20, 9), Window(20, 9, 17, 8), Window(35, 15, 5, 5), Window(-5, -5, 9, 9)):
        request = Context({}, Transition.crossed, (WIDTH, HEIGHT), region).request
        first, last = (frame.crop(change.region_needed(name, request)) for name, frame in (("a", a), ("b", b)))
        seen = region.intersect(WHOLE)
        ours = transition(first, last, region, order=a_map(), **given).filled(seen)
        np.testing.assert_allclose(ours, whole[seen.inside(WHOLE)], atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_of_opaque_pictures_tiles_are_as_opaque_as_the_whole(kind: str) -> None:
    a, b = two(alpha=False)
    given: dict[str, Any] = {"kind": kind, "progress": 0.37, "softness": 0.3, "direction": "up"}
    whole = transition(a, b, order=a_map(), **given)
    assert whole.opaque
    for region in (Window(0, 0, 20, 3), Window(20, 9, 17, 8), Window(3, 17, 5, 3)):
        request = Context({}, Transition.crossed, (WIDTH, HEIGHT), region).request
        change = node(Transition, **given)
        first, last = (frame.crop(change.region_needed(name, request)) for name, frame in (("a", a), ("b", b)))
        part = transition(first, last, region, order=a_map(), **given)
        assert part.opaque
        np.testing.assert_array_equal(part.filled(region)[..., 3], 1.0)
    half = transition(a.crop(Window(0, 0, WIDTH, HEIGHT - 1)), b, order=a_map(), **given)
    assert not half.opaque


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(KINDS), st.floats(0.01, 0.99), st.floats(0, 1), st.floats(-400, 400),
    st.sampled_from(["left", "right", "up", "down"]), st.booleans(),
)  # fmt: skip
def test_a_flat_picture_stays_flat_whatever_is_done(
    kind: str, progress: float, softness: float, angle: float, direction: str, reverse: bool
) -> None:
    """Of two equal opaque pictures nothing is seen: no seam, no dark edge; a dip goes through its colour alone."""
    flat = Frame(np.full((HEIGHT, WIDTH, 4), [0.3, 16.0, -0.1, 1.0], np.float32), opaque=True)
    result = transition(
        flat, flat, order=a_map(), kind=kind, progress=progress, softness=softness, angle=angle,
        direction=direction, reverse=reverse,
    )  # fmt: skip
    assert result.opaque
    assert (result.pixels[..., 3] == 1.0).all()
    if kind != "dip":
        np.testing.assert_allclose(result.pixels, flat.pixels, rtol=2e-6)


def test_a_dip_goes_through_its_colour() -> None:
    a, b = two()
    colour = np.array([*WorkingColour("ACEScg").from_display((1.0, 0.5, 0.25)), 1.0]) * 0.8
    given: dict[str, Any] = {"kind": "dip", "color": (1.0, 0.5, 0.25, 0.8)}
    middle = transition(a, b, progress=0.5, **given).filled(WHOLE)
    np.testing.assert_allclose(middle, np.broadcast_to(colour, middle.shape), atol=1e-6)
    first = transition(a, b, progress=0.2, **given).filled(WHOLE)
    np.testing.assert_allclose(first, a.pixels * 0.6 + colour * 0.4, atol=2e-6)
    last = transition(a, b, progress=0.9, **given).filled(WHOLE)
    np.testing.assert_allclose(last, b.pixels * 0.8 + colour * 0.2, atol=2e-6)
    request = Context({}, Transition.crossed).request
    assert node(Transition, kind="dip", progress=0.2).frames_needed("b", request) == ()
    assert node(Transition, kind="dip", progress=0.7).frames_needed("a", request) == ()


@pytest.mark.parametrize("kind", MOVING)
def test_what_moves_between_pixels_keeps_the_light_of_both(kind: str) -> None:
    """A push is one picture of double length that moves: OpenCV's shift of it."""
    a, b = two(alpha=False)
    ours = transition(a, b, kind=kind, direction="left", progress=0.3125).filled(WHOLE)
    assert WIDTH * 0.3125 == 12.5
    shift = np.array([[1, 0, -12.5], [0, 1, 0]], np.float32)
    both = np.concatenate([a.pixels, b.pixels], 1)
    pushed = cv2.warpAffine(both, shift, (2 * WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)[:, :WIDTH]
    if kind == "push":
        np.testing.assert_allclose(ours, pushed, atol=1e-4)
    elif kind == "slide":
        np.testing.assert_array_equal(ours[:, : WIDTH - 13], a.pixels[:, : WIDTH - 13])
        np.testing.assert_allclose(ours[:, WIDTH - 12 :], pushed[:, WIDTH - 12 :], atol=1e-4)
    else:
        np.testing.assert_allclose(ours[:, : WIDTH - 13], pushed[:, : WIDTH - 13], atol=1e-4)
        np.testing.assert_array_equal(ours[:, WIDTH - 12 :], b.pixels[:, WIDTH - 12 :])


def test_a_frame_that_slides_hides_what_is_below_even_where_it_is_clear() -> None:
    a, b = two()
    b.pixels[...] = 0.0
    ours = transition(a, b, kind="slide", direction="right", progress=0.5).filled(WHOLE)
    np.testing.assert_array_equal(ours[:, : WIDTH // 2], 0.0)
    np.testing.assert_array_equal(ours[:, WIDTH // 2 :], a.pixels[:, WIDTH // 2 :])


def test_a_luma_wipe_goes_by_its_map_and_without_one_dissolves() -> None:
    a, b = two()
    order = a_map()
    ours = transition(a, b, order=order, kind="luma", progress=0.4, softness=0.3).filled(WHOLE)
    m = np.clip((0.4 * 1.3 - np.clip(order.pixels.astype(np.float64), 0, 1)) / 0.3, 0, 1)
    np.testing.assert_allclose(ours, a.pixels * (1 - m) + b.pixels * m, atol=5e-6)
    dissolved = transition(a, b, kind="dissolve", progress=0.4).pixels
    np.testing.assert_array_equal(transition(a, b, kind="luma", progress=0.4).filled(WHOLE), dissolved)
    # Around an empty map lies 0: b comes first.
    gone = transition(a, b, order=Frame.empty(1), kind="luma", progress=0.4, softness=0.3).filled(WHOLE)
    np.testing.assert_array_equal(gone, b.pixels)


def made_small(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).reshape(size[1], size[0], -1)


@pytest.mark.parametrize("down", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_goes_as_far_as_the_full_picture(kind: str, down: int) -> None:
    """Mean difference within a hundredth: edges are a pixel wide at both scales."""
    size = (160, 96)
    small = (size[0] // down, size[1] // down)
    x = np.linspace(0, 1, size[0], dtype=np.float32)[None, :, None]
    a = np.broadcast_to(x, (size[1], size[0], 4)) * np.array([2, 1, 0.5, 1], np.float32)
    b = np.broadcast_to(1 - x, (size[1], size[0], 4)) * np.array([0.2, 1, 4, 1], np.float32)
    order = np.ascontiguousarray(np.broadcast_to(x, (size[1], size[0], 1)) ** 2)
    frames = {"a": np.ascontiguousarray(a), "b": np.ascontiguousarray(b), "order": order}
    change = node(Transition, kind=kind, progress=0.3, angle=30.0, softness=0.02)
    whole = applied(change, {name: Frame(pixels) for name, pixels in frames.items()}, size).pixels
    halves = {name: Frame(made_small(pixels, small)) for name, pixels in frames.items()}
    proxy = applied(change, halves, small, scale=Fraction(1, down)).pixels
    assert np.abs(proxy - made_small(whole, small)).mean() < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_thin_and_empty_pictures(kind: str) -> None:
    empty = Frame.empty()
    if kind != "dip":
        assert not transition(empty, empty, order=a_map(), kind=kind).filled(WHOLE).any()
    for size in ((1, 1), (1, 9), (7, 1)):
        one = Frame(np.ones((size[1], size[0], 4), np.float32), opaque=True)
        result = applied(node(Transition, kind=kind, color=(1.0,) * 4), {"a": one, "b": one}, size)
        assert np.isfinite(result.pixels).all()
        assert result.pixels[..., 3].min() == 1.0
    assert transition(empty, empty, Window(5, 5, 0, 0), kind=kind).window.empty
    half = transition(Frame(picture(3, 5, 4), 3, 3), empty, order=a_map(), kind=kind, progress=0.01)
    assert np.isfinite(half.pixels).all()


def test_only_what_does_not_move_is_pointwise() -> None:
    request = Context({}, Transition.crossed).request
    assert {kind for kind in KINDS if not node(Transition, kind=kind).pointwise(request)} == set(MOVING)
    assert node(Transition, kind="wipe").frames_needed("order", request) == ()
    assert node(Transition, kind="luma").frames_needed("order", request) == (request.time,)
