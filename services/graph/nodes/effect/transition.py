"""Transition."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from artifex.nodes import (
    MASK,
    VIDEO,
    Boolean,
    Choice,
    Color,
    Float,
    Frame,
    Input,
    Node,
    Output,
    Pixels,
    RenderContext,
    Request,
    Vector2,
)
from artifex.nodes import Window as DataWindow
from libs.kernels import mix, resample
from services.graph.nodes.effect import transition_orders as orders

DISSOLVE: Final = "dissolve"
WIPE: Final = "wipe"
IRIS: Final = "iris"
CLOCK: Final = "clock"
LUMA: Final = "luma"
DIP: Final = "dip"
PUSH: Final = "push"
SLIDE: Final = "slide"
REVEAL: Final = "reveal"
_MOVING: Final = frozenset({PUSH, SLIDE, REVEAL})
_LEAST_LUMA: Final = 1.0 / 256.0
"""Softness of a luma wipe: the step of a map in 8 bits."""
_DIRECTIONS: Final = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0)}


class Transition(Node):
    """Goes from one picture, a, to another, b, as far as `progress` says: a itself at 0, and b itself at 1.

    All of it is in premultiplied scene-linear light. With p the progress:

    - dissolve: a(1 − p) + b p, the mean of both exposures, as an optical printer makes it.
    - dip: a(1 − 2p) + C · 2p up to the middle, then C(2 − 2p) + b(2p − 1); C is the colour, over the whole document.
    - wipe, iris, clock, luma: a(1 − m) + b m with m = clip((p(1 + s) − o) / s, 0, 1), s the softness and o the order in
      which pixels turn, from 0 to 1. Of a wipe it grows along the angle from one corner of the frame to the other, of
      an iris from the centre to the farthest corner, of a clock around the centre from above, and a luma wipe is told
      it by the input `order`: dark first (without one it is a dissolve). The edge is never harder than a pixel.
    - push: b moves in and a out before it. slide: b moves in over a. reveal: a moves out from over b. Each moves by its
      frame's size times p, read bilinearly between pixels, so that both meet without a seam.

    The wipes are those of W3C SMIL 3.0, chapter 12, and SMPTE 258M: bar (1), ellipse (119), clock (201); pushWipe and
    slideWipe move. Eases of time are those of the keyframes.

    Memory: both pictures; of what moves, both once more. Cost: one pass, and for an order some 10 operations a pixel.
    """

    category = "Effect"
    main = "b"

    a = Input(VIDEO, "What is seen first.")
    b = Input(VIDEO, "What is seen last.")
    order = Input(MASK, "Of a luma wipe: where it is 0 b comes first, where it is 1 last.", required=False)
    crossed = Output(VIDEO, "The one on its way to the other.", name="video")

    kind = Choice(
        DISSOLVE,
        choices=(DISSOLVE, WIPE, IRIS, CLOCK, LUMA, DIP, PUSH, SLIDE, REVEAL),
        doc="How a becomes b.",
    )
    progress = Float(0.5, minimum=0, maximum=1, doc="0 is a, 1 is b; keyframes say when.")
    softness = Float(0.05, minimum=0, maximum=1, doc="Of an edge: the part of the way that it is wide.")
    angle = Float(0.0, unit="deg", doc="Where a wipe leads, 0 to the right, 90 down; where a clock starts, 0 above.")
    center = Vector2(
        (0.5, 0.5),
        minimum=-10,
        maximum=10,
        doc="Of iris and clock, on the document's frame: (0, 0) is the top left, (1, 1) the bottom right.",
    )
    shape = Choice(orders.CIRCLE, choices=orders.SHAPES, doc="Of an iris; a rectangle has the frame's proportions.")
    direction = Choice("left", choices=tuple(_DIRECTIONS), doc="Where pictures that move lead.")
    reverse = Boolean(False, doc="Wipe, iris, clock and luma turn the pixels in the opposite order.")
    color = Color(
        (0.0, 0.0, 0.0, 1.0), minimum=0, maximum=1, doc="What a dip goes through, display-encoded Rec.709, with alpha."
    )

    def identity(self, request: Request) -> str | None:
        return {0.0: "a", 1.0: "b"}.get(self.progress)

    def pointwise(self, request: Request) -> bool:
        return self.kind not in _MOVING

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        if self.kind == DIP and name == ("b" if self.progress <= 0.5 else "a"):
            return ()
        return () if name == "order" and self.kind != LUMA else (request.time,)

    def region_needed(self, name: str, request: Request) -> DataWindow:
        if self.kind not in _MOVING:
            return request.region
        region = request.region.intersect(request.format)
        a_shift, b_shift = self._shifts(request)
        x, y = a_shift if name == "a" else b_shift
        left, top = math.floor(region.x - x), math.floor(region.y - y)
        right, bottom = math.ceil(region.right - x), math.ceil(region.bottom - y)
        # A pixel more for reading between pixels.
        needed = DataWindow(left - 1, top - 1, right - left + 2, bottom - top + 2)
        return needed.intersect(request.format)

    def cost(self, request: Request) -> float:
        return {DISSOLVE: 3.0, DIP: 3.0, WIPE: 9.0, IRIS: 14.0, CLOCK: 14.0, LUMA: 6.0}.get(self.kind, 14.0)

    def render(self, context: RenderContext) -> Frame:
        if self.kind in _MOVING:
            return self._moved(context)
        region = context.request.region
        if self.kind == DIP:
            return self._dipped(context, region)
        a, b = context.read(self.a).crop(region), context.read(self.b).crop(region)
        window = a.window.union(b.window)
        if window.empty:
            return Frame.empty()
        pixels = mix(a.filled(window), b.filled(window), self._amount(context, window))
        return _crossed(pixels, window, opaque=a.opaque and b.opaque and a.window == b.window)

    def _amount(self, context: RenderContext, window: DataWindow) -> float | Pixels:
        """m over `window`."""
        request, softness = context.request, self.softness
        size = (request.width, request.height)
        centre = (self.center[0] * size[0], self.center[1] * size[1])
        pixel: float | orders.Numbers
        if self.kind == WIPE:
            order, pixel = orders.wipe(window, size, math.radians(math.fmod(self.angle, 360.0)))
        elif self.kind == IRIS:
            order, pixel = orders.iris(window, size, centre, self.shape)
        elif self.kind == CLOCK:
            order, pixel = orders.clock(window, size, centre, math.radians(math.fmod(self.angle, 360.0)))
        elif self.kind == LUMA and context.connected(self.order):
            order, pixel = np.clip(context.read(self.order).filled(window)[..., 0], 0.0, 1.0), _LEAST_LUMA
        else:
            return self.progress
        if self.reverse:
            order = np.float32(1.0) - order
        return orders.shares(order, self.progress, np.maximum(np.float32(softness), pixel))

    def _dipped(self, context: RenderContext, region: DataWindow) -> Frame:
        request = context.request
        first = self.progress <= 0.5
        frame = context.read(self.a if first else self.b).crop(region)
        painted = request.format.intersect(region)
        window = frame.window.union(painted)
        if window.empty:
            return Frame.empty()
        alpha = self.color[3]
        colour = np.array([*context.colour.from_display(self.color[:3]), 1.0], np.float32) * np.float32(alpha)
        paint = np.zeros((window.height, window.width, 4), np.float32)
        paint[painted.inside(window)] = colour
        amount = 2.0 * self.progress if first else 2.0 - 2.0 * self.progress
        pixels = mix(frame.filled(window), paint, amount, out=paint)
        opaque = frame.opaque and frame.window == window == painted and alpha == 1.0
        return _crossed(pixels, window, opaque=opaque)

    def _moved(self, context: RenderContext) -> Frame:
        request = context.request
        window = request.region.intersect(request.format)
        if window.empty:
            return Frame.empty()
        a_shift, b_shift = self._shifts(request)
        a = context.read(self.a).crop(request.format)
        b = context.read(self.b).crop(request.format)
        below = _shifted(a, a_shift, window, context.threads)
        above = _shifted(b, b_shift, window, context.threads)
        opaque = all(_fills(frame, self.region_needed(name, request)) for name, frame in (("a", a), ("b", b)))
        if self.kind != PUSH:
            # The frame that lies above hides the other where it is, whatever it shows there.
            x, y = b_shift if self.kind == SLIDE else a_shift
            if self.kind == REVEAL:
                below, above = above, below
            hidden = _covered(window, request, x, y)
            below *= np.float32(1.0) - hidden
        below += above
        return _crossed(below, window, opaque=opaque)

    def _shifts(self, request: Request) -> tuple[tuple[float, float], tuple[float, float]]:
        """By how many pixels a and b have moved from their places."""
        across, down = _DIRECTIONS[self.direction]
        width, height = request.width * across, request.height * down
        gone, to_come = self.progress, self.progress - 1.0
        a_part = 0.0 if self.kind == SLIDE else gone
        b_part = 0.0 if self.kind == REVEAL else to_come
        return (width * a_part, height * a_part), (width * b_part, height * b_part)


def _fills(frame: Frame, needed: DataWindow) -> bool:
    return needed.empty or (frame.opaque and frame.window.contains(needed))


def _crossed(pixels: Pixels, window: DataWindow, *, opaque: bool) -> Frame:
    if opaque:
        # The shares' sum is 1 up to rounding.
        pixels[..., 3] = 1.0
    return Frame(pixels, window.x, window.y, opaque)


def _shifted(frame: Frame, shift: tuple[float, float], window: DataWindow, threads: int) -> Pixels:
    """The frame moved, read bilinearly, over `window`."""
    if frame.window.empty:
        return np.zeros((window.height, window.width, 4), np.float32)
    back = np.array([[1.0, 0.0, -shift[0]], [0.0, 1.0, -shift[1]], [0.0, 0.0, 1.0]])
    size, origin = (window.height, window.width), (window.x, window.y)
    return resample(frame.pixels, back, size, origin, (frame.x, frame.y), "bilinear", threads=threads)


def _covered(window: DataWindow, request: Request, x: float, y: float) -> Pixels:
    """How much of each pixel the document's frame, moved by (x, y), covers as bilinear reading has it."""
    columns = np.clip(window.x + np.arange(window.width) + 1.0 - x, 0.0, 1.0)
    columns *= np.clip(x + request.width - window.x - np.arange(window.width), 0.0, 1.0)
    rows = np.clip(window.y + np.arange(window.height) + 1.0 - y, 0.0, 1.0)
    rows *= np.clip(y + request.height - window.y - np.arange(window.height), 0.0, 1.0)
    covered: Pixels = (rows[:, None] * columns[None, :]).astype(np.float32)[..., None]
    return covered
