from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Window
from libs.kernels import gaussian_reach
from services.graph.nodes.effect.glow import Glow
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.glow import by_formula, glowing
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WHOLE, WIDTH, chart, noise
from tests.unit.services.graph.support import Context, node, picture

SMALL: dict[str, Any] = {"size": (1.5, 2.0), "octaves": 3}
ENERGIES = Glow.energy.choices


@pytest.mark.parametrize("knee", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 3.0])
def test_the_threshold_and_its_knee(threshold: float, knee: float) -> None:
    params: dict[str, Any] = {"threshold": threshold, "knee": knee, "size": (1.0, 1.0), "octaves": 2, "falloff": 1.0}
    expected = by_formula(noise(2), **params)[1]
    ours = glowing(noise(2), output=Glow.glow, **params).filled(WHOLE)
    np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize("energy", ENERGIES)
def test_tiles_are_parts_of_the_whole(energy: str) -> None:
    frame = noise(4)
    whole = glowing(frame, energy=energy, **SMALL).filled(WHOLE)
    for region in (Window(0, 0, 20, 20), Window(20, 13, 31, 9), Window(55, 40, 6, 7)):
        part = glowing(frame, region, energy=energy, **SMALL).filled(region)
        np.testing.assert_allclose(part, whole[region.inside(WHOLE)], atol=1e-5)


def test_what_it_asks_for_is_all_that_it_uses() -> None:
    glow, region = node(Glow, **SMALL), Window(20, 15, 9, 8)
    needed = glow.region_needed("video", Context({}, Glow.glowing, (WIDTH, HEIGHT), region).request)
    assert needed == Window(20 - gaussian_reach(6.0), 15 - gaussian_reach(8.0),
                            9 + 2 * gaussian_reach(6.0), 8 + 2 * gaussian_reach(8.0))  # fmt: skip
    frame = noise(5, 200, 200)
    shifted = Frame(frame.pixels, -70, -70)
    expected = glowing(shifted, region, **SMALL).filled(region)
    np.testing.assert_allclose(glowing(shifted.crop(needed), region, **SMALL).filled(region), expected, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(-20, 60), st.integers(-20, 50), st.sampled_from(ENERGIES),
    st.sampled_from([Window(0, 0, 1, 1), Window(10, 7, 13, 5), Window(-9, -9, 90, 70), WHOLE]),
)  # fmt: skip
def test_small_pictures_anywhere_and_any_region(
    width: int, height: int, x: int, y: int, energy: str, region: Window
) -> None:
    small, canvas = Frame(picture(3, width, height), x, y), Window(-60, -60, 200, 180)
    ours = glowing(small, region, energy=energy, **SMALL)
    theirs = glowing(Frame(small.filled(canvas), canvas.x, canvas.y), region, energy=energy, **SMALL)
    np.testing.assert_allclose(ours.crop(region).filled(region), theirs.crop(region).filled(region), atol=1e-5)


def test_light_is_added_or_only_moved() -> None:
    frame = Frame(np.abs(picture(6, 9, 9)), 26, 19)
    canvas = WHOLE.grown(80)
    before = frame.pixels.astype(np.float64).sum((0, 1))
    moved = glowing(frame, canvas, energy="conserve", threshold=0.5, **SMALL).pixels.astype(np.float64).sum((0, 1))
    np.testing.assert_allclose(moved, before, rtol=1e-5)
    added = glowing(frame, canvas, threshold=0.0, intensity=0.5, **SMALL).pixels.astype(np.float64).sum((0, 1))
    np.testing.assert_allclose(added[:3], 1.5 * before[:3], rtol=1e-5)
    assert added[3] == pytest.approx(before[3], rel=1e-6)


def test_alpha_stays_and_the_glow_alone_has_none() -> None:
    frame = noise(7)
    np.testing.assert_array_equal(glowing(frame, **SMALL).filled(WHOLE)[..., 3], frame.pixels[..., 3])
    alone = glowing(frame, output=Glow.glow, **SMALL)
    assert not alone.pixels[..., 3].any()
    together = frame.pixels + alone.filled(WHOLE)
    np.testing.assert_allclose(glowing(frame, **SMALL).filled(WHOLE), together, atol=4e-6)
    opaque = glowing(noise(8, alpha=False), **SMALL)
    assert opaque.opaque
    assert opaque.pixels[..., 3].min() == opaque.pixels[..., 3].max() == 1.0


def test_masks_say_where_it_comes_from_and_where_it_falls() -> None:
    frame = noise(9)
    generator = np.random.default_rng(1)
    mask = Frame(generator.uniform(0, 1, (20, 30, 1)).astype(np.float32), 5, 9)
    source = Frame(generator.uniform(0, 1, (30, 20, 1)).astype(np.float32), 25, 9)
    whole = glowing(frame, mix=0.5, intensity=2.0, **SMALL).filled(WHOLE).astype(np.float64)
    ours = glowing(frame, mask=mask, mix=0.5, intensity=2.0, **SMALL).filled(WHOLE)
    np.testing.assert_allclose(ours, frame.pixels + mask.filled(WHOLE) * (whole - frame.pixels), atol=1e-5)
    # The light of a picture that is dimmed beyond the threshold.
    alone = glowing(frame, output=Glow.glow, source=source, threshold=0.0, **SMALL).filled(WHOLE)
    dimmed = Frame(np.maximum(frame.pixels, 0.0) * source.filled(WHOLE))
    np.testing.assert_allclose(
        alone, glowing(dimmed, output=Glow.glow, threshold=0.0, **SMALL).filled(WHOLE), atol=1e-5
    )
    for name in ("mask", "source"):
        nothing: dict[str, Any] = {name: Frame.empty(1), **SMALL}
        np.testing.assert_array_equal(glowing(frame, **nothing).filled(WHOLE), frame.pixels)


@pytest.mark.parametrize("params", [{"mix": 0.0}, {"intensity": 0.0}])
def test_nothing_to_do(params: dict[str, Any]) -> None:
    frame = noise(8)
    assert glowing(frame, **params) is frame
    assert glowing(frame, output=Glow.glow, **params).window.empty
    glow = node(Glow, **params)
    request = Context({}, Glow.glowing).request
    assert glow.frames_needed("video", request) == (request.time,)
    assert glow.frames_needed("mask", request) == ()
    assert glow.frames_needed("video", Context({}, Glow.glow).request) == ()


@pytest.mark.parametrize("down", [2, 4])
def test_a_proxy_glows_by_the_true_size(down: int) -> None:
    """Of a picture whose light is as bright when it is made smaller; within a hundredth of the brightest."""
    plate = np.zeros((128, 192, 4), np.float32)
    plate[32:64, 48:96] = [8.0, 4.0, 0.5, 1.0]
    glow = node(Glow, size=(6.0, 6.0), octaves=3)
    whole = applied(glow, {"video": Frame(plate)}, (192, 128)).filled(Window(0, 0, 192, 128))
    size = (192 // down, 128 // down)
    small = Frame(np.asarray(cv2.resize(plate, size, interpolation=cv2.INTER_AREA), np.float32))
    proxy = applied(glow, {"video": small}, size, scale=Fraction(1, down)).filled(Window(0, 0, *size))
    np.testing.assert_allclose(proxy, cv2.resize(whole, size, interpolation=cv2.INTER_AREA), atol=0.08)


def test_thin_and_empty_pictures() -> None:
    for size in ((1, 1), (1, 9), (7, 1)):
        frame = Frame(np.ones((size[1], size[0], 4), np.float32))
        result = applied(node(Glow, **SMALL, threshold=0.5, energy="conserve"), {"video": frame}, size)
        assert np.isfinite(result.pixels).all()
        assert result.pixels[..., 0].max() < 1.0
    assert glowing(Frame.empty()).window.empty
    assert glowing(Frame.empty(), output=Glow.glow).window.empty
    assert glowing(Frame(picture(1, 4, 4), 9000, 9000), output=Glow.glow).window.empty
    assert glowing(noise(1), Window(0, 0, 0, 0), output=Glow.glow).window.empty


def test_dark_and_negative_light_does_not_glow() -> None:
    frame = chart()
    frame.pixels[..., :3] = np.minimum(frame.pixels[..., :3], 0.2)
    np.testing.assert_array_equal(glowing(frame, threshold=0.8, knee=0.5).filled(WHOLE), frame.pixels)


def test_a_pixel_that_is_no_number_spoils_only_what_it_reaches() -> None:
    pixels = picture(9, 300, 200)
    pixels[100, 150] = np.nan
    result = applied(node(Glow, **SMALL), {"video": Frame(pixels)}, (300, 200)).pixels
    rows, columns = np.nonzero(np.isnan(result).any(-1))
    reach = 2 * gaussian_reach(8.0)
    assert rows.size
    assert max(np.abs(rows - 100).max(), np.abs(columns - 150).max()) <= reach
