from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Window
from libs.kernels import gaussian_reach
from services.graph.nodes.effect.blur import Blur
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.blur import blurred, by_scipy
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WHOLE, WIDTH, noise
from tests.unit.services.graph.support import Context, node, picture

EDGES = Blur.edges.choices


@pytest.mark.parametrize("sigma", [(0.0, 2.0), (2.0, 0.0), (0.4, 0.4), (5.0, 1.0), (30.0, 2.0)])
@pytest.mark.parametrize("edges", EDGES)
def test_each_side_is_blurred_by_its_own_size(sigma: tuple[float, float], edges: str) -> None:
    frame = noise(1)
    expected = by_scipy(frame, sigma, repeat=edges == "repeat")
    np.testing.assert_allclose(blurred(frame, size=sigma, edges=edges).filled(WHOLE), expected, atol=5e-5)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(-20, 60), st.integers(-20, 50), st.sampled_from(EDGES),
    st.sampled_from([Window(0, 0, 1, 1), Window(10, 7, 13, 5), Window(-9, -9, 90, 70), WHOLE]),
)  # fmt: skip
def test_small_pictures_anywhere_and_any_region(
    width: int, height: int, x: int, y: int, edges: str, region: Window
) -> None:
    frame = Frame(picture(3, width, height), x, y)
    result = blurred(frame, region, size=(3.0, 2.0), edges=edges)
    assert region.contains(result.window)
    document = WHOLE if edges == "repeat" else WHOLE.grown(30)
    whole = by_scipy(frame, (3.0, 2.0), document, repeat=edges == "repeat")
    seen = region.intersect(document)
    np.testing.assert_allclose(result.filled(seen), whole[seen.inside(document)], atol=5e-5)
    if edges == "repeat":
        assert WHOLE.contains(result.window)


@pytest.mark.parametrize("edges", EDGES)
def test_tiles_are_parts_of_the_whole(edges: str) -> None:
    frame = noise(4)
    whole = blurred(frame, size=(6.0, 6.0), edges=edges).filled(WHOLE)
    for region in (Window(0, 0, 20, 20), Window(20, 13, 31, 9), Window(55, 40, 6, 7)):
        np.testing.assert_allclose(
            blurred(frame, region, size=(6.0, 6.0), edges=edges).filled(region), whole[region.inside(WHOLE)], atol=5e-6
        )


@pytest.mark.parametrize("edges", EDGES)
def test_what_it_asks_for_is_all_that_it_uses(edges: str) -> None:
    """With all else made wild, the region comes out the same."""
    blur, region = node(Blur, size=(4.0, 2.0), edges=edges), Window(20, 15, 9, 8)
    needed = blur.region_needed("video", Context({}, Blur.blurred, (WIDTH, HEIGHT), region).request)
    frame = noise(5)
    wild = np.full_like(frame.pixels, 1e9)
    part = needed.intersect(WHOLE)
    wild[part.inside(WHOLE)] = frame.pixels[part.inside(WHOLE)]
    expected = blurred(frame, region, size=(4.0, 2.0), edges=edges)
    assert largest_difference(blurred(frame.crop(needed), region, size=(4.0, 2.0), edges=edges), expected) < 1e-5
    assert largest_difference(blurred(Frame(wild), region, size=(4.0, 2.0), edges=edges), expected) < 1e-5
    assert needed.width <= region.width + 2 * gaussian_reach(4.0)


def largest_difference(first: Frame, second: Frame) -> float:
    window = first.window.union(second.window)
    return float(np.abs(first.filled(window) - second.filled(window)).max())


def test_it_grows_the_window_by_its_reach_and_keeps_the_light() -> None:
    frame = Frame(np.abs(picture(6, 5, 5)), 30, 20)
    result = blurred(frame, size=(2.0, 1.0))
    assert result.window == Window(30 - gaussian_reach(2.0), 20 - gaussian_reach(1.0),
                                   5 + 2 * gaussian_reach(2.0), 5 + 2 * gaussian_reach(1.0))  # fmt: skip
    assert result.pixels.sum() == pytest.approx(frame.pixels.sum(), rel=1e-5)


def test_a_full_picture_keeps_its_edge_when_that_is_repeated() -> None:
    flat = Frame(np.full((HEIGHT, WIDTH, 4), [0.3, 2.0, -0.1, 1.0], np.float32), opaque=True)
    result = blurred(flat, size=(9.0, 9.0), edges="repeat")
    np.testing.assert_allclose(result.pixels, flat.pixels, atol=2e-6)
    assert result.opaque
    assert result.pixels[..., 3].min() == result.pixels[..., 3].max() == 1.0
    assert blurred(flat, size=(9.0, 9.0)).filled(WHOLE)[0, 0, 3] == pytest.approx(0.25, abs=0.05)


def test_mix_and_mask_go_from_the_picture_to_the_blur() -> None:
    frame = noise(7)
    mask = Frame(np.random.default_rng(1).uniform(0, 1, (20, 30, 1)).astype(np.float32), 5, 9)
    whole = blurred(frame, size=(3.0, 3.0)).filled(WHOLE).astype(np.float64)
    size = (WIDTH, HEIGHT)
    ours = applied(node(Blur, size=(3.0, 3.0), mix=0.6), {"video": frame, "mask": mask}, size).filled(WHOLE)
    amount = 0.6 * mask.filled(WHOLE)
    np.testing.assert_allclose(ours, frame.pixels + amount * (whole - frame.pixels), atol=2e-6)
    assert not np.shares_memory(ours, frame.pixels)


@pytest.mark.parametrize("params", [{"mix": 0.0}, {"size": (0.0, 0.0)}])
def test_no_blur_passes_the_picture_on(params: dict[str, Any]) -> None:
    frame = noise(8)
    assert blurred(frame, **params) is frame
    request = Context({}, Blur.blurred).request
    assert node(Blur, **params).frames_needed("mask", request) == ()


def test_a_proxy_is_blurred_by_the_true_size() -> None:
    """Half the picture with half the sigma: the whole, made smaller."""
    x, y = np.meshgrid(np.arange(96), np.arange(64))
    ramp = ((x // 16 + y // 16) % 2).astype(np.float32)[..., None] * np.ones(4, np.float32)
    half = ramp.reshape(32, 2, 48, 2, 4).mean((1, 3)).astype(np.float32)
    blur = node(Blur, size=(6.0, 6.0), edges="repeat")
    whole = applied(blur, {"video": Frame(ramp)}, (96, 64)).pixels
    proxy = applied(blur, {"video": Frame(half)}, (48, 32), scale=Fraction(1, 2)).pixels
    np.testing.assert_allclose(proxy, whole.reshape(32, 2, 48, 2, 4).mean((1, 3)), atol=0.02)


def test_thin_and_empty_pictures() -> None:
    for size in ((1, 1), (1, 9), (7, 1)):
        frame = Frame(np.ones((size[1], size[0], 4), np.float32))
        result = applied(node(Blur, size=(4.0, 4.0), edges="repeat"), {"video": frame}, size)
        np.testing.assert_allclose(result.pixels, 1.0, atol=1e-5)
    assert blurred(Frame.empty()).window.empty
    assert blurred(Frame(picture(1, 4, 4), 1000, 1000)).window.empty
    assert blurred(Frame(picture(1, 4, 4), 1000, 1000), edges="repeat").window.empty
    assert blurred(noise(1), Window(0, 0, 0, 0)).window.empty


def test_a_pixel_that_is_no_number_spoils_only_what_it_reaches() -> None:
    pixels = picture(9, 61, 47)
    pixels[20, 30] = np.nan
    result = blurred(Frame(pixels), size=(1.5, 1.5)).filled(WHOLE)
    reach = 2 * gaussian_reach(1.5)
    rows, columns = np.nonzero(np.isnan(result).any(-1))
    assert rows.size
    assert np.abs(rows - 20).max() <= reach
    assert np.abs(columns - 30).max() <= reach


def test_black_noise_and_light_beyond_white_stay_as_they_are_in_sum() -> None:
    """Nothing is clipped on the way: negative and very bright light spread alike."""
    frame = Frame(np.zeros((9, 9, 4), np.float32), 26, 19)
    frame.pixels[4, 4] = [-3.0, 5000.0, 0.0, 1.0]
    result = blurred(frame, size=(1.0, 1.0)).pixels.astype(np.float64)
    np.testing.assert_allclose(result.sum((0, 1)), [-3.0, 5000.0, 0.0, 1.0], rtol=1e-5)
