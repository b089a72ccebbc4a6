"""LensFlare beside its formulas in float64, and its ghosts beside the polygons that OpenCV fills."""

import math
from typing import Any

import cv2
import numpy as np

from artifex.nodes import Frame, Output, Window
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.nodes.effect.lens_flare import LensFlare
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import Array
from tests.unit.services.graph.support import node

WIDTH, HEIGHT = 200, 140
WHOLE = Window(0, 0, WIDTH, HEIGHT)
AT = (61.3, 40.8)
WHITE = (1.0, 1.0, 1.0, 1.0)
NOTHING: dict[str, Any] = {
    "glow": 0.0, "starburst": 0.0, "halo": 0.0, "ghosts": (), "position": AT, "color": WHITE, "dispersion": 0.0,
}  # fmt: skip
"""Of a flare without any part."""


def flared(
    region: Window = WHOLE, video: Frame | None = None, output: Output | None = None, time: int = 0, **params: Any
) -> Frame:
    frames = {"video": video or Frame.empty()}
    if "occlusion" in params:
        frames["occlusion"] = params.pop("occlusion")
    asked = output or (LensFlare.flared if video else LensFlare.flare)
    return applied(node(LensFlare, **params), frames, (WIDTH, HEIGHT), region=region, output=asked)


def _light() -> Array:
    return np.array(WorkingColour("ACEScg").from_display(WHITE[:3]))


def _from_light() -> tuple[Array, Array]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    return x - AT[0], y - AT[1]


def _bump(x: Array) -> Array:
    return np.asarray(np.where(np.abs(x) < 1, (1 - x**2) ** 3, 0.0))


def around_the_light() -> float:
    """Glow, halo and the starburst of five blades, from polar coordinates."""
    x, y = _from_light()
    r, turn = np.hypot(x, y), np.arctan2(y, x)
    total = np.zeros((HEIGHT, WIDTH, 3))
    for channel, wave in enumerate((611 / 549, 1.0, 464 / 549)):
        light = _bump(r / 90) / (1 + (16 * r / 90) ** 2) * 0.9 + _bump((r - 40) / 9) * 0.3
        for blade in range(5):
            # The blades' normals, from above, clockwise, and a quarter turn of the plane's angle.
            across = turn - (math.radians(20) + (2 * blade + 1) * math.pi / 5 - math.pi / 2)
            u = r * np.cos(across) / (70 * wave)
            light = light + _bump(r * np.sin(across) / 2.5) * _bump(u) / (1 + (8 * u) ** 2) * 0.7
        total[..., channel] = 1.5 * light * _light()[channel]
    params = {**NOTHING, "glow": 0.9, "glow_radius": 90.0, "halo": 0.3, "halo_radius": 40.0, "halo_width": 9.0}
    params |= {"starburst": 0.7, "streak_length": 70.0, "streak_width": 2.5, "blades": 5, "rotation": 20.0}
    return largest(flared(**params, intensity=1.5).filled(WHOLE)[..., :3], total)


def ghosts_as_polygons() -> float:
    """The part of the picture that lies inside one polygon and outside the other."""
    place, radius, blades, turn = 1.7, 45.0, 7, 0.4
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    at = middle + (np.array(AT) - middle) * (1 - place)
    angles = turn + 2 * math.pi * np.arange(blades) / blades
    corners = at + radius * np.stack([np.sin(angles), -np.cos(angles)], -1)
    drawn = np.zeros((HEIGHT * 8, WIDTH * 8), np.uint8)
    cv2.fillPoly(drawn, [np.round((corners * 8 - 0.5) * 256).astype(np.int32)], 255, shift=8)
    coverage = cv2.resize(drawn, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) / 255.0
    params = {"ghosts": ((place, radius, 1.0, 1.0, 1.0, 1.0),), "blades": blades, "rotation": math.degrees(turn)}
    ours = flared(**{**NOTHING, **params}, roundness=0.0, hollow=0.0, softness=0.0).filled(WHOLE)[..., 0] / _light()[0]
    return float(((ours > 0.5) != (coverage > 0.5)).sum() / coverage.sum())


def ghosts_on_the_axis() -> float:
    """How far the centres of light of ghosts lie from where Chapman's axis has them, in pixels."""
    farthest = 0.0
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    for place in (-0.2, 0.5, 1.0, 1.9):
        params = {**NOTHING, "ghosts": ((place, 12.0, 1.0, 1.0, 1.0, 1.0),)}
        light = flared(**params).filled(WHOLE)[..., 1].astype(np.float64)
        found = np.array([(light * x).sum(), (light * y).sum()]) / light.sum()
        farthest = max(farthest, float(np.abs(found - middle - (np.array(AT) - middle) * (1 - place)).max()))
    return farthest


COMPARISONS = [
    Comparison("LensFlare", "formulas in float64", "glow, halo and starburst", 5e-6, around_the_light),
    Comparison("LensFlare", "OpenCV fillPoly, 8 × 8 samples", "a ghost's polygon, part that differs", 0.01,
               ghosts_as_polygons),
    Comparison("LensFlare", "Chapman's axis", "ghosts' centres of light, pixels", 0.02, ghosts_on_the_axis),
]  # fmt: skip
