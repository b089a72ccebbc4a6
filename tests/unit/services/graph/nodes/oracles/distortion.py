"""Distortion beside OpenCV's camera model with SciPy's sampling, and the formulas of ripples in float64."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from artifex.nodes import Frame, Window
from services.graph.nodes.effect.distortion import Distortion
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import Array
from tests.unit.services.graph.support import node, picture

SIZE = (64, 36)
WHOLE = Window(0, 0, *SIZE)

BARREL = {"k1": -0.35, "k2": 0.05, "center": (0.45, 0.55), "focal_length": 1.1}
CUSHION = {"k1": 0.4, "k2": 0.1, "k3": 0.02, "center": (0.52, 0.5), "focal_length": 0.9}
TILTED = {"k1": -0.2, "p1": 0.02, "p2": -0.03}
TOLERANCE = 2e-6


def bent(frame: Frame, size: tuple[int, int] = SIZE, by: Frame | None = None, **params: Any) -> Frame:
    frames = {"video": frame} if by is None else {"video": frame, "map": by}
    return applied(node(Distortion, **params), frames, size)


def plate(seed: int = 1) -> Frame:
    return Frame(picture(seed, *SIZE))


def centres() -> tuple[Array, Array]:
    x, y = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    return x, y


def read_by_scipy(frame: Frame, x: Array, y: Array, order: int) -> Array:
    at = [y - 0.5 - frame.y, x - 0.5 - frame.x]
    return np.stack([
        ndimage.map_coordinates(frame.pixels[..., c].astype(np.float64), at, order=order, mode="grid-constant",
                                prefilter=False)
        for c in range(4)
    ], axis=-1)  # fmt: skip


def camera(params: Mapping[str, Any]) -> tuple[Array, Array]:
    focal = params.get("focal_length", 1.0) * SIZE[0]
    x, y = params.get("center", (0.5, 0.5))
    film = np.array([[focal, 0, x * SIZE[0]], [0, focal, y * SIZE[1]], [0, 0, 1.0]])
    return film, np.array([params.get(name, 0.0) for name in ("k1", "k2", "p1", "p2", "k3")])


def by_opencv(params: Mapping[str, Any], *, straighten: bool) -> tuple[Array, Array]:
    """Where OpenCV's camera reads a result: where it sees the pixels, or what it sees there."""
    film, coefficients = camera(params)
    points = np.stack(centres(), axis=-1).reshape(-1, 1, 2)
    if straighten:
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 500, 1e-14)
        found = cv2.undistortPoints(points, film, coefficients, None, np.eye(3), film, stop)
    else:
        space = np.concatenate([(points[:, 0] - film[:2, 2]) / film[0, 0], np.ones((len(points), 1))], axis=1)
        found, _ = cv2.projectPoints(space, np.zeros(3), np.zeros(3), film, coefficients)
    x, y = np.asarray(found, np.float64).reshape(SIZE[1], SIZE[0], 2).transpose(2, 0, 1)
    return x, y


def _lens_error(kind: str, params: Mapping[str, Any], filter: str, order: int) -> float:
    """Maps that shrink nowhere, or the nearest pixel: then there is nothing to average."""
    ours = bent(plate(), kind=kind, filter=filter, **params).filled(WHOLE)
    return largest(ours, read_by_scipy(plate(), *by_opencv(params, straighten=kind == "lens"), order))


def ripple_places(amplitude: float, wavelength: float, phase: float, falloff: float) -> tuple[Array, Array]:
    x, y = centres()
    dx, dy = x - 32, y - 18
    r = np.sqrt(dx * dx + dy * dy)
    wave = amplitude * np.sin(2 * np.pi * r / wavelength - np.radians(phase)) * np.exp(-r / falloff)
    return x + dx / r * wave, y + dy / r * wave


def _ripple_error() -> float:
    ours = bent(plate(2), kind="ripple", amplitude=4.0, wavelength=17.0, phase=75.0, falloff=30.0, filter="nearest")
    return largest(ours.filled(WHOLE), read_by_scipy(plate(2), *ripple_places(4.0, 17.0, 75.0, 30.0), 0))


def _lines_error() -> float:
    x, y = centres()
    along = (x - 32) * np.cos(np.radians(30)) + (y - 18) * np.sin(np.radians(30))
    wave = 3.0 * np.sin(2 * np.pi * along / 20.0)
    places = x + np.cos(np.radians(30)) * wave, y + np.sin(np.radians(30)) * wave
    ours = bent(plate(3), kind="ripple", waves="lines", angle=30.0, amplitude=3.0, wavelength=20.0, filter="nearest")
    return largest(ours.filled(WHOLE), read_by_scipy(plate(3), *places, 0))


def slope_map() -> Frame:
    """A map that enlarges everywhere: red falls to the right, green down."""
    x, y = centres()
    pixels = np.ones((SIZE[1], SIZE[0], 4), np.float32)
    pixels[..., 0], pixels[..., 1] = 0.9 - x / 90, 0.8 - y / 60
    return Frame(pixels)


def _displace_error(filter: str, order: int) -> float:
    ours = bent(plate(4), by=slope_map(), kind="displace", strength=(30.0, 20.0), neutral=0.5, filter=filter)
    x, y = centres()
    moved = slope_map().pixels.astype(np.float64)
    places = x + 30 * (moved[..., 0] - 0.5), y + 20 * (moved[..., 1] - 0.5)
    return largest(ours.filled(WHOLE), read_by_scipy(plate(4), *places, order))


COMPARISONS = [
    Comparison("Distortion", "OpenCV projectPoints, SciPy", "barrel undone, bilinear", TOLERANCE,
               partial(_lens_error, "undo_lens", BARREL, "bilinear", 1)),
    Comparison("Distortion", "OpenCV undistortPoints, SciPy", "cushion, bilinear", TOLERANCE,
               partial(_lens_error, "lens", CUSHION, "bilinear", 1)),
    *(Comparison("Distortion", "OpenCV projectPoints, SciPy", f"{name} undone, nearest", 0.0,
                 partial(_lens_error, "undo_lens", params, "nearest", 0))
      for name, params in (("cushion", CUSHION), ("tilted", TILTED))),
    *(Comparison("Distortion", "OpenCV undistortPoints, SciPy", f"{name}, nearest", 0.0,
                 partial(_lens_error, "lens", params, "nearest", 0))
      for name, params in (("barrel", BARREL), ("tilted", TILTED))),
    Comparison("Distortion", "formula, SciPy", "rings, nearest", 0.0, _ripple_error),
    Comparison("Distortion", "formula, SciPy", "lines, nearest", 0.0, _lines_error),
    Comparison("Distortion", "formula, SciPy", "by a map, bilinear", TOLERANCE,
               partial(_displace_error, "bilinear", 1)),
    Comparison("Distortion", "formula, SciPy", "by a map, nearest", 0.0, partial(_displace_error, "nearest", 0)),
]  # fmt: skip
