"""Transform2D."""

import math

import numpy as np

from artifex.nodes import VIDEO, Float, Input, Matrix, Output, Request, Vector2
from artifex.nodes import Window as DataWindow
from services.graph.nodes.transform.moved import Turned, cosine_and_sine, pivot_base, pivot_place, scale_factors
from services.graph.nodes.transform.shutter import shutter_angle, shutter_phase, shutter_samples
from services.graph.nodes.transform.warping import filter_choice


class Transform2D(Turned):
    """Moves, turns and scales a picture in its plane.

    A point p of the input goes to q = pivot + translate + R(rotate) · S(scale) · (p − pivot), in pixels, where x grows
    right and y down; a positive angle turns clockwise as seen. Each new pixel is read where its centre comes from,
    filtered in premultiplied scene-linear light, so edges get no dark or bright seams; beyond the input's window lies
    transparent black, so they become soft. Filters are bilinear, cubic convolution (R. G. Keys, Cubic Convolution
    Interpolation for Digital Image Processing, 1981, a = −½), the one of D. P. Mitchell and A. N. Netravali
    (Reconstruction Filters in Computer Graphics, 1988, B = C = ⅓), which rings least, and Lanczos' windowed sinc of 4
    pixels to each side, which is the sharpest; box is the mean of the pixels' areas. Where the picture gets smaller, a
    filter is as wide as what becomes one pixel, across and down apart, so that fine detail does not alias (P. S.
    Heckbert, Fundamentals of Texture Mapping and Image Warping, 1989); nearest takes one pixel all the same. Moves by
    whole pixels, mirrors and right angles copy pixels unchanged. Several of these nodes in a row are one resampling, by
    the last one's filter.

    With a shutter the picture blurs as it moves: it is the mean of the pictures at the middles of equal parts of the
    time that the shutter is open, which the parameters' own keys and expressions tell. What does not move meanwhile
    stays sharp, and costs no more.

    Memory: the input's window and the output's, cut to what is wanted; of an enlarged picture that is moved again, at
    most a document's size beyond the document is kept. Cost: one resampling of the output's window, of 1, 4, 16 or 64
    samples a pixel, or as many as the input has where it shrinks, and one for each of the shutter's samples; a small
    picture costs little in a large document.
    """

    category = "Transform"
    version = "1.2.0"
    resampling = 9.0

    video = Input(VIDEO, "The picture to move.")
    moved = Output(VIDEO, "The moved picture.", name="video")

    translate = Vector2((0.0, 0.0), minimum=-1e6, maximum=1e6, unit="px", doc="How far it moves, right and down.")
    rotate = Float(0.0, unit="deg", doc="Clockwise turn around the pivot.")
    scale = scale_factors()
    pivot = pivot_place()
    pivot_of = pivot_base()
    filter = filter_choice()
    shutter = shutter_angle()
    shutter_phase = shutter_phase()
    shutter_samples = shutter_samples()

    def stands(self) -> bool:
        return self.translate == (0.0, 0.0) and self.scale == (1.0, 1.0) and math.fmod(self.rotate, 360.0) == 0.0

    def matrix(self, window: DataWindow, request: Request) -> Matrix:
        pivot_x, pivot_y = self.pivot_at(window, request)
        cos, sin = cosine_and_sine(self.rotate)
        scale_x, scale_y = self.scale
        turn = np.array([[cos * scale_x, -sin * scale_y, 0.0], [sin * scale_x, cos * scale_y, 0.0], [0.0, 0.0, 1.0]])
        proxy = float(request.scale)
        to = _shift(pivot_x + self.translate[0] * proxy, pivot_y + self.translate[1] * proxy)
        matrix: Matrix = to @ turn @ _shift(-pivot_x, -pivot_y)
        return matrix


def _shift(x: float, y: float) -> Matrix:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])
