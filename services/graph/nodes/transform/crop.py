"""Crop."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import VIDEO, Choice, Float, Frame, Input, Node, Output, RenderContext, Request, Vector2
from artifex.nodes import Window as DataWindow
from libs import kernels
from libs.kernels.weights import REACH
from services.graph.nodes.transform.warping import FILTERS

_KEEP: Final = "keep"
_CORNER: Final = "corner"
_FRAME: Final = "frame"
_FRACTION: Final = "fraction"
_ROUNDING: Final = 1e-6
"""Pixels by which a part of the document's size may miss a whole pixel and still mean it."""


class Crop(Node):
    """Cuts a picture to a box; outside it is transparent black.

    A pixel of the document at column i and row j is multiplied by w(i) · w(j), where w is the mean over the pixel of a
    ramp: 0 at the box's edge, 1 from the softness inwards. Without softness that is the part of the pixel that the box
    covers, so a box moves smoothly by parts of a pixel, and one of whole pixels changes nothing inside. The softness is
    at most half the box. The ramp's mean is exact, from its integral x²/2; colour is premultiplied, so the edge gets no
    fringe.

    "keep" leaves the picture where it is; "corner" moves the box's corner to the document's, by whole pixels; "frame"
    makes the box as large as the document's frame, whatever its shape, as Transform2D resamples. The frame's edge is
    then a sharp one: what lies next to the box is read there, too, unless there is softness.

    Memory: the part inside the box. Cost: a copy of it; a multiplication where the edge is soft or cuts pixels; a
    resampling where it fills the frame.
    """

    category = "Transform"
    version = "1.1.0"

    video = Input(VIDEO, "The picture.")
    cropped = Output(VIDEO, "What is inside the box.", name="video")

    top_left = Vector2((0.0, 0.0), minimum=-1e6, maximum=1e6, doc="The box's left and top, in the chosen units.")
    bottom_right = Vector2((1.0, 1.0), minimum=-1e6, maximum=1e6, doc="The box's right and bottom.")
    units = Choice(_FRACTION, choices=(_FRACTION, "px"), doc="Parts of the document's width and height, or its pixels.")
    softness = Float(0.0, minimum=0, maximum=10_000, unit="px", doc="Width of the fade inside the box's edge.")
    transform = Choice(
        _KEEP,
        choices=(_KEEP, _CORNER, _FRAME),
        doc="Whether the picture stays, the box goes to (0, 0), or it fills the document's frame.",
    )
    filter = Choice(
        "cubic", choices=tuple(FILTERS), doc="How pixels between pixels are found where it fills the frame."
    )

    def identity(self, request: Request) -> str | None:
        if self.transform != _KEEP or self.softness > 0.0:
            return None
        left, top, right, bottom = self._box(request)
        region = request.region
        inside = left <= region.x and top <= region.y and region.right <= right and region.bottom <= bottom
        return "video" if inside else None

    def region_needed(self, name: str, request: Request) -> DataWindow:
        if self.transform == _FRAME:
            return self._read(request)
        x, y = self._shift(request)
        region = request.region
        return DataWindow(region.x - x, region.y - y, region.width, region.height).intersect(self._pixels(request))

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        frame = context.read(self.video).crop(self.region_needed("video", request))
        if self.transform == _FRAME:
            return self._filling(frame, request, context.threads)
        shown = self._cut(frame, request)
        x, y = self._shift(request)
        return Frame(shown.pixels, shown.x + x, shown.y + y, shown.opaque)

    def cost(self, request: Request) -> float:
        return 12.0 if self.transform == _FRAME else 3.3

    def _cut(self, frame: Frame, request: Request) -> Frame:
        """What is inside the box, faded at its edge."""
        if frame.window.empty:
            return Frame.empty(frame.channels)
        left, top, right, bottom = self._box(request)
        soft = self.softness * float(request.scale)
        window = frame.window
        across = _weights(window.x, window.width, left, right, soft)
        down = _weights(window.y, window.height, top, bottom, soft)
        if across.min() == down.min() == 1.0:
            return frame
        pixels = frame.pixels.copy()
        # Only the fade: inside it, pixels stay bit by bit.
        columns, rows = np.flatnonzero(across != 1.0), np.flatnonzero(down != 1.0)
        pixels[:, columns] *= across[columns].astype(np.float32)[None, :, None]
        pixels[rows] *= down[rows].astype(np.float32)[:, None, None]
        return Frame(pixels, frame.x, frame.y)

    def _filling(self, frame: Frame, request: Request, threads: int) -> Frame:
        """The box as large as the document's frame, as far as it is wanted."""
        left, top, right, bottom = self._box(request)
        window = request.region.intersect(request.format)
        if self.softness > 0.0:
            frame = self._cut(frame.crop(self._pixels(request)), request)
        if window.empty or frame.window.empty or right <= left or bottom <= top:
            return Frame.empty(frame.channels)
        across, down = (right - left) / request.width, (bottom - top) / request.height
        filter = FILTERS[self.filter]
        # A point on the border of two pixels belongs to the right and lower one, in whatever tile it is computed.
        tie = _ROUNDING if filter == "nearest" else 0.0
        inverse = np.array([[across, 0.0, left + tie], [0.0, down, top + tie], [0.0, 0.0, 1.0]])
        size, origin = (window.height, window.width), (window.x, window.y)
        pixels = kernels.project(frame.pixels, inverse, size, origin, (frame.x, frame.y), filter, threads=threads)
        coverage = pixels[..., -1]
        np.clip(coverage, 0.0, 1.0, out=coverage)
        return Frame(pixels, window.x, window.y)

    def _read(self, request: Request) -> DataWindow:
        """What a box that fills the frame is made of: its pixels, and those that a filter reads beside them."""
        window = self._pixels(request)
        if window.empty:
            return window
        step = max(1.0, window.width / request.width, window.height / request.height)
        return window.grown(math.ceil(REACH[FILTERS[self.filter]] * step) + 1).intersect(request.surroundings)

    def _box(self, request: Request) -> tuple[float, float, float, float]:
        """Left, top, right and bottom in pixels of the request."""
        in_parts = self.units == _FRACTION
        across, down = (request.width, request.height) if in_parts else (float(request.scale),) * 2
        (left, top), (right, bottom) = self.top_left, self.bottom_right
        return _whole(left * across), _whole(top * down), _whole(right * across), _whole(bottom * down)

    def _pixels(self, request: Request) -> DataWindow:
        """The pixels that the box touches."""
        left, top, right, bottom = self._box(request)
        x, y = math.floor(left), math.floor(top)
        return DataWindow(x, y, max(0, math.ceil(right) - x), max(0, math.ceil(bottom) - y))

    def _shift(self, request: Request) -> tuple[int, int]:
        if self.transform == _KEEP:
            return 0, 0
        box = self._pixels(request)
        return -box.x, -box.y


def _whole(place: float) -> float:
    """`place`, or the pixels' edge that it misses by no more than rounding."""
    edge = float(round(place))
    return edge if abs(place - edge) < _ROUNDING else place


def _weights(first: int, count: int, low: float, high: float, soft: float) -> NDArray[np.float64]:
    """w of `count` pixels from `first` on, for a box from `low` to `high`."""
    soft = min(soft, (high - low) / 2)
    edges = np.arange(first, first + count + 1, dtype=np.float64)
    covered = _ramp_integral(edges - low, soft) - _ramp_integral(edges - (high - soft), soft)
    return np.clip(np.diff(covered), 0.0, 1.0)


def _ramp_integral(x: NDArray[np.float64], soft: float) -> NDArray[np.float64]:
    """The integral up to x of a ramp from 0 at 0 to 1 at `soft`."""
    if soft <= 0.0:
        return np.maximum(x, 0.0)
    inside = np.clip(x, 0.0, soft)
    return inside * inside / (2.0 * soft) + np.maximum(x - soft, 0.0)
