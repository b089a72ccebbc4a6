from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest

from artifex.nodes import Frame, Window
from services.graph.nodes.effect.lens_flare import LensFlare
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.lens_flare import AT, HEIGHT, NOTHING, WHOLE, WIDTH, flared
from tests.unit.services.graph.nodes.oracles.pictures import noise
from tests.unit.services.graph.support import Context, node

SMALL: dict[str, Any] = {"position": AT, "scale": 0.2, "anamorphic": 0.3, "intensity": 4.0}
PARTS: dict[str, dict[str, Any]] = {
    "glow": {"glow": 1.0, "glow_radius": 60.0},
    "starburst": {"starburst": 1.0, "streak_length": 50.0},
    "anamorphic": {"anamorphic": 1.0, "anamorphic_length": 80.0},
    "halo": {"halo": 1.0, "halo_radius": 30.0, "halo_width": 5.0},
    "ghosts": {"ghosts": ((0.5, 9.0, 1.0, 1.0, 0.5, 0.2), (1.8, 20.0, 0.5, 0.1, 0.5, 1.0))},
}


def a_mask(value: float, window: Window) -> Frame:
    return Frame(np.full((window.height, window.width, 1), value, np.float32), window.x, window.y)


def test_light_is_added_and_alpha_stays() -> None:
    frame = noise(1, WIDTH, HEIGHT)
    light = flared(**SMALL)
    assert not light.pixels[..., 3].any()
    assert light.pixels[..., :3].min() >= 0.0
    ours = flared(video=frame, **SMALL)
    np.testing.assert_allclose(ours.filled(WHOLE), frame.pixels + light.filled(WHOLE), atol=2e-6)
    np.testing.assert_array_equal(ours.filled(WHOLE)[..., 3], frame.pixels[..., 3])
    assert flared(video=noise(1, WIDTH, HEIGHT, alpha=False), **SMALL).opaque


@pytest.mark.parametrize("part", PARTS)
def test_each_part_is_there_by_its_strength(part: str) -> None:
    params = {**NOTHING, **PARTS[part]}
    one = flared(**params).filled(WHOLE)
    assert one.max() > 0.05
    np.testing.assert_allclose(flared(**params, intensity=8.0).filled(WHOLE), 8.0 * one, rtol=1e-5, atol=1e-6)
    assert flared(**NOTHING).window.empty


@pytest.mark.parametrize("part", PARTS)
def test_its_window_holds_all_of_it_and_tiles_are_parts_of_it(part: str) -> None:
    """Light is drawn wherever the picture has pixels: there is no more of it on a larger one."""
    params = {**NOTHING, **PARTS[part], "dispersion": 0.1}
    canvas = WHOLE.grown(300)
    black = Frame(np.zeros((canvas.height, canvas.width, 4), np.float32), canvas.x, canvas.y)
    wide = flared(canvas, black, **params)
    assert wide.window == canvas
    np.testing.assert_allclose(flared(canvas, **params).filled(canvas), wide.pixels, atol=2e-6)
    for region in (WHOLE, Window(0, 0, 50, 33), Window(50, 33, 31, 60), Window(61, 41, 1, 1), Window(-50, -9, 70, 80)):
        ours = flared(region, **params)
        assert region.contains(ours.window)
        np.testing.assert_allclose(ours.filled(region), wide.filled(region), atol=2e-6)


def test_dispersion_parts_the_colours_around_the_middle() -> None:
    ghost = {"ghosts": ((2.0, 15.0, 1.0, 1.0, 1.0, 1.0),)}
    light = flared(**{**NOTHING, **ghost, "dispersion": 0.2}).filled(WHOLE)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    away = np.hypot(x - WIDTH / 2, y - HEIGHT / 2)[..., None]
    red, green, blue, _ = (light * away).sum((0, 1)) / np.maximum(light.sum((0, 1)), 1e-9)
    assert red > green + 5 > blue + 10
    # Twice as far for the red of the halo as its radius alone.
    halo = flared(**{**NOTHING, "halo": 1.0, "halo_radius": 25.0, "halo_width": 2.0, "dispersion": 0.1}).filled(WHOLE)
    from_light = np.hypot(x - AT[0], y - AT[1])
    radii = [(halo[..., channel] * from_light).sum() / halo[..., channel].sum() for channel in range(3)]
    np.testing.assert_allclose(radii, [30.0, 25.0, 20.0], atol=0.3)


def test_what_stands_before_the_light_hides_as_much_of_all() -> None:
    whole = flared(**SMALL, source_size=40.0).filled(WHOLE)
    for value in (0.0, 0.25, 1.0):
        ours = flared(**SMALL, source_size=40.0, occlusion=a_mask(value, WHOLE)).filled(WHOLE)
        np.testing.assert_allclose(ours, (1.0 - value) * whole, rtol=1e-5, atol=1e-6)
    half = flared(**SMALL, source_size=40.0, occlusion=a_mask(1.0, Window(0, 0, round(AT[0]), HEIGHT))).filled(WHOLE)
    assert half.sum() == pytest.approx(0.5 * whole.sum(), rel=0.05)
    nothing = flared(**SMALL, occlusion=Frame.empty(1)).filled(WHOLE)
    np.testing.assert_array_equal(nothing, flared(**SMALL).filled(WHOLE))
    spoilt = flared(**SMALL, occlusion=a_mask(np.nan, WHOLE)).filled(WHOLE)
    np.testing.assert_array_equal(spoilt, nothing)


def test_only_what_covers_the_light_is_read_of_the_occlusion() -> None:
    flare = node(LensFlare, **SMALL, source_size=40.0)
    request = Context({}, LensFlare.flared, (WIDTH, HEIGHT), Window(150, 100, 20, 20)).request
    needed = flare.region_needed("occlusion", request)
    assert needed.contains(Window(22, 1, 79, 79))
    assert needed.width < 104
    # However large the flare is made.
    huge = node(LensFlare, position=(-1e5, 1e5), scale=100.0, source_size=512.0)
    assert huge.region_needed("occlusion", request).width < 1030
    mask = Frame(np.random.default_rng(2).uniform(0, 1, (HEIGHT, WIDTH, 1)).astype(np.float32))
    given = {**SMALL, "source_size": 40.0}
    whole = flared(**given, occlusion=mask).filled(WHOLE)
    np.testing.assert_array_equal(flared(**given, occlusion=mask.crop(needed)).filled(WHOLE), whole)
    assert flare.region_needed("video", request) == request.region


@pytest.mark.parametrize("down", [2, 4])
@pytest.mark.parametrize("part", PARTS)
def test_a_proxy_has_the_true_sizes(part: str, down: int) -> None:
    """Mean difference below a hundredth, and the sum of light within a fiftieth."""
    params = {**NOTHING, **PARTS[part], "dispersion": 0.05}
    whole = flared(**params).filled(WHOLE)
    size = (WIDTH // down, HEIGHT // down)
    flare = node(LensFlare, **params)
    proxy = applied(flare, {"video": Frame.empty()}, size, output=LensFlare.flare, scale=Fraction(1, down))
    small = proxy.filled(Window(0, 0, *size))
    expected = np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA))
    assert np.abs(small - expected).mean() < 0.01
    assert small[..., :3].sum() == pytest.approx(expected[..., :3].sum(), rel=0.06)


def test_no_intensity_passes_the_picture_on() -> None:
    frame = noise(2, WIDTH, HEIGHT)
    assert flared(video=frame, intensity=0.0) is frame
    assert flared(intensity=0.0).window.empty
    dark, light = node(LensFlare, intensity=0.0), node(LensFlare)
    request = Context({}, LensFlare.flared).request
    alone = Context({}, LensFlare.flare).request
    assert dark.frames_needed("occlusion", request) == ()
    assert light.frames_needed("occlusion", alone) == (alone.time,)
    assert light.frames_needed("video", alone) == ()
    assert light.frames_needed("video", request) == (request.time,)


def test_thin_and_empty_pictures_and_lights_far_away() -> None:
    for size in ((1, 1), (1, 9), (7, 1)):
        result = applied(node(LensFlare, **SMALL), {"video": Frame(np.ones((size[1], size[0], 4), np.float32))}, size)
        assert np.isfinite(result.pixels).all()
    assert flared(Window(5, 5, 0, 0), **SMALL).window.empty
    far = flared(**{**SMALL, "position": (-1e5, 1e5), "ghosts": ()})
    assert far.window.empty
    with_ghosts = flared(video=noise(1, WIDTH, HEIGHT), **{**SMALL, "position": (-1e5, 1e5)})
    assert np.isfinite(with_ghosts.pixels).all()


def test_what_is_no_number_stays_where_it_is() -> None:
    frame = noise(3, WIDTH, HEIGHT)
    frame.pixels[20, 30, 1] = np.nan
    spoilt = np.argwhere(np.isnan(flared(video=frame, **SMALL).filled(WHOLE)))
    np.testing.assert_array_equal(spoilt, [[20, 30, 1]])
