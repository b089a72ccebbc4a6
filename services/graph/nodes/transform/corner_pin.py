"""CornerPin."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import VIDEO, Boolean, Choice, Input, Matrix, Output, Request, Vector2
from artifex.nodes import Window as DataWindow
from services.graph.nodes.transform.moved import Moved
from services.graph.nodes.transform.regions import region_before
from services.graph.nodes.transform.shutter import shutter_angle, shutter_phase, shutter_samples
from services.graph.nodes.transform.warping import filter_choice

_FRACTION: Final = "fraction"
_CORNERS: Final = ("top_left", "top_right", "bottom_right", "bottom_left")


def _corner(x: float, y: float, doc: str) -> Vector2:
    return Vector2((x, y), minimum=-1e6, maximum=1e6, doc=doc)


class CornerPin(Moved):
    """Moves four corners of a picture to four points, as a plane in perspective.

    The projection that takes the four points "from" to the four points "to". Of the unit square to a quadrilateral
    p₀ p₁ p₂ p₃ it is, in homogeneous coordinates, (p₁ − p₀ + g p₁, p₃ − p₀ + h p₃, p₀; g, h, 1), where g and h solve
    g (p₁ − p₂) + h (p₃ − p₂) = p₀ − p₁ + p₂ − p₃ (P. S. Heckbert, Fundamentals of Texture Mapping and Image Warping,
    1989, section 2.2); here that of the one after the inverse of the other. Straight lines stay straight. The whole
    picture is moved, also what lies outside of the four points; Crop before it cuts. Points that make no quadrilateral
    (three in a line) leave nothing; of one with a corner that points inwards, what lies behind the eye is not shown.

    "invert" takes the picture back: what lies at "to" goes to "from". Filters, averaging where the picture shrinks, the
    shutter and joining with neighbours are those of Transform2D.

    Memory: the part of the input that is wanted, and the output's. Cost: one resampling, or one for each of the
    shutter's samples.
    """

    category = "Transform"
    resampling = 40.0

    video = Input(VIDEO, "The picture to pin.")
    pinned = Output(VIDEO, "The picture in its place.", name="video")

    top_left = _corner(0.0, 0.0, "Where the top left corner goes, in the chosen units.")
    top_right = _corner(1.0, 0.0, "Where the top right corner goes.")
    bottom_right = _corner(1.0, 1.0, "Where the bottom right corner goes.")
    bottom_left = _corner(0.0, 1.0, "Where the bottom left corner goes.")
    from_top_left = _corner(0.0, 0.0, "What is taken for the picture's top left corner.")
    from_top_right = _corner(1.0, 0.0, "What is taken for its top right corner.")
    from_bottom_right = _corner(1.0, 1.0, "What is taken for its bottom right corner.")
    from_bottom_left = _corner(0.0, 1.0, "What is taken for its bottom left corner.")
    units = Choice(_FRACTION, choices=(_FRACTION, "px"), doc="Parts of the document's width and height, or its pixels.")
    invert = Boolean(False, doc="The other way: takes a picture that is in its place back to the corners.")
    filter = filter_choice()
    shutter = shutter_angle()
    shutter_phase = shutter_phase()
    shutter_samples = shutter_samples()

    def region_needed(self, name: str, request: Request) -> DataWindow:
        motion = self.motion(request.format, request)
        return region_before(motion.shutter or (motion.matrix,), request)

    def stands(self) -> bool:
        return all(getattr(self, name) == getattr(self, f"from_{name}") for name in _CORNERS)

    def matrix(self, window: DataWindow, request: Request) -> Matrix:
        in_parts = self.units == _FRACTION
        size = (request.width, request.height) if in_parts else (float(request.scale),) * 2
        to, come_from = (
            np.array([getattr(self, prefix + name) for name in _CORNERS]) * size for prefix in ("", "from_")
        )
        if self.invert:
            to, come_from = come_from, to
        there, here = _square_to(to), _square_to(come_from)
        if there is None or here is None:
            return np.zeros((3, 3))
        matrix: Matrix = there @ np.linalg.inv(here)
        # The scale of homogeneous coordinates is free: 1 where the picture is, so that rounding is even.
        middle = matrix[2] @ [*come_from.mean(axis=0), 1.0]
        return matrix / middle if middle > 0.0 else matrix


def _square_to(corners: NDArray[np.float64]) -> Matrix | None:
    """The projection of the unit square to the corners, top left first, clockwise; None where there is none."""
    first, second, third, fourth = corners
    sides = np.stack([second - third, fourth - third], axis=1)
    size = float(np.abs(corners - corners.mean(axis=0)).max())
    if abs(np.linalg.det(sides)) <= 1e-12 * size * size:
        return None
    g, h = np.linalg.solve(sides, first - second + third - fourth)
    matrix = np.eye(3)
    matrix[:2, 0], matrix[:2, 1], matrix[:2, 2] = second - first + g * second, fourth - first + h * fourth, first
    matrix[2, :2] = g, h
    # A corner within the line of its neighbours makes the square a line.
    return matrix if abs(np.linalg.det(matrix)) > 1e-12 * size * size else None
