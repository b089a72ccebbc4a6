"""Transform3D."""

import math
from itertools import permutations
from typing import Final

import numpy as np

from artifex.nodes import VIDEO, Choice, Float, Input, Matrix, Output, Request, Triple, Vector3
from artifex.nodes import Window as DataWindow
from services.graph.nodes.transform.moved import Turned, cosine_and_sine, pivot_base, pivot_place, scale_factors
from services.graph.nodes.transform.shutter import shutter_angle, shutter_phase, shutter_samples
from services.graph.nodes.transform.warping import filter_choice

_ORDERS: Final = tuple("".join(order) for order in permutations("xyz"))
_FOCAL: Final = "focal_length"
_STILL: Final = (0.0, 0.0, 0.0)


def _place(doc: str) -> Vector3:
    return Vector3(_STILL, minimum=-1e6, maximum=1e6, unit="px", doc=doc)


class Transform3D(Turned):
    """Places a picture as a flat card in space, seen by a camera.

    x grows right, y down and z away from the camera, in pixels of the document. A point p of the picture is in space
    at P = pivot + position + R · S(scale) · (p − pivot); R turns around the axes one after the other, in the chosen
    order: "xyz" first around x, then y, then z, all of them fixed. Positive angles turn y to z, z to x, and x to y,
    which is clockwise as seen. The camera at C, turned by Q in the same way, sees the point at (f x/z, f y/z) from the
    document's middle, where (x, y, z) = Qᵀ (P − C): the pinhole camera (R. Hartley and A. Zisserman, Multiple View
    Geometry in Computer Vision, second edition, 2004, chapter 6). f is the document's width times focal length over
    film back, or half the width over the tangent of half the field of view. From its own place, camera position
    (0, 0, 0), every lens sees the document's frame at z = 0 as it is: a longer lens shows less perspective, not less
    of the picture. What is at the camera or behind it is not seen.

    "backface" hides a card that shows its back; else one sees through it, mirrored. Filters, averaging where the card
    shrinks, the shutter and joining with neighbours, so that one resampling does all, are those of Transform2D.

    Memory: the input's window and the output's, cut to what is wanted. Cost: one resampling of the output's window, or
    one for each of the shutter's samples.
    """

    category = "Transform"
    resampling = 40.0

    video = Input(VIDEO, "The picture on the card.")
    seen = Output(VIDEO, "What the camera sees.", name="video")

    position = _place("How far the card is moved right, down and away.")
    rotate = Vector3(_STILL, unit="deg", doc="Turns of the card around the x, y and z axes through its pivot.")
    rotation_order = Choice(
        "xyz", choices=_ORDERS, doc="Around which axis card and camera turn first, second and last."
    )
    scale = scale_factors()
    pivot = pivot_place()
    pivot_of = pivot_base()
    lens = Choice(_FOCAL, choices=(_FOCAL, "field_of_view"), doc="What says how wide the camera sees.")
    focal_length = Float(50.0, minimum=1, maximum=10_000, unit="mm", doc="From the lens to the film.")
    film_back = Float(36.0, minimum=1, maximum=1000, unit="mm", doc="Width of the film.")
    field_of_view = Float(39.6, minimum=0.1, maximum=179, unit="deg", doc="Angle that the frame's width is seen under.")
    camera_position = _place("How far the camera is moved right, down and forward.")
    camera_rotate = Vector3(_STILL, unit="deg", doc="Turns of the camera around its own place.")
    backface = Choice("visible", choices=("visible", "hidden"), doc="What is seen of a card that shows its back.")
    filter = filter_choice()
    shutter = shutter_angle()
    shutter_phase = shutter_phase()
    shutter_samples = shutter_samples()

    def stands(self) -> bool:
        moved = (self.position, self.rotate, self.camera_position, self.camera_rotate)
        return all(found == _STILL for found in moved) and self.scale == (1.0, 1.0)

    def matrix(self, window: DataWindow, request: Request) -> Matrix:
        proxy = float(request.scale)
        pivot = np.array([*self.pivot_at(window, request), 0.0])
        middle = np.array([request.width / 2, request.height / 2, 0.0])
        focal = self._focal() * request.width
        turn, look = self._turn(self.rotate), self._turn(self.camera_rotate)
        camera = middle + np.multiply(self.camera_position, proxy) - [0.0, 0.0, focal]
        card = turn * [*self.scale, 1.0]
        origin = pivot + np.multiply(self.position, proxy) - card @ pivot
        if self.backface == "hidden" and turn[:, 2] @ (pivot + np.multiply(self.position, proxy) - camera) <= 0.0:
            return np.zeros((3, 3))
        # What the camera sees of the point (x, y) of the card, as columns for x, y and 1.
        eye = look.T @ np.stack([card[:, 0], card[:, 1], origin - camera], axis=1)
        film = np.array([[focal, 0.0, middle[0]], [0.0, focal, middle[1]], [0.0, 0.0, 1.0]])
        matrix: Matrix = film @ eye / focal
        return matrix

    def _focal(self) -> float:
        """The focal length in widths of the document."""
        if self.lens == _FOCAL:
            return self.focal_length / self.film_back
        return 0.5 / math.tan(math.radians(self.field_of_view) / 2)

    def _turn(self, degrees: Triple) -> Matrix:
        result: Matrix = np.eye(3)
        for axis in self.rotation_order:
            result = _around("xyz".index(axis), degrees["xyz".index(axis)]) @ result
        return result


def _around(axis: int, degrees: float) -> Matrix:
    """A turn around an axis that takes the next axis towards the one after it."""
    cos, sin = cosine_and_sine(degrees)
    turn = np.eye(3)
    second, third = (axis + 1) % 3, (axis + 2) % 3
    turn[second, second] = turn[third, third] = cos
    turn[third, second], turn[second, third] = sin, -sin
    return turn
