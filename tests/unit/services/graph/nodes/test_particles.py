import tracemalloc
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from scipy import stats

from artifex.nodes import Frame, Pixels, Window
from services.graph.domain.compile.compiler import compile, validate
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.nodes.effect.particle_states import alive, draws, of_all, placed, swirl
from services.graph.nodes.effect.particles import MOST, Particles
from tests.unit.services.graph.domain.evaluate.random_graphs import CATALOGUE
from tests.unit.services.graph.nodes.oracles.particles import HEIGHT, ONE, WHOLE, WIDTH, emitted
from tests.unit.services.graph.nodes.oracles.pictures import noise
from tests.unit.services.graph.support import Context, document, node, output

MANY: dict[str, Any] = {
    "rate": 120.0, "position": (80.0, 60.0), "emitter": "disc", "emitter_size": (60.0, 30.0), "speed": 40.0,
    "gravity": (0.0, 20.0), "turbulence": 12.0, "turbulence_size": 50.0, "size": 4.0,
}  # fmt: skip
BLENDS = Particles.blending.choices


def born(number: int = 5000) -> dict[str, Any]:
    return {"start": 0.0, "stop": 1e6, "rate": number / 10.0, "lifetime": 4.0, "variation": 0.5}


def test_chance_depends_on_seed_stream_and_particle_alone() -> None:
    whole = draws(7, 1, 0, 100)
    np.testing.assert_array_equal(draws(7, 1, 40, 13), whole[40:53])
    assert not (draws(8, 1, 0, 100) == whole).any()
    assert not (draws(7, 2, 0, 100) == whole).any()
    assert draws(7, 1, 10**12, 2).shape == (2, 4)
    assert stats.kstest(draws(3, 0, 0, 5000).ravel(), "uniform").pvalue > 0.001


def test_a_particle_is_the_same_whenever_one_looks() -> None:
    early, late = alive(5, 6.0, **born()), alive(5, 7.5, **born())
    both = np.intersect1d(early.number, late.number)
    assert both.size > 500
    here, there = np.searchsorted(early.number, both), np.searchsorted(late.number, both)
    np.testing.assert_array_equal(early.birth[here], late.birth[there])
    np.testing.assert_array_equal(of_all(early, 5, 1)[here], of_all(late, 5, 1)[there])
    np.testing.assert_allclose(late.age[there] - early.age[here], 1.5, atol=1e-9)


def test_as_many_live_as_rate_and_life_say_and_none_outside_their_time() -> None:
    # 500 a second, 2 to 4 seconds each.
    assert alive(1, 50.0, **born()).number.size == pytest.approx(1500, rel=0.05)
    found = alive(1, 50.0, **born())
    assert (found.age >= 0).all()
    assert (found.part < 1).all()
    assert (np.diff(found.number) > 0).all()
    assert alive(1, -0.1, **born()).number.size == 0
    assert alive(1, 0.0, **{**born(), "rate": 0.0}).number.size == 0
    stopped = {**born(), "stop": 3.0}
    assert (alive(1, 4.0, **stopped).birth < 3.0).all()
    assert alive(1, 7.1, **stopped).number.size == 0
    assert alive(1, 86000.0, **born()).number.size == pytest.approx(1500, rel=0.05)


@pytest.mark.parametrize("shape", Particles.emitter.choices)
def test_emitters_are_filled_evenly(shape: str) -> None:
    random = draws(2, 9, 0, 4000)
    at = placed(shape, np.broadcast_to([80.0, 40.0], (4000, 2)), random)
    if shape == "point":
        assert not at.any()
        return
    assert np.abs(at).max(0) == pytest.approx([40.0, 20.0], rel=0.03)
    if shape == "line":
        np.testing.assert_allclose(at[:, 0], 2 * at[:, 1])
        assert stats.kstest(at[:, 0] / 80 + 0.5, "uniform").pvalue > 0.001
    elif shape == "box":
        assert stats.kstest(at[:, 1] / 40 + 0.5, "uniform").pvalue > 0.001
        assert abs(stats.pearsonr(at[:, 0], at[:, 1]).statistic) < 0.05
    else:
        radius = np.hypot(at[:, 0] / 40, at[:, 1] / 20)
        # An even disc has as much within each ring as its area.
        assert stats.kstest(radius**2, "uniform").pvalue > 0.001


def test_swirls_have_their_strength_and_length() -> None:
    places = np.random.default_rng(1).uniform(0, 5000, (20000, 2))
    field = swirl(4, places, 2.0, 100.0, 0.3)
    assert (field**2).sum(1).mean() == pytest.approx(1.0, rel=0.1)
    assert np.abs(field.mean(0)).max() < 0.05
    np.testing.assert_allclose(swirl(4, places * 7, 2.0, 700.0, 0.3), field, atol=1e-9)
    assert np.abs(swirl(4, places, 2.001, 100.0, 0.3) - field).max() < 0.05


@pytest.mark.parametrize("blending", BLENDS)
@pytest.mark.parametrize("shutter", [0.0, 0.8])
def test_tiles_are_parts_of_the_whole_to_the_bit(blending: str, shutter: float) -> None:
    given = {**MANY, "blending": blending, "shutter": shutter, "video": noise(1, WIDTH, HEIGHT)}
    whole = emitted(**given).filled(WHOLE)
    for region in (Window(0, 0, 50, 40), Window(50, 40, 61, 30), Window(75, 55, 1, 1), Window(-30, -30, 90, 90)):
        seen = region.intersect(WHOLE)
        cropped = {**given, "video": noise(1, WIDTH, HEIGHT).crop(region)}
        np.testing.assert_array_equal(emitted(region, **cropped).filled(seen), whole[seen.inside(WHOLE)])


def test_light_is_added_without_coverage_or_laid_over() -> None:
    frame = noise(2, WIDTH, HEIGHT)
    light = emitted(**MANY).filled(WHOLE)
    assert not light[..., 3].any()
    np.testing.assert_allclose(emitted(**MANY, video=frame).filled(WHOLE), frame.pixels + light, atol=1e-6)
    cover = emitted(**MANY, blending="over").filled(WHOLE)
    assert 0.5 < cover[..., 3].max() <= 1.0
    over = emitted(**MANY, blending="over", video=frame).filled(WHOLE)
    np.testing.assert_allclose(over, cover + frame.pixels * (1.0 - cover[..., 3:]), atol=2e-6)
    opaque = emitted(**MANY, blending="over", video=noise(3, WIDTH, HEIGHT, alpha=False))
    assert opaque.opaque
    assert opaque.pixels[..., 3].min() == 1.0


def test_sizes_colours_and_opacities_go_by_their_curves() -> None:
    colour = WorkingColour("ACEScg")
    given = {
        **ONE, "size": 10.0, "lifetime": 4.0, "softness": 0.5, "brightness": 5.0, "opacity": 0.5,
        "size_over_life": ((0.0, 0.5), (1.0, 1.5)), "opacity_over_life": ((1.0, 0.0), (0.0, 1.0)),
        "color": (1.0, 0.0, 0.0, 1.0), "color_end": (0.0, 0.0, 1.0, 0.5), "blending": "over",
    }  # fmt: skip
    birth = -1.0 + float(draws(1, 0, 0, 1)[0, 0])
    for time in (Fraction(1, 2), Fraction(2), Fraction(5, 2)):
        part = (float(time) - birth) / 4.0
        found = emitted(time=time, **given)
        ends = [np.array([*colour.from_display(c), a]) for c, a in (((1, 0, 0), 1.0), ((0, 0, 1), 0.5))]
        mixed = ends[0] + (ends[1] - ends[0]) * part
        alpha = mixed[3] * 0.5 * (1.0 - part)
        middle = found.filled(Window(70, 50, 1, 1))[0, 0]
        np.testing.assert_allclose(middle, [*(5.0 * alpha * mixed[:3]), alpha], rtol=1e-4)
        radius = 10.0 * (0.5 + part)
        assert found.pixels[..., 3].sum() / alpha == pytest.approx(np.pi * radius**2 * (1 - 0.5 + 0.3 * 0.25), rel=0.01)
    assert emitted(time=Fraction(3) + Fraction(1), **given).window.empty


@pytest.mark.parametrize("blending", BLENDS)
def test_a_shutter_shows_the_mean_of_its_times(blending: str) -> None:
    given = {**MANY, "blending": blending}
    blurred = emitted(**given, shutter=0.6, samples=4).filled(WHOLE)
    times = [Fraction(3) + Fraction(6, 250) * (Fraction(2 * number + 1, 8) - Fraction(1, 2)) for number in range(4)]
    mean = np.mean([emitted(time=time, **given).filled(WHOLE) for time in times], axis=0)
    np.testing.assert_allclose(blurred, mean, atol=1e-5)
    assert np.abs(blurred - emitted(**given).filled(WHOLE)).max() > 0.01


@pytest.mark.parametrize("blending", BLENDS)
def test_a_long_shutter_takes_no_more_memory_than_a_short_one(blending: str) -> None:
    given = {**MANY, "blending": blending, "rate": 5000.0, "shutter": 1.0, "size": 1.0}
    peaks = []
    for samples in (2, 2, 64):
        tracemalloc.start()
        emitted(**given, samples=samples)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.2 * peaks[1]


def test_sprites_are_halved_until_they_fit_and_keep_their_light() -> None:
    picture = Frame(np.ascontiguousarray(noise(4, 64, 40, alpha=False).pixels * 0.2))
    expected = picture.pixels.astype(np.float64).mean((0, 1))
    white = np.array([*WorkingColour("ACEScg").from_display((1.0, 1.0, 1.0)), 0.0])
    for size in (20.0, 6.0, 2.0, 0.4):
        places = [(70.0 + x / 4, 50.0 + y / 4) for x in range(4) for y in range(4)]
        light = np.mean(
            [
                emitted(sprite=picture, **{**ONE, "size": size, "position": place}).pixels.sum((0, 1), dtype=np.float64)
                for place in places
            ],
            axis=0,
        )
        np.testing.assert_allclose(light, expected * white * (2 * size) ** 2 * 40 / 64, rtol=0.06, atol=1e-6)
    assert emitted(sprite=Frame.empty(), **MANY).window.empty
    outside = emitted(sprite=Frame(picture.pixels, -500, 0), **MANY)
    assert outside.window.empty


@pytest.mark.parametrize("down", [2, 4])
@pytest.mark.parametrize("sprite", [False, True])
def test_a_proxy_shows_the_same_particles(down: int, sprite: bool) -> None:
    """Mean difference below 0.004 and the sum of light within a hundredth."""
    given = {**MANY, "size": 5.0}
    frames: dict[str, Any] = {}
    if sprite:
        picture = np.ascontiguousarray(cv2.GaussianBlur(noise(4, 48, 48, alpha=False).pixels, (0, 0), 4.0))
        frames = {"sprite": Frame(np.asarray(picture, np.float32))}
    whole = emitted(**given, **frames).filled(WHOLE)
    size = (WIDTH // down, HEIGHT // down)
    if sprite:
        small = cv2.resize(frames["sprite"].pixels, (48 // down, 48 // down), interpolation=cv2.INTER_AREA)
        frames = {"sprite": Frame(np.asarray(small, np.float32))}
    region = Window(0, 0, *size)
    proxy = emitted(region, scale=Fraction(1, down), **given, **frames).filled(region)
    expected = np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA))
    assert np.abs(proxy - expected).mean() < 0.004 * max(1.0, float(expected.max()))
    assert proxy.sum() == pytest.approx(expected.sum(), rel=0.02)


def engine(params: dict[str, Any], frame: int) -> Pixels:
    nodes = {"x": {"type": "Particles", "params": params}, "out": output("x")}
    compiled = compile(document(nodes, width=WIDTH, height=HEIGHT, duration=4), CATALOGUE, "", {})
    return FramePuller(compiled, {}, WorkingColour("ACEScg")).frame(frame).filled(WHOLE)


def test_an_emitter_that_moves_leaves_a_trail() -> None:
    """At rest particles stay where the emitter was when they were born: along its way, the newest at its end."""
    params = {
        "position": {"keys": [[0, [10, 20]], [2, [150, 20]]]}, "rate": 400, "lifetime": 10, "speed": 0, "size": 3,
        "gravity": [0, 0], "lifetime_variation": 0, "opacity_over_life": [[0, 1]],
    }  # fmt: skip
    light = engine(params, 25)[..., 1].sum(0)
    # After one second: from 10 to 80.
    assert light[5:85].sum() == pytest.approx(light.sum(), rel=0.01)
    assert light[15:75].min() > 0.3 * light[15:75].max()
    assert light[:6].max() == light[90:].max() == 0.0


def test_only_particles_born_from_now_on_follow_a_new_direction() -> None:
    params = {
        "position": [80, 48], "rate": 300, "lifetime": 4, "speed": 30, "spread": 0, "speed_variation": 0,
        "gravity": [0, 0], "drag": 0, "size": 2, "direction": {"keys": [[0, 0], [1, 180, "step"]]},
    }  # fmt: skip
    light = engine(params, 50)[..., 1].sum(0)
    # After two seconds: the first second's are 30 to 60 pixels to the right, the second's 0 to 30 to the left.
    assert light[106:144].sum() + light[46:84].sum() > 0.94 * light.sum()
    assert light[106:144].sum() > 0.2 * light.sum()
    # Those of the frame in which it turns fly off in between.
    assert light[84:106].sum() < 0.05 * light.sum()


def test_too_many_particles_are_refused_with_the_remedy() -> None:
    nodes = {"x": {"type": "Particles", "params": {"rate": 100000, "lifetime": 30}}, "out": output("x")}
    problems = validate(document(nodes), CATALOGUE, {})
    assert [problem.path for problem in problems] == ["nodes.x.params.rate"]
    assert f"3e+06 particles would live at once, {MOST:,} can" in problems[0].message


def test_its_moments_are_the_same_for_all_frames_and_few() -> None:
    for lifetime in (0.01, 3.0, 120.0):
        particles = node(Particles, lifetime=lifetime)
        found = [
            set(particles.moments(Context({}, Particles.drawn, time=Fraction(frame, 25)).request))
            for frame in range(100, 103)
        ]
        assert max(map(len, found)) <= 260
        step = max(1, -(-round(lifetime * 25) // 252))
        assert all(moment * 25 % step == 0 for moments in found for moment in moments)
        assert min(found[0]) <= 4 - lifetime
        assert max(found[0]) > 4


def test_nothing_and_thin_pictures() -> None:
    assert emitted(**{**MANY, "rate": 0.0}).window.empty
    assert emitted(**{**MANY, "size": 0.0}).filled(WHOLE).max() == 0.0
    assert emitted(**{**MANY, "opacity": 0.0}).window.empty
    assert emitted(time=Fraction(-1), **MANY).window.empty
    assert emitted(Window(3, 3, 0, 0), **MANY).window.empty
    frame = noise(5, WIDTH, HEIGHT)
    np.testing.assert_array_equal(emitted(**{**MANY, "rate": 0.0}, video=frame).filled(WHOLE), frame.pixels)
    assert np.isfinite(emitted(Window(80, 60, 1, 1), **MANY, sprite=Frame(np.ones((1, 1, 4), np.float32))).pixels).all()


def test_what_is_no_number_stays_where_it_is() -> None:
    frame = noise(3, WIDTH, HEIGHT)
    frame.pixels[60, 80, 1] = np.nan
    spoilt = np.argwhere(np.isnan(emitted(**MANY, video=frame).filled(WHOLE)))
    np.testing.assert_array_equal(spoilt, [[60, 80, 1]])
