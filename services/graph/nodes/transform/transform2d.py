"""Transform2D."""

import math
from typing import Final, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from artifex.nodes import (
    VIDEO,
    Choice,
    Filter,
    Float,
    Frame,
    Input,
    Motion,
    Node,
    Output,
    RenderContext,
    Request,
    Vector2,
)
from artifex.nodes import Window as DataWindow

FILTERS: Final[tuple[Filter, ...]] = get_args(Filter)
_FILTERS: Final = {
    "nearest": (cv2.INTER_NEAREST, 0),
    "bilinear": (cv2.INTER_LINEAR, 1),
    "cubic": (cv2.INTER_CUBIC, 2),
    "mitchell": (cv2.INTER_CUBIC, 2),
    "lanczos4": (cv2.INTER_LANCZOS4, 4),
}
"""OpenCV's filter, and how many pixels it reaches beyond the nearest."""

Matrix = NDArray[np.float64]


class Transform2D(Node):
    """Moves, turns and scales a picture in its plane.

    A point p of the input goes to q = pivot + translate + R(rotate) · S(scale) · (p − pivot), in pixels, where x grows
    right and y down; a positive angle turns clockwise as seen. Each new pixel is read where its centre comes from,
    filtered in premultiplied scene-linear light, so edges get no dark or bright seams; beyond the input's window lies
    transparent black, so they become soft. Filters are OpenCV's: bilinear, cubic convolution (Keys 1981, a = −0.75) and
    Lanczos with a support of 8. Where the picture gets smaller than half, it is first averaged down by whole factors,
    so that fine detail does not alias. Whole-pixel moves copy pixels unchanged.

    Memory: the input's window and the output's, cut to what is wanted; of an enlarged picture that is moved again, at
    most a document's size beyond the document is kept. Cost: one resampling of the output's window; a small picture
    costs little in a large document.
    """

    category = "Transform"

    video = Input(VIDEO, "The picture to move.")
    moved = Output(VIDEO, "The moved picture.", name="video")

    translate = Vector2((0.0, 0.0), minimum=-1e6, maximum=1e6, unit="px", doc="How far it moves, right and down.")
    rotate = Float(0.0, unit="deg", doc="Clockwise turn around the pivot.")
    scale = Vector2((1.0, 1.0), minimum=-100, maximum=100, doc="Size across and down; negative mirrors.")
    pivot = Vector2(
        (0.5, 0.5),
        minimum=-1000,
        maximum=1000,
        doc="The point that turning and scaling leave in place: (0, 0) is the top left, (1, 1) the bottom right.",
    )
    pivot_of = Choice(
        "input",
        choices=("input", "frame"),
        doc="Whether the pivot is measured on the input's own pixels or on the document's frame.",
    )
    filter = Choice("cubic", choices=FILTERS, doc="How pixels between pixels are found.")

    def identity(self, request: Request) -> str | None:
        still = self.translate == (0.0, 0.0) and self.scale == (1.0, 1.0) and math.fmod(self.rotate, 360.0) == 0.0
        return "video" if still else None

    def region_needed(self, name: str, request: Request) -> DataWindow:
        # The pivot is measured on the whole input, so the region that is wanted cannot be traced back.
        return request.surroundings

    def motion(self, window: DataWindow, request: Request) -> Motion:
        return Motion(self.matrix(window, request), FILTERS[FILTERS.index(self.filter)])

    def render(self, context: RenderContext) -> Frame:
        frame = context.read(self.video)
        if frame.window.empty or 0.0 in self.scale:
            return Frame.empty()
        return warp(frame, self.matrix(frame.window, context.request), self.filter, context.request.region)

    def matrix(self, window: DataWindow, request: Request) -> Matrix:
        """The way of a point from the input to the output, 3 by 3."""
        base = window if self.pivot_of == "input" else request.format
        pivot_x = base.x + self.pivot[0] * base.width
        pivot_y = base.y + self.pivot[1] * base.height
        angle = math.radians(math.fmod(self.rotate, 360.0))
        cos, sin = _exact(math.cos(angle)), _exact(math.sin(angle))
        scale_x, scale_y = self.scale
        turn = np.array([[cos * scale_x, -sin * scale_y, 0.0], [sin * scale_x, cos * scale_y, 0.0], [0.0, 0.0, 1.0]])
        proxy = float(request.scale)
        to = _shift(pivot_x + self.translate[0] * proxy, pivot_y + self.translate[1] * proxy)
        result: Matrix = to @ turn @ _shift(-pivot_x, -pivot_y)
        return result


def warp(frame: Frame, matrix: Matrix, filter_name: str, region: DataWindow) -> Frame:
    """`frame` moved by `matrix`, as far as it falls into `region`."""
    whole = _whole_pixel_shift(matrix)
    if whole is not None:
        return Frame(frame.pixels, frame.x + whole[0], frame.y + whole[1], frame.opaque).crop(region)
    method, reach = _FILTERS[filter_name]
    frame, matrix = _averaged_down(frame, matrix)
    target = _bounds(frame.window, matrix, reach).intersect(region)
    if target.empty:
        return Frame.empty(frame.channels)
    # OpenCV counts from pixel centres: pixel (0, 0) of the document has its centre at (½, ½).
    source_to_target = _shift(-0.5 - target.x, -0.5 - target.y) @ matrix @ _shift(frame.x + 0.5, frame.y + 0.5)
    pixels = cv2.warpAffine(
        frame.pixels,
        np.linalg.inv(source_to_target)[:2],
        (target.width, target.height),
        flags=method | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0.0, 0.0, 0.0, 0.0),
    )
    result = np.asarray(pixels, dtype=np.float32).reshape(target.height, target.width, frame.channels)
    if reach > 1:
        # Cubic and Lanczos ring beyond an edge; coverage stays a coverage.
        coverage = result[..., -1]
        np.clip(coverage, 0.0, 1.0, out=coverage)
    return Frame(result, target.x, target.y)


def _averaged_down(frame: Frame, matrix: Matrix) -> tuple[Frame, Matrix]:
    """The frame averaged by whole factors where `matrix` shrinks it below half, and what is left to do."""
    factors = [max(1, int(1.0 / max(float(np.hypot(matrix[0, axis], matrix[1, axis])), 1e-6))) for axis in (0, 1)]
    width, height = frame.window.width, frame.window.height
    across, down = min(factors[0], width), min(factors[1], height)
    if across < 2 and down < 2:
        return frame, matrix
    # Padded with transparent black to whole multiples, so that every pixel weighs the same.
    padded = DataWindow(frame.x, frame.y, -(-width // across) * across, -(-height // down) * down)
    size = (padded.width // across, padded.height // down)
    small = cv2.resize(frame.filled(padded), size, interpolation=cv2.INTER_AREA)
    pixels = np.asarray(small, dtype=np.float32).reshape(size[1], size[0], frame.channels)
    grow = np.diag([float(across), float(down), 1.0])
    return Frame(pixels), matrix @ _shift(frame.x, frame.y) @ grow


def _bounds(window: DataWindow, matrix: Matrix, reach: int) -> DataWindow:
    """The pixels that the moved window touches, with the filter's reach."""
    grown = window.grown(reach)
    corners = np.array([[x, y, 1.0] for x in (grown.x, grown.right) for y in (grown.y, grown.bottom)], dtype=np.float64)
    moved = corners @ matrix.T
    low = [math.floor(max(value, -1e7)) for value in moved[:, :2].min(axis=0)]
    high = [math.ceil(min(value, 1e7)) for value in moved[:, :2].max(axis=0)]
    return DataWindow(low[0], low[1], max(0, high[0] - low[0]), max(0, high[1] - low[1]))


def _whole_pixel_shift(matrix: Matrix) -> tuple[int, int] | None:
    x, y = matrix[0, 2], matrix[1, 2]
    moves_only = np.array_equal(matrix[:2, :2], np.eye(2)) and x == round(x) and y == round(y)
    return (int(x), int(y)) if moves_only and max(abs(x), abs(y)) < 1e7 else None


def _shift(x: float, y: float) -> Matrix:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def _exact(value: float) -> float:
    """Sines of right angles as they are, not as floats next to them."""
    return float(round(value)) if abs(value - round(value)) < 1e-15 else value
