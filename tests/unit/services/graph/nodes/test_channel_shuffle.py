from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Window
from services.graph.nodes.composite.channel_shuffle import ChannelShuffle
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.channel_shuffle import LUMA, by_openimageio, shuffled
from tests.unit.services.graph.nodes.oracles.key_mixer import key
from tests.unit.services.graph.nodes.oracles.pictures import noise
from tests.unit.services.graph.support import Context, node, picture

SIZE = (64, 36)
WHOLE = Window(0, 0, *SIZE)
SOURCES = ChannelShuffle.red.choices
CHANNELS = ("red", "green", "blue", "alpha")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(SOURCES), min_size=4, max_size=4), st.booleans())
def test_any_channel_of_any(sources: list[str], straight: bool) -> None:
    a, b, mask = noise(1), noise(2), key(3)
    params: dict[str, Any] = dict(zip(CHANNELS, sources, strict=True))
    result = shuffled(a, b, mask, straight=straight, **params)
    expected = by_openimageio(sources, a, b, mask, straight=straight)
    np.testing.assert_allclose(result.filled(a.window), expected, rtol=1e-5, atol=1e-6)


def test_left_alone_it_is_a() -> None:
    a = Frame(picture(1, 9, 7))
    assert shuffled(a, size=(9, 7)) is a
    assert shuffled(a, size=(9, 7), straight=True) is a


def test_an_alpha_from_a_mask_makes_a_cutout_without_a_fringe() -> None:
    """A picture without alpha and a matte from elsewhere: premultiplied, as over takes it."""
    a, matte = Frame(picture(1, *SIZE, alpha=False), opaque=True), key(2, *SIZE)
    result = shuffled(a, mask=matte, size=SIZE, alpha="mask", straight=True)
    np.testing.assert_array_equal(result.pixels[..., 3:], matte.pixels)
    np.testing.assert_allclose(result.pixels[..., :3], a.pixels[..., :3] * matte.pixels, rtol=1e-6)
    assert not result.opaque


def test_luminance_weighs_as_the_working_space() -> None:
    for channel, weight in enumerate(LUMA):
        pixels = np.zeros((1, 1, 4), np.float32)
        pixels[..., channel], pixels[..., 3] = 16.0, 1.0
        result = shuffled(Frame(pixels), size=(1, 1), red="a.luminance").pixels
        assert result[0, 0, 0] == pytest.approx(16.0 * weight, rel=1e-5)


WINDOWS: list[tuple[dict[str, str], Window]] = [
    ({"red": "a.green"}, Window(5, 6, 10, 8)),
    ({"red": "b.green"}, Window(5, 6, 35, 14)),
    ({"red": "b.red", "green": "b.green", "blue": "b.blue", "alpha": "b.alpha"}, Window(20, 10, 20, 10)),
    ({"red": "mask", "green": "0", "blue": "0", "alpha": "mask"}, Window(1, 2, 3, 4)),
    ({"red": "0", "green": "0", "blue": "0", "alpha": "0"}, Window(0, 0, 0, 0)),
    ({"alpha": "1"}, WHOLE),
]


@pytest.mark.parametrize(("params", "expected"), WINDOWS)
def test_the_result_reaches_as_far_as_what_it_is_made_of(params: dict[str, str], expected: Window) -> None:
    a, b = Frame(picture(1, 10, 8), 5, 6), Frame(picture(2, 20, 10), 20, 10)
    mask = Frame(np.ones((4, 3, 1), np.float32), 1, 2)
    result = shuffled(a, b, mask, SIZE, **params)
    assert result.window == expected or (expected.empty and result.window.empty)


def test_one_goes_as_far_as_pictures_are_kept() -> None:
    everywhere = Window(-1000, -1000, 3000, 3000)
    shuffle = node(ChannelShuffle, alpha="1")
    result = applied(shuffle, {"a": Frame.empty()}, SIZE, region=everywhere)
    assert result.window == Window(-64, -64, 192, 164)
    assert result.opaque
    assert result.pixels[..., 3].min() == 1.0
    assert not result.pixels[..., :3].any()


def test_opaque_is_told_when_it_is_true() -> None:
    a, b = Frame(picture(1, *SIZE, alpha=False), opaque=True), Frame(picture(2, *SIZE))
    assert shuffled(a, b, size=SIZE, red="a.blue").opaque
    assert not shuffled(a, b, size=SIZE, alpha="b.alpha").opaque
    assert not shuffled(a.crop(Window(0, 0, 9, 9)), b, size=SIZE, red="b.red").opaque


def test_only_what_is_used_is_read() -> None:
    request = Context({}, ChannelShuffle.shuffled).request
    shuffle = node(ChannelShuffle, red="b.luminance", green="b.red", blue="1", alpha="mask")
    assert [bool(shuffle.frames_needed(name, request)) for name in ("a", "b", "mask")] == [False, True, True]
    missing = shuffled(Frame(picture(1, 8, 8)), size=(8, 8), red="b.red", alpha="mask").pixels
    assert not missing[..., 0].any()
    assert not missing[..., 3].any()


CASES: list[dict[str, Any]] = [
    {"red": "b.luminance", "alpha": "mask", "straight": True},
    {"green": "mask", "alpha": "1"},
    {"red": "a.blue", "blue": "b.red"},
]


@pytest.mark.parametrize("params", CASES)
def test_strips_are_parts_of_the_whole(params: dict[str, Any]) -> None:
    frames = {
        "a": Frame(picture(3, 40, 21), 5, 6),
        "b": Frame(picture(4, *SIZE)),
        "mask": Frame(key(7, 50, 30).pixels, 3, 2),
    }
    shuffle = node(ChannelShuffle, **params)
    assert shuffle.pointwise(Context({}, ChannelShuffle.shuffled).request)
    whole = applied(shuffle, frames).filled(WHOLE)
    for region in (Window(0, 0, 64, 7), Window(0, 7, 64, 16), Window(20, 9, 3, 5)):
        part = applied(shuffle, frames, region=region)
        assert region.contains(part.window)
        np.testing.assert_allclose(part.filled(region), whole[region.inside(WHOLE)], rtol=1e-6)


def test_a_pixel_that_is_no_number_stays_where_it_was_and_inputs_stay() -> None:
    pixels = picture(1, 8, 6)
    pixels[2, 3, 0] = np.nan
    before = pixels.copy()
    result = shuffled(Frame(pixels), size=(8, 6), green="a.luminance", straight=True).pixels
    assert set(map(tuple, np.argwhere(np.isnan(result)).tolist())) == {(2, 3, 0), (2, 3, 1)}
    np.testing.assert_array_equal(pixels, before)


def test_light_of_next_to_no_alpha_stays_finite() -> None:
    a, b = Frame(np.array([[[1.0, 2.0, 3.0, 1e-39]]], np.float32)), Frame(np.zeros((1, 1, 4), np.float32))
    assert not shuffled(a, b, size=(1, 1), alpha="b.alpha", straight=True).pixels.any()


def test_one_pixel_and_nothing() -> None:
    assert shuffled(Frame(picture(1, 1, 1)), size=(1, 1), red="a.alpha").pixels.shape == (1, 1, 4)
    assert shuffled(Frame.empty(), size=(1, 1), red="a.alpha").window.empty
