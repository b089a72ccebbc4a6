import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Window
from services.graph.nodes.composite.key_mixer import KeyMixer
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.key_mixer import key, mixed
from tests.unit.services.graph.support import Context, node, picture

SIZE = (64, 36)
WHOLE = Window(0, 0, *SIZE)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(-20, 60), st.integers(-20, 40), st.integers(1, 30), st.integers(1, 30), st.booleans(),
    st.sampled_from([0.0, 0.4, 1.0]),
)  # fmt: skip
def test_pictures_and_masks_anywhere_are_as_if_padded(
    x: int, y: int, width: int, height: int, invert: bool, mix: float
) -> None:
    a, b = Frame(picture(1, width, height), x, y), Frame(picture(2, 30, 20), 12, -3)
    mask = Frame(key(3, 25, 25).pixels, y, x)
    amount = mask.filled(WHOLE).astype(np.float64)
    amount = mix * (1 - amount if invert else amount)
    expected = b.filled(WHOLE) + amount * (a.filled(WHOLE).astype(np.float64) - b.filled(WHOLE))
    result = mixed(a, b, mask, SIZE, invert=invert, mix=mix)
    np.testing.assert_allclose(result.filled(WHOLE), expected, atol=2e-6)


def test_a_mask_of_one_is_a_and_of_none_is_b() -> None:
    a, b = Frame(picture(1, *SIZE)), Frame(picture(2, *SIZE))
    ones = Frame(np.ones((36, 64, 1), np.float32))
    np.testing.assert_allclose(mixed(a, b, ones, SIZE).pixels, a.pixels, atol=1e-6)
    np.testing.assert_array_equal(mixed(a, b, ones, SIZE, invert=True).pixels, b.pixels)
    np.testing.assert_array_equal(mixed(a, b, Frame.empty(1), SIZE).pixels, b.pixels)
    np.testing.assert_allclose(mixed(a, b, Frame.empty(1), SIZE, invert=True).pixels, a.pixels, atol=1e-6)


@pytest.mark.parametrize("channel", ["red", "green", "blue", "alpha"])
def test_channels_that_are_not_chosen_stay_bit_for_bit(channel: str) -> None:
    a, b, mask = Frame(picture(1, *SIZE)), Frame(picture(2, *SIZE)), key(3, *SIZE)
    result = mixed(a, b, mask, SIZE, **{channel: False}).pixels
    everything = mixed(a, b, mask, SIZE).pixels
    index = ("red", "green", "blue", "alpha").index(channel)
    for other in range(4):
        np.testing.assert_array_equal(result[..., other], (b.pixels if other == index else everything)[..., other])


def test_it_is_b_where_there_is_nothing_to_mix() -> None:
    a, b, mask = Frame(picture(1, 9, 9)), Frame(picture(2, 9, 9)), key(3, 9, 9)
    assert mixed(a, b, mask, (9, 9), mix=0.0) is b
    assert mixed(a, b, mask, (9, 9), red=False, green=False, blue=False, alpha=False) is b
    request = Context({}, KeyMixer.mixed).request
    assert node(KeyMixer, mix=0.0).frames_needed("a", request) == ()
    assert node(KeyMixer).frames_needed("mask", request) == (request.time,)


def test_the_result_reaches_as_far_as_the_mask_lets_a_in() -> None:
    a, b = Frame(picture(1, 20, 10), 10, 10), Frame(picture(2, 8, 8), 2, 2)
    mask = Frame(np.ones((4, 6, 1), np.float32), 12, 11)
    assert mixed(a, b, mask, SIZE).window == b.window.union(Window(12, 11, 6, 4))
    assert mixed(a, b, mask, SIZE, invert=True).window == b.window.union(a.window)
    assert mixed(a, b, Frame.empty(1), SIZE).window == b.window
    assert mixed(Frame.empty(), Frame.empty(), mask, SIZE).window.empty


def test_opaque_pictures_stay_opaque_exactly() -> None:
    a, b = (Frame(picture(n, *SIZE, alpha=False), opaque=True) for n in (1, 2))
    result = mixed(a, b, key(3, *SIZE), SIZE)
    assert result.opaque
    assert result.pixels[..., 3].min() == result.pixels[..., 3].max() == 1.0
    assert not mixed(Frame(picture(4, *SIZE)), b, key(3, *SIZE), SIZE).opaque
    assert mixed(Frame(picture(4, *SIZE)), b, key(3, *SIZE), SIZE, alpha=False).opaque
    assert not mixed(a.crop(Window(0, 0, 9, 9)), b, key(3, *SIZE), SIZE).opaque


@pytest.mark.parametrize("invert", [False, True])
def test_strips_are_parts_of_the_whole_bit_for_bit(invert: bool) -> None:
    frames = {
        "a": Frame(picture(3, 40, 21), 5, 6),
        "b": Frame(picture(4, *SIZE)),
        "mask": Frame(key(7, 50, 30).pixels, 3, 2),
    }
    mixer = node(KeyMixer, mix=0.8, invert=invert, green=False)
    assert mixer.pointwise(Context({}, KeyMixer.mixed).request)
    whole = applied(mixer, frames).filled(WHOLE)
    for region in (Window(0, 0, 64, 7), Window(0, 7, 64, 16), Window(20, 9, 3, 5)):
        part = applied(mixer, frames, region=region)
        assert region.contains(part.window)
        np.testing.assert_array_equal(part.filled(region), whole[region.inside(WHOLE)])


def test_light_beyond_white_and_below_black_mixes_as_all_light() -> None:
    a, b = Frame(np.full((1, 1, 4), [16.0, -2.0, 0.5, 1.0], np.float32)), Frame(np.full((1, 1, 4), 1.0, np.float32))
    result = mixed(a, b, Frame(np.full((1, 1, 1), 0.5, np.float32)), (1, 1)).pixels
    np.testing.assert_array_equal(result[0, 0], [8.5, -0.5, 0.75, 1.0])


def test_a_pixel_that_is_no_number_spoils_no_other_and_inputs_stay() -> None:
    a, b, mask = picture(1, 8, 6), Frame(picture(2, 8, 6)), key(3, 8, 6)
    spoilt = a.copy()
    spoilt[2, 3] = np.nan
    before = b.pixels.copy()
    clean, result = (mixed(Frame(front), b, mask, (8, 6)).pixels for front in (a, spoilt))
    others = np.ones((6, 8), bool)
    others[2, 3] = False
    np.testing.assert_array_equal(result[others], clean[others])
    np.testing.assert_array_equal(b.pixels, before)
