"""Particles beside SciPy's solver of their equation of motion, OpenCV's warp of a sprite, and the sums of light."""

import math
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from scipy import integrate

from artifex.nodes import Frame, Window
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.nodes.effect.particle_states import swirl, travelled
from services.graph.nodes.effect.particles import Particles
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import Array, noise
from tests.unit.services.graph.support import Context, node

WIDTH, HEIGHT = 160, 96
WHOLE = Window(0, 0, WIDTH, HEIGHT)
WHITE = (1.0, 1.0, 1.0, 1.0)
ONE: dict[str, Any] = {
    "rate": 1.0, "start": Fraction(-1), "stop": Fraction(0), "lifetime": 10.0, "lifetime_variation": 0.0, "speed": 0.0,
    "gravity": (0.0, 0.0), "position": (70.0, 50.0), "size_variation": 0.0, "color": WHITE, "color_end": WHITE,
    "opacity_over_life": ((0.0, 1.0),), "turn_variation": 0.0, "spin_variation": 0.0,
}  # fmt: skip
"""A single particle, at rest: whatever the seed, it is born before second 0, and the next one would come after."""


def emitted(
    region: Window = WHOLE, time: Fraction = Fraction(3), scale: Fraction = Fraction(1), **params: Any
) -> Frame:
    frames: dict[str, Frame] = {name: params.pop(name) for name in ("video", "sprite") if name in params}
    size = (int(WIDTH * scale), int(HEIGHT * scale))
    context = Context(frames, Particles.drawn, size, region, time)
    context.request = context.request._replace(scale=scale)
    return node(Particles, **params).render(context)


def along_the_way() -> float:
    """The largest difference of any path, in pixels, after up to 20 seconds."""
    worst = 0.0
    times = np.array([0.0, 1e-4, 0.01, 0.5, 3.0, 20.0])
    for drag in (0.0, 1e-5, 0.01, 0.7, 30.0):
        gravity, wind, velocity = (13.0, 200.0), (-90.0, 20.0), (250.0, -310.0)

        def force(_: float, state: Array, drag: float = drag, gravity: Any = gravity, wind: Any = wind) -> list[float]:
            pull = [gravity[axis] - drag * (state[2 + axis] - wind[axis]) for axis in (0, 1)]
            return [state[2], state[3], *pull]

        solved = integrate.solve_ivp(force, (0.0, 20.0), [0.0, 0.0, *velocity], "DOP853", times, rtol=1e-12, atol=1e-9)
        ours = travelled(
            np.broadcast_to(np.array(velocity), (times.size, 2)), times, gravity=gravity, wind=wind, drag=drag
        )
        worst = max(worst, largest(ours, solved.y[:2].T))
    return worst


def sources_of_the_swirls() -> float:
    """The largest divergence of the field, by differences over a hundredth of a pixel, beside its steepness."""
    places = np.random.default_rng(1).uniform(0, 1000, (400, 2))
    step = 0.01
    slopes = [
        (swirl(3, places + offset, 1.7, 120.0, 0.4) - swirl(3, places - offset, 1.7, 120.0, 0.4)) / (2 * step)
        for offset in (np.array([step, 0.0]), np.array([0.0, step]))
    ]
    divergence = slopes[0][:, 0] + slopes[1][:, 1]
    return float(np.abs(divergence).max() / np.abs(slopes).max())


def one_picture() -> float:
    """A sprite that is enlarged and turned, beside OpenCV's bilinear warp."""
    picture = noise(2, 24, 16)
    ours = emitted(sprite=picture, **{**ONE, "size": 30.0, "turn": 25.0, "blending": "over"}).filled(WHOLE)
    size, turn = 60.0 / 24.0, math.radians(25.0)
    rows = size * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    middle = np.array([70.0, 50.0]) - 0.5 - rows @ np.array([11.5, 7.5])
    matrix = np.concatenate([rows, middle[:, None]], 1)
    padded = cv2.warpAffine(picture.pixels, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    white = np.array([*WorkingColour("ACEScg").from_display(WHITE[:3]), 1.0])
    # OpenCV rounds places to a 32nd of a pixel: the mean tells more than the worst pixel.
    return float(np.abs(ours - padded * white).mean())


def light_of_discs() -> float:
    """What the sum of a disc's pixels differs from its shape's, as parts, at sizes from 0.2 to 20 pixels."""
    worst = 0.0
    for softness in (0.0, 0.4, 1.0):
        for size in (0.2, 0.7, 1.5, 4.3, 20.0):

            def light(r: float, softness: float = softness) -> float:
                u = min(1.0, (1.0 - r) / softness) if softness else 1.0
                return 2.0 * math.pi * r * u * u * (3.0 - 2.0 * u)

            expected = integrate.quad(light, 0.0, 1.0, points=[1.0 - softness])[0] * size * size
            # The mean over places within a pixel, as a particle that moves has it.
            found = [
                emitted(**{**ONE, "size": size, "softness": softness, "position": (70.0 + x / 4, 50.0 + y / 4)})
                .pixels[..., 1]
                .sum(dtype=np.float64)
                for x in range(4)
                for y in range(4)
            ]
            worst = max(worst, abs(float(np.mean(found)) / expected - 1.0))
    return worst


COMPARISONS = [
    Comparison("Particles", "SciPy solve_ivp DOP853", "paths of up to 20 s, pixels", 1e-6, along_the_way),
    Comparison("Particles", "differences", "divergence of swirls, parts of their slope", 1e-6, sources_of_the_swirls),
    Comparison("Particles", "OpenCV warpAffine", "a sprite turned by 25°, mean", 2e-5, one_picture),
    Comparison("Particles", "SciPy quad", "light of discs of 0.2 to 20 px, parts", 2e-3, light_of_discs),
]
