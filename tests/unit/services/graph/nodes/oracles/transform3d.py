"""Transform3D beside OpenCV's projectPoints, with turns by SciPy's Rotation, and SciPy's bilinear sampling."""

from functools import partial
from typing import Any

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from artifex.nodes import Frame, Window
from services.graph.nodes.transform.transform3d import Transform3D
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.corner_pin import by_scipy
from tests.unit.services.graph.nodes.oracles.pictures import Array
from tests.unit.services.graph.support import Context, node, picture

SIZE = (64, 36)
WHOLE = Window(0, 0, *SIZE)

CARDS: dict[str, dict[str, Any]] = {
    "turned around y": {"rotate": (0.0, 35.0, 0.0)},
    "turned in zxy": {"rotate": (25.0, -30.0, 12.0), "rotation_order": "zxy"},
    "far away, larger": {"position": (5.0, -3.0, 60.0), "scale": (2.5, 2.0), "rotate": (10.0, 20.0, 30.0)},
    "by another camera": {
        "rotate": (40.0, 0.0, 0.0), "camera_position": (6.0, -9.0, 12.0), "camera_rotate": (4.0, -7.0, 3.0),
        "rotation_order": "yxz",
    },
    "under a wide angle": {"rotate": (0.0, 30.0, 0.0), "lens": "field_of_view", "field_of_view": 80.0,
                           "position": (0.0, 0.0, -6.0)},
    "about a corner": {"rotate": (0.0, -25.0, 0.0), "pivot": (0.0, 1.0), "pivot_of": "frame", "focal_length": 24.0},
}  # fmt: skip


def seen(frame: Frame, size: tuple[int, int] = SIZE, **params: Any) -> Frame:
    return applied(node(Transform3D, **params), {"video": frame}, size)


def by_opencv(points: Array, **p: Any) -> Array:
    """Where the camera sees points (x, y) of a card whose picture fills the document."""
    width, height = SIZE
    if p.get("lens") == "field_of_view":
        focal = width / 2 / np.tan(np.radians(p["field_of_view"]) / 2)
    else:
        focal = width * p.get("focal_length", 50.0) / 36.0
    order = p.get("rotation_order", "xyz")

    def turn(degrees: Any) -> Rotation:
        # Small letters: around axes that stay where they are.
        return Rotation.from_euler(order, [degrees["xyz".index(axis)] for axis in order], degrees=True)

    x, y = p.get("pivot", (0.5, 0.5))
    pivot = np.array([x * width, y * height, 0.0])
    card = np.c_[points, np.zeros(len(points))] - pivot
    card = turn(p.get("rotate", (0, 0, 0))).apply(card * [*p.get("scale", (1, 1)), 1.0])
    space = card + pivot + p.get("position", (0, 0, 0))
    camera = np.array([width / 2, height / 2, -focal]) + p.get("camera_position", (0, 0, 0))
    view = turn(p.get("camera_rotate", (0, 0, 0))).inv()
    film = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    found, _ = cv2.projectPoints(space, view.as_rotvec(), -view.apply(camera), film, None)
    return np.asarray(found, np.float64).reshape(-1, 2)


def corners() -> Array:
    return np.array([[x, y] for x in (0.0, 20.0, 64.0) for y in (0.0, 11.0, 36.0)])


def _points_error(name: str) -> float:
    request = Context({}, Transform3D.seen, SIZE).request
    matrix = node(Transform3D, **CARDS[name]).motion(WHOLE, request).matrix
    moved = np.c_[corners(), np.ones(9)] @ matrix.T
    return largest(moved[:, :2] / moved[:, 2:], by_opencv(corners(), **CARDS[name]))


def _picture_error(name: str) -> float:
    """Enlarged, so that nothing is averaged; the homography is OpenCV's, of its own projected points."""
    params = {**CARDS[name], "scale": (3.0, 3.0), "filter": "bilinear"}
    frame = Frame(picture(4, *SIZE))
    ours = seen(frame, **params).filled(WHOLE)
    matrix, _ = cv2.findHomography(corners(), by_opencv(corners(), **params))
    return largest(ours, by_scipy(frame, np.asarray(matrix, np.float64), 1))


COMPARISONS = [
    *(Comparison("Transform3D", "OpenCV projectPoints", f"{name}, pixels", 1e-9, partial(_points_error, name))
      for name in CARDS),
    *(Comparison("Transform3D", "SciPy map_coordinates", f"bilinear, {name}", 2e-4, partial(_picture_error, name))
      for name in ("turned around y", "turned in zxy")),
]  # fmt: skip
