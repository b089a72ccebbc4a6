"""ChromaKey where a subject is not grey, a screen not even, and an edge is moved and softened."""

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from artifex.nodes import Frame, Window
from services.graph.nodes.effect.chroma_key import ChromaKey
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.chroma_key import (
    BLUE,
    COLOUR,
    GREEN,
    keyed,
    mixture,
    plate_of,
    screen,
    uneven,
)
from tests.unit.services.graph.support import Context, node, picture

HAIRS = {"brown": (0.35, 0.22, 0.13), "fair": (0.85, 0.7, 0.45), "red": (0.6, 0.25, 0.12), "black": (0.06, 0.05, 0.05)}
EDGES: list[dict[str, Any]] = [
    {"shrink": 2.0},
    {"shrink": -3.3},
    {"edge_blur": 1.7},
    {"shrink": 1.5, "edge_blur": 2.0},
    {"shrink": -1.5, "edge_blur": 2.0},
]


def disc(
    size: tuple[int, int], centre: tuple[float, float], radius: float, colour: float = 0.5, fine: int = 1
) -> Frame:
    """A grey disc before the green screen, its edge of true coverage; `fine`: how many times as large it is drawn."""
    width, height = size[0] * fine, size[1] * fine
    x, y = np.meshgrid((np.arange(width) + 0.5) / fine, (np.arange(height) + 0.5) / fine)
    cover = np.clip((radius - np.hypot(x - centre[0], y - centre[1])) * fine + 0.5, 0, 1)[..., None]
    pixels = cover * np.full(3, colour) + (1 - cover) * screen()
    return Frame(np.concatenate([pixels, np.ones_like(cover)], -1).astype(np.float32), opaque=True)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(list(HAIRS)), st.sampled_from([("green", GREEN), ("blue", BLUE)]))
def test_hair_of_a_picked_colour_comes_out_as_it_went_in(
    seed: int, hair: str, paint: tuple[str, tuple[float, float, float]]
) -> None:
    frame, front = mixture(seed, paint[1], np.array(COLOUR.from_display(HAIRS[hair])))
    result = keyed(frame, screen=paint[0], subject=(*HAIRS[hair], 1.0)).pixels
    np.testing.assert_allclose(result, front, atol=2e-5)


def test_without_its_colour_brown_hair_is_too_dense_and_keeps_screen() -> None:
    """What the subject's colour is for: the plain measure takes brown for less green than there is."""
    hair = HAIRS["brown"]
    frame, front = mixture(3, GREEN, np.array(COLOUR.from_display(hair)))
    plain, picked = keyed(frame).pixels, keyed(frame, subject=(*hair, 1.0)).pixels
    between = (front[..., 3] > 0.2) & (front[..., 3] < 0.8)
    assert (plain - front)[between][:, 3].mean() > 0.1
    assert np.abs((picked - front)[between]).max() < 2e-5


def test_any_grey_subject_is_the_plain_measure_bit_for_bit() -> None:
    frame = Frame(picture(4, 30, 20))
    for level in (0.0, 0.2, 0.5, 1.0):
        result = keyed(frame, subject=(level, level, level, 1.0)).pixels
        np.testing.assert_array_equal(result, keyed(frame).pixels)


def test_a_subject_without_a_channel_is_finite() -> None:
    frame = Frame(picture(4, 30, 20))
    for subject in ((1.0, 0.5, 0.0, 1.0), (0.0, 1.0, 0.0, 1.0), (0.0, 0.0, 1.0, 1.0)):
        assert np.isfinite(keyed(frame, subject=subject).pixels).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_an_uneven_screen_keys_as_an_even_one_with_its_plate(seed: int) -> None:
    frame, front = mixture(seed, GREEN, None, uneven())
    np.testing.assert_allclose(keyed(frame, plate=plate_of(uneven())).pixels, front, atol=2e-5)
    assert np.abs(keyed(frame).pixels - front).max() > 0.2


def strands(seed: int, hair: str) -> tuple[Frame, Frame, NDArray[np.float64]]:
    """Thin strands and a head before an uneven screen, with a camera's noise; its plate; the truth, premultiplied."""
    random = np.random.default_rng(seed)
    width, height, fine = 160, 90, 4
    drawn = np.zeros((height * fine, width * fine), np.uint8)
    for _ in range(300):
        angle, bend = random.uniform(-0.56, 0.56) * np.pi - np.pi / 2, random.normal(0, 0.9)
        start = np.array([width * fine / 2 + random.normal(0, 80), height * fine * 0.75])
        along = np.linspace(0, 1, 16)[:, None] * random.uniform(50, 240)
        turned = angle + bend * np.linspace(0, 1, 16)[:, None]
        points = start + along * np.hstack([np.cos(turned), np.sin(turned)])
        cv2.polylines(drawn, [points.astype(np.int32)], False, 255, 1, cv2.LINE_AA)
    cv2.circle(drawn, (width * fine // 2, int(height * fine * 0.8)), 17 * fine, 255, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(drawn.astype(np.float32) / 255, (0, 0), 0.45 * fine)
    cover = np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_AREA), np.float64)[..., None]
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    empty = (1.12 - 0.45 * x * y + 0.05 * np.sin(9 * x + 2 * y))[..., None] * screen()
    front = cover * np.array(COLOUR.from_display(HAIRS[hair])) * (1 + 0.5 * np.sin(30 * x + 10 * y))[..., None]
    seen = front + (1 - cover) * empty
    seen = seen * random.normal(1, 0.015, seen.shape) + random.normal(0, 0.002, seen.shape)
    return plate_of(seen), plate_of(empty), np.concatenate([front, cover], -1)


@pytest.mark.parametrize("hair", ["brown", "fair"])
def test_thin_hair_before_a_noisy_uneven_screen(hair: str) -> None:
    """Laid over another colour: how far it is from the truth, told nothing and told both."""
    frame, plate, truth = strands(1, hair)
    behind = np.array([0.25, 0.08, 0.12])

    def error(pixels: NDArray[Any]) -> float:
        off = (pixels[..., :3] + (1 - pixels[..., 3:]) * behind) - (truth[..., :3] + (1 - truth[..., 3:]) * behind)
        return float(np.sqrt((off.astype(np.float64) ** 2).mean()))

    told = error(keyed(frame, plate=plate, subject=(*HAIRS[hair], 1.0)).pixels)
    assert told < 0.007
    assert told < 0.5 * error(keyed(frame).pixels)
    assert told < 0.5 * error(keyed(frame, black=0.2, white=0.9).pixels)


def test_a_plate_of_the_screens_colour_changes_nothing_and_where_it_ends_the_colour_holds() -> None:
    frame, _ = mixture(9)
    flat = plate_of(np.broadcast_to(screen(), (*frame.pixels.shape[:2], 3)))
    np.testing.assert_allclose(keyed(frame, plate=flat).pixels, keyed(frame).pixels, atol=2e-6)
    part = flat.crop(Window(10, 5, 20, 20))
    np.testing.assert_allclose(keyed(frame, plate=part).pixels, keyed(frame).pixels, atol=2e-6)
    np.testing.assert_array_equal(keyed(frame, plate=Frame.empty()).pixels, keyed(frame).pixels)


@pytest.mark.parametrize("shrink", [-4.0, -1.25, 0.6, 3.0])
def test_an_edge_moves_by_its_size(shrink: float) -> None:
    frame = disc((64, 48), (32, 24), 14.0)
    alpha = keyed(frame, output=ChromaKey.matte, shrink=shrink).pixels.astype(np.float64)
    assert np.sqrt(alpha.sum() / np.pi) == pytest.approx(14.0 - shrink, abs=0.12)


@pytest.mark.parametrize("params", EDGES)
@pytest.mark.parametrize("colour", [0.0, 0.5, 7.0])
def test_colour_follows_the_edge(params: dict[str, Any], colour: float) -> None:
    """Straight colour is the subject's everywhere: no screen and no dark line in what was gained."""
    result = keyed(disc((64, 48), (32, 24), 14.0, colour), **params).pixels.astype(np.float64)
    straight = np.repeat(result[..., 3:] * colour, 3, -1)
    np.testing.assert_allclose(result[..., :3], straight, atol=3e-6 * max(1.0, colour))
    matte = keyed(disc((64, 48), (32, 24), 14.0, colour), output=ChromaKey.matte, **params).pixels
    np.testing.assert_allclose(matte[..., 0], result[..., 3], atol=1e-6)


@pytest.mark.parametrize("params", EDGES)
def test_who_is_cut_by_the_frame_stays_whole_there(params: dict[str, Any]) -> None:
    frame = disc((64, 48), (32, 48), 20.0)
    alpha = keyed(frame, **params).pixels[..., 3]
    np.testing.assert_allclose(alpha[-1, 22:42], 1.0, atol=1e-5)


def test_what_is_kept_stays_solid_and_what_is_thrown_away_stays_gone() -> None:
    frame = disc((64, 48), (32, 24), 14.0)
    core, garbage = Frame(np.ones((6, 50, 1), np.float32), 7, 21), Frame(np.ones((48, 6, 1), np.float32), 40, 0)
    for params in EDGES:
        alpha = keyed(frame, core, garbage, **params).pixels[..., 3]
        assert not alpha[:, 40:46].any()
        np.testing.assert_array_equal(alpha[21:27, 7:40], 1.0)
        assert alpha.max() <= 1.0


@pytest.mark.parametrize("params", EDGES)
def test_tiles_are_parts_of_the_whole(params: dict[str, Any]) -> None:
    key = node(ChromaKey, **params)
    frame = disc((64, 48), (30, 20), 15.0)
    whole = applied(key, {"video": frame}, (64, 48)).pixels
    assert not key.pointwise(Context({}, ChromaKey.keyed).request)
    for region in (Window(0, 0, 20, 48), Window(17, 9, 13, 21), Window(60, 40, 4, 8)):
        request = Context({}, ChromaKey.keyed, (64, 48), region).request
        needed = key.region_needed("video", request)
        wild = np.full_like(frame.pixels, 1e6)
        wild[needed.inside(frame.window)] = frame.pixels[needed.inside(frame.window)]
        part = applied(key, {"video": Frame(wild)}, (64, 48), region=region)
        assert part.window == region
        np.testing.assert_allclose(part.pixels, whole[region.inside(frame.window)], atol=1e-5)


@pytest.mark.parametrize("params", [{"shrink": 4.0}, {"shrink": -4.0, "edge_blur": 4.0}, {"edge_blur": 6.0}])
@pytest.mark.parametrize("part", [2, 4])
def test_a_proxy_shows_the_same_edge(params: dict[str, Any], part: int) -> None:
    """Beside the full picture, made small. Both mattes' edges are a pixel wide, of their own pixels."""
    size = (128, 96)
    key = node(ChromaKey, **params)
    whole = applied(key, {"video": disc(size, (64, 48), 30.0)}, size).pixels
    small = (size[0] // part, size[1] // part)
    frame = disc(small, (64 / part, 48 / part), 30.0 / part)
    proxy = applied(key, {"video": frame}, small, scale=Fraction(1, part)).pixels
    mean = whole.reshape(small[1], part, small[0], part, 4).mean((1, 3))
    np.testing.assert_allclose(proxy, mean, atol=0.12)
    assert np.abs(proxy - mean).mean() < 0.003


def test_a_pixel_that_is_no_number_stays_near_and_little_pictures_pass() -> None:
    frame = disc((64, 48), (32, 24), 14.0)
    spoilt = frame.pixels.copy()
    spoilt[24, 32] = np.nan
    clean, result = keyed(frame, shrink=1.0).pixels, keyed(Frame(spoilt), shrink=1.0).pixels
    far = np.hypot(*np.meshgrid(np.arange(64) - 32, np.arange(48) - 24)) > 3
    np.testing.assert_array_equal(result[far], clean[far])
    for params in EDGES:
        assert keyed(Frame.empty(), **params).window.empty
        assert keyed(Frame(picture(1, 1, 1)), **params).pixels.shape == (1, 1, 4)
        assert keyed(Frame(picture(1, 5, 3), 1000, 0), **params).window.width == 5
