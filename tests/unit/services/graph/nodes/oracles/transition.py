"""Transition beside FFmpeg's xfade, on the same numbers in 16 bits, and beside formulas in float64."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Frame, Window
from services.graph.nodes.effect.transition import Transition
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import Array
from tests.unit.services.graph.nodes.oracles.xfade import crossed
from tests.unit.services.graph.support import node

WIDTH, HEIGHT = 40, 20
_STEPS = 10


def transition(a: Frame, b: Frame, region: Window | None = None, order: Frame | None = None, **params: Any) -> Frame:
    frames = {"a": a, "b": b} if order is None else {"a": a, "b": b, "order": order}
    return applied(node(Transition, **params), frames, (WIDTH, HEIGHT), region=region)


def codes(seed: int) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, 65536, (HEIGHT, WIDTH, 3)).astype(np.uint16)


def opaque(values: NDArray[np.uint16]) -> Frame:
    pixels = np.ones((*values.shape[:2], 4), np.float32)
    pixels[..., :3] = values / np.float32(65535.0)
    return Frame(pixels, opaque=True)


def against_xfade(name: str, step: int, *, edge: bool = False, **params: Any) -> float:
    """The largest difference; with `edge`, of the pixels that are wholly of one picture."""
    a, b = codes(1), codes(2)
    theirs = crossed(a, b, name, step, _STEPS) / 65535.0
    ours = transition(opaque(a), opaque(b), progress=step / _STEPS, **params).pixels[..., :3]
    if edge:
        found = np.abs(ours - theirs).max(-1)
        # xfade's edge is hard: a pixel may be of either picture where ours is of both.
        return float(np.sort(found.ravel())[: -2 * max(WIDTH, HEIGHT)].max())
    return largest(ours, theirs)


def order_of(kind: str, angle: float, centre: tuple[float, float]) -> Array:
    """The order of pixels by complex numbers, from 0 to 1."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    corners = np.array([0, WIDTH, 1j * HEIGHT, WIDTH + 1j * HEIGHT])
    place = x + 1j * y
    turn = np.exp(-1j * math.radians(angle))
    if kind == "wipe":
        along, ends = (place * turn).real, (corners * turn).real
        return np.asarray((along - ends.min()) / (ends.max() - ends.min()))
    middle = centre[0] * WIDTH + 1j * centre[1] * HEIGHT
    if kind == "iris":
        return np.asarray(np.abs(place - middle) / np.abs(corners - middle).max())
    # From above, clockwise: i times a way up is a way to the right, where the angle of numbers begins.
    return np.asarray(np.mod(np.angle((place - middle) * 1j * turn), 2 * math.pi) / (2 * math.pi))


def against_formula(kind: str, progress: float, softness: float, angle: float = 0.0) -> float:
    centre = (0.3, 0.6)
    a, b = opaque(codes(3)), opaque(codes(4))
    order = order_of(kind, angle, centre)
    m = np.clip((progress * (1 + softness) - order) / softness, 0, 1)[..., None]
    ours = transition(a, b, kind=kind, progress=progress, softness=softness, angle=angle, center=centre)
    return largest(ours.pixels, a.pixels.astype(np.float64) * (1 - m) + b.pixels * m)


COMPARISONS = [
    Comparison("Transition", "FFmpeg xfade=fade, 16 bits", "dissolve, a third of the way", 2.5e-5,
               lambda: against_xfade("fade", 3, kind="dissolve")),
    Comparison("Transition", "FFmpeg xfade=slideleft, slidedown", "push", 1e-6,
               lambda: max(against_xfade("slideleft", 3, kind="push", direction="left"),
                           against_xfade("slidedown", 7, kind="push", direction="down"))),
    Comparison("Transition", "FFmpeg xfade=coverright, coverup", "slide", 1e-6,
               lambda: max(against_xfade("coverright", 5, kind="slide", direction="right"),
                           against_xfade("coverup", 4, kind="slide", direction="up"))),
    Comparison("Transition", "FFmpeg xfade=revealleft, revealdown", "reveal", 1e-6,
               lambda: max(against_xfade("revealleft", 5, kind="reveal", direction="left"),
                           against_xfade("revealdown", 4, kind="reveal", direction="down"))),
    Comparison("Transition", "FFmpeg xfade=wiperight, wipedown", "wipe, but for its edge", 1e-6,
               lambda: max(against_xfade("wiperight", 3, edge=True, kind="wipe", softness=0.0),
                           against_xfade("wipedown", 6, edge=True, kind="wipe", softness=0.0, angle=90.0))),
    Comparison("Transition", "SMIL's geometry in float64", "wipe at 33°, iris and clock, soft", 2e-5,
               lambda: max(against_formula("wipe", 0.4, 0.2, 33.0), against_formula("iris", 0.6, 0.3),
                           against_formula("clock", 0.7, 0.3, 75.0))),
]  # fmt: skip
