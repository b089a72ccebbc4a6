from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Window
from services.graph.domain.evaluate.colour import WorkingColour, working_spaces
from services.graph.nodes.effect.chroma_key import ChromaKey
from tests.unit.services.graph.nodes.oracles.chroma_key import BLUE, GREEN, by_formula, keyed, mixture, plain, screen
from tests.unit.services.graph.support import Context, node, picture

SETTINGS: list[dict[str, Any]] = [
    {},
    {"gain": 1.6},
    {"black": 0.2},
    {"white": 0.7},
    {"black": 0.1, "white": 0.8, "softness": 1.0},
    {"despill": 0.0},
    {"despill_method": "average", "despill": 0.5},
    {"gain": 0.0},
]


@pytest.mark.parametrize("params", SETTINGS)
@pytest.mark.parametrize(("name", "display"), [("green", GREEN), ("blue", BLUE)])
def test_it_follows_its_formula(name: str, display: tuple[float, float, float], params: dict[str, Any]) -> None:
    frame = Frame(picture(1, 31, 23))
    expected = by_formula(frame, display, **params)
    np.testing.assert_allclose(keyed(frame, screen=name, **params).pixels, expected, atol=5e-6)


@pytest.mark.parametrize("color", [(0.1, 0.8, 0.2), (0.3, 0.2, 0.9), (0.9, 0.1, 0.2)])
def test_a_picked_colour_takes_the_place_of_paint(color: tuple[float, float, float]) -> None:
    frame = Frame(picture(2, 12, 9))
    result = keyed(frame, screen="picked", color=(*color, 1.0)).pixels
    np.testing.assert_allclose(result, by_formula(frame, color), atol=5e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([("green", GREEN), ("blue", BLUE)]))
def test_grey_hair_comes_out_as_it_went_in(seed: int, paint: tuple[str, tuple[float, float, float]]) -> None:
    """Smith and Blinn's second solution: where the subject is grey, matte and colour are exact at every coverage."""
    frame, front = mixture(seed, paint[1])
    np.testing.assert_allclose(keyed(frame, screen=paint[0]).pixels, front, atol=5e-6)


def test_the_screen_goes_and_clear_things_stay() -> None:
    frame, _, truth = plain()
    result = keyed(frame).pixels
    np.testing.assert_allclose(result[..., 3], truth, atol=1e-5)
    assert np.abs(result[truth == 0]).max() < 1e-5
    np.testing.assert_allclose(result[truth == 1], frame.pixels[truth == 1], atol=1e-5)


def test_an_uneven_screen_is_cleared_by_the_clip() -> None:
    """A screen whose light falls off by a tenth, with noise, under grey things: none of it is left."""
    random = np.random.default_rng(3)
    light = np.linspace(0.9, 1.1, 60)[None, :, None] * random.normal(1, 0.02, (40, 60, 1))
    pixels = np.concatenate([screen() * light, np.ones((40, 60, 1))], -1)
    pixels[10:20, 20:30, :3] = 0.5
    frame = Frame(pixels.astype(np.float32), opaque=True)
    assert keyed(frame).pixels[..., 3].max() == 1.0
    result = keyed(frame, black=0.2).pixels
    inner = np.zeros((40, 60), bool)
    inner[10:20, 20:30] = True
    assert not result[~inner].any()
    np.testing.assert_array_equal(result[inner][:, 3], 1.0)


def test_spill_on_the_subject_is_taken_out() -> None:
    skin = np.array([0.5, 0.45, 0.3])
    spilt = skin + 0.15 * screen()
    pixels = np.concatenate([spilt, [1.0]]).astype(np.float32)[None, None]
    result = keyed(Frame(pixels)).pixels[0, 0]
    assert result[3] == 1.0
    assert result[1] <= max(result[0], result[2]) + 1e-6
    mean = keyed(Frame(pixels), despill_method="average").pixels[0, 0]
    assert mean[1] <= (mean[0] + mean[2]) / 2 + 1e-6
    untouched = keyed(Frame(pixels), despill=0.0, gain=0.0).pixels[0, 0]
    np.testing.assert_allclose(untouched[:3], spilt, atol=1e-6)


def test_masks_keep_and_throw_away_whatever_the_colour() -> None:
    frame, _, truth = plain()
    height, width = truth.shape
    core = Frame(np.zeros((height, width, 1), np.float32))
    core.pixels[20:30, 0:32] = 1.0
    core.pixels[20:30, 32:40] = 0.25
    garbage = Frame(np.ones((12, 20, 1), np.float32), 40, 10)
    result = keyed(frame, core, garbage).pixels
    kept = core.pixels[..., 0] == 1.0
    np.testing.assert_array_equal(result[kept][:, 3], 1.0)
    assert result[kept][:, 1].max() <= result[kept][:, [0, 2]].max()
    assert not result[10:22, 40:60].any()
    # A core of a quarter over bare screen is a quarter of the despilled screen.
    np.testing.assert_allclose(result[25, 33], result[25, 2] * 0.25, atol=1e-6)


def test_the_mask_is_the_alpha() -> None:
    frame = Frame(picture(5, 20, 10), 3, 4)
    mask = keyed(frame, output=ChromaKey.matte)
    assert mask.window == frame.window
    np.testing.assert_array_equal(mask.pixels, keyed(frame).pixels[..., 3:])


def test_strips_are_parts_of_the_whole_bit_for_bit() -> None:
    key = node(ChromaKey, black=0.1, softness=0.4)
    frame, core = Frame(picture(6, 64, 36)), Frame(picture(7, 20, 20)[..., :1].copy(), 12, 9)
    context = Context({"video": frame, "core": core}, ChromaKey.keyed)
    assert key.pointwise(context.request)
    whole = key.render(context).pixels
    for region in (Window(0, 0, 64, 5), Window(0, 5, 64, 31), Window(30, 11, 2, 3)):
        part = key.render(Context({"video": frame, "core": core}, ChromaKey.keyed, region=region))
        assert part.window == region
        np.testing.assert_array_equal(part.pixels, whole[region.inside(frame.window)])


@pytest.mark.parametrize("space", working_spaces())
@pytest.mark.parametrize("grey", [0.0, 0.2, 0.5, 1.0])
def test_a_grey_screen_keys_nothing(grey: float, space: str) -> None:
    frame = Frame(picture(8, 9, 7, alpha=False), opaque=True)
    for frames in ({"video": frame}, {"video": frame, "plate": Frame(picture(9, 9, 7))}):
        context = Context(frames, ChromaKey.keyed, (9, 7))
        context.colour = WorkingColour(space)
        result = node(ChromaKey, screen="picked", color=(grey, grey, grey, 1.0)).render(context)
        np.testing.assert_array_equal(result.pixels, frame.pixels)


def test_nothing_is_nothing() -> None:
    assert keyed(Frame.empty()).window.empty
    assert keyed(Frame.empty(), output=ChromaKey.matte).channels == 1


def test_black_above_white_is_a_hard_edge() -> None:
    frame, _ = mixture(3)
    alpha = keyed(frame, black=0.6, white=0.3).pixels[..., 3]
    raw = keyed(frame).pixels[..., 3]
    clear = np.abs(raw - 0.6) > 2e-3
    np.testing.assert_array_equal(alpha[clear], (raw > 0.6)[clear])


def test_the_input_is_not_changed_and_one_pixel_will_do() -> None:
    frame = Frame(picture(9, 1, 1))
    before = frame.pixels.copy()
    assert keyed(frame).pixels.shape == (1, 1, 4)
    np.testing.assert_array_equal(frame.pixels, before)


def test_a_pixel_that_is_no_number_spoils_no_other() -> None:
    pixels = picture(10, 8, 6)
    spoilt = pixels.copy()
    spoilt[2, 3] = [np.nan, np.inf, -np.inf, 1.0]
    clean, result = keyed(Frame(pixels)).pixels, keyed(Frame(spoilt)).pixels
    others = np.ones((6, 8), bool)
    others[2, 3] = False
    np.testing.assert_array_equal(result[others], clean[others])
