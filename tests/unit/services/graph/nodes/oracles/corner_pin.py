"""CornerPin beside OpenCV's homography, SciPy's bilinear sampling by it, and OpenImageIO's warp."""

from functools import partial
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
from scipy import ndimage

from artifex.nodes import Frame, Window
from services.graph.nodes.transform.corner_pin import CornerPin
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import Array, array, buffer
from tests.unit.services.graph.support import Context, node, picture

SIZE = (64, 36)
WHOLE = Window(0, 0, *SIZE)
NAMES = ("top_left", "top_right", "bottom_right", "bottom_left")

PINS: dict[str, tuple[list[tuple[float, float]], list[tuple[float, float]]]] = {
    "a wall": ([(0, 0), (64, 0), (64, 36), (0, 36)], [(-20, -15), (110, -40), (120, 110), (-15, 80)]),
    "a floor": ([(0, 0), (64, 0), (64, 36), (0, 36)], [(-10.5, 4.2), (74.1, 2.7), (130.0, 60.0), (-70.0, 64.0)]),
    "of a quadrilateral": ([(18, 9), (48, 6), (52, 29), (14, 31)], [(2.5, 1.5), (61, 3), (63, 34), (1, 32)]),
}


def params_of(come_from: Any, to: Any, **params: Any) -> dict[str, Any]:
    corners = {f"from_{name}": tuple(map(float, at)) for name, at in zip(NAMES, come_from, strict=True)}
    return {"units": "px", **corners, **{name: tuple(map(float, at)) for name, at in zip(NAMES, to, strict=True)},
            **params}  # fmt: skip


def pinned(frame: Frame, come_from: Any, to: Any, **params: Any) -> Frame:
    return applied(node(CornerPin, **params_of(come_from, to, **params)), {"video": frame}, SIZE)


def homography(come_from: Any, to: Any) -> Array:
    found = cv2.getPerspectiveTransform(np.array(come_from, np.float32), np.array(to, np.float32))
    return np.asarray(found, np.float64)


def plate(seed: int = 1) -> Frame:
    return Frame(picture(seed, *SIZE))


def by_scipy(frame: Frame, matrix: Array, order: int) -> Array:
    """The picture read where the matrix' inverse says, at pixels' centres."""
    x, y = np.meshgrid(np.arange(WHOLE.width) + 0.5, np.arange(WHOLE.height) + 0.5)
    u, v, w = np.einsum("ij,jhw->ihw", np.linalg.inv(matrix), np.stack([x, y, np.ones_like(x)]))
    at = [v / w - 0.5 - frame.y, u / w - 0.5 - frame.x]
    channels = [
        ndimage.map_coordinates(frame.pixels[..., c].astype(np.float64), at, order=order, mode="grid-constant",
                                prefilter=False)
        for c in range(4)
    ]  # fmt: skip
    return np.where(w[..., None] > 0, np.stack(channels, -1), 0.0)


def _matrix_error(name: str) -> float:
    come_from, to = PINS[name]
    request = Context({}, CornerPin.pinned, SIZE).request
    motion = node(CornerPin, **params_of(come_from, to)).motion(WHOLE, request)
    theirs = homography(come_from, to)
    points = np.array([[x, y, 1.0] for x in (5, 32, 60) for y in (3, 18, 34)])
    ours, expected = points @ motion.matrix.T, points @ theirs.T
    return largest(ours[:, :2] / ours[:, 2:], expected[:, :2] / expected[:, 2:])


def _scipy_error(name: str, filter: str, order: int) -> float:
    return largest(pinned(plate(), *PINS[name], filter=filter).filled(WHOLE),
                   by_scipy(plate(), homography(*PINS[name]), order))  # fmt: skip


def _invert_error() -> float:
    come_from, to = PINS["of a quadrilateral"]
    ours = pinned(plate(2), to, come_from, filter="bilinear", invert=True).filled(WHOLE)
    return largest(ours, by_scipy(plate(2), homography(come_from, to), 1))


def _oiio_error(ours: str, theirs: str, width: float) -> float:
    frame = plate(3)
    matrix = homography(*PINS["a wall"])
    result = oiio.ImageBufAlgo.warp(
        buffer(frame.pixels), tuple((matrix / matrix[2, 2]).T.ravel().tolist()), theirs, width, wrap="black",
        roi=oiio.ROI(0, SIZE[0], 0, SIZE[1]),
    )  # fmt: skip
    expected = array(result)
    expected[..., 3] = np.clip(expected[..., 3], 0, 1)
    return largest(pinned(frame, *PINS["a wall"], filter=ours).filled(WHOLE), expected)


COMPARISONS = [
    *(Comparison("CornerPin", "OpenCV getPerspectiveTransform", f"{name}, pixels", 1e-4, partial(_matrix_error, name))
      for name in PINS),
    *(Comparison("CornerPin", "SciPy map_coordinates", f"bilinear, {name}", 4e-5, partial(_scipy_error, name,
                                                                                         "bilinear", 1))
      for name in ("a wall", "of a quadrilateral")),
    Comparison("CornerPin", "SciPy map_coordinates", "bilinear, taken back", 4e-5, _invert_error),
    *(Comparison("CornerPin", "OpenImageIO warp", f"{ours}, a wall", 5e-5, partial(_oiio_error, ours, theirs, width))
      for ours, theirs, width in (("bilinear", "triangle", 2.0), ("cubic", "catmull-rom", 4.0),
                                  ("mitchell", "mitchell", 4.0))),
]  # fmt: skip
