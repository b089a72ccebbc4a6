"""Mask."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from artifex.nodes import (
    MASK,
    VIDEO,
    Boolean,
    Choice,
    Colour,
    Column,
    Float,
    Frame,
    Input,
    Integer,
    Node,
    Output,
    Pair,
    Pixels,
    Points,
    RenderContext,
    Request,
    Vector2,
)
from artifex.nodes import Window as DataWindow
from libs.kernels import gradient, range_key
from libs.kernels.masking import Place
from services.graph.nodes.shapes.combining import COMBINATIONS, UNION, finished
from services.graph.nodes.shapes.outlines import ELLIPSE, SHAPES, Shape, pixels_around, turn
from services.graph.nodes.shapes.painting import shape_mask
from services.graph.nodes.shapes.softening import softened, softening_reach

_LINEAR: Final = "linear_gradient"
_RADIAL: Final = "radial_gradient"
_LUMA: Final = "luma"
_CHANNELS: Final = ("red", "green", "blue", "alpha")
_STRAIGHT: Final = "linear"
_SMOOTH: Final = "smooth"
_LIGHT: Final = "linear"
_STOPS: Final = "stops"
_NOTHING: Final = 1e-9
"""Of a gradient's length, or an ellipse's width or height, the square, in pixels, that is none."""
_NONE: Final = np.zeros((1, 1, 4), np.float32)
"""What lies outside of a picture."""


class Mask(Node):
    """Makes a mask: a shape, a gradient, or what is bright, or opaque, in a picture.

    Shapes (ellipse, rectangle, polygon, star) stand around the centre, as large as the size says, turned clockwise.
    They cover exactly the part of each pixel that lies inside. With a feather and d the distance to the outline, below
    0 inside, the mask is u = (outwards − d) / (inwards + outwards), from 0 to 1, at the centre of the pixel; corners
    are round outside, as the points of one distance are. A feather of less than a pixel is mixed with plain coverage,
    and so is a key's.

    Gradients go from stop to stop: "linear_gradient" by the place along the line from start to end, "radial_gradient"
    by √((x/a)² + (y/b)²), with a and b half the size, so that 1 is the rim. No step is shorter than a pixel.

    "luma" is 1 where the picture's CIE luminance Y, of its premultiplied scene-linear colour in the working space, lies
    in the range, and falls to 0 along the softness on both sides: clip((Y − low)/s + 1) · clip((high − Y)/t + 1). In
    "stops" it is log2(Y / 0.18), from middle grey. "red", "green", "blue" and "alpha" are the channel, clipped to 0 to
    1. Their feather is a Gaussian's: of the blurred mask b it makes u = (outwards + σ Φ⁻¹(b)) / (inwards + outwards),
    σ half the larger of both and Φ the normal distribution, which of a straight edge is the same slope as a shape's.

    The mask m = opacity · u, or opacity · (1 − u) inverted, goes together with the input b: union m + b − mb, subtract
    b(1 − m), intersect mb, difference m + b − 2mb. Without an input it is m. What is not 0 anywhere, as an inverted
    shape, ends a document's size beyond the document.

    Sources: coverage by the signed areas of edges, as D. Turner's smooth rasteriser (FreeType) and R. Levien's font-rs,
    2016; T. Porter, T. Duff, Compositing Digital Images, 1984, of combining.

    Memory: the mask where it is not 0, and as much again for each of a feather's three steps. Cost: one pass; of a
    feathered shape also the outline's edges near each pixel.
    """

    category = "Composite"
    main = "mask"

    video = Input(VIDEO, "The picture that a key or channel is taken of; none is transparent black.", required=False)
    mask = Input(MASK, "Another mask to combine this one with.", required=False)
    made = Output(MASK, "The mask.", name="mask")

    source = Choice(
        ELLIPSE,
        choices=(*SHAPES, _LINEAR, _RADIAL, _LUMA, *_CHANNELS),
        doc="What the mask is made of.",
    )
    center = Vector2(
        (0.5, 0.5), minimum=-1000, maximum=1000, doc="A shape's middle, in parts of the document's width and height."
    )
    size = Vector2((400.0, 400.0), minimum=0, maximum=50_000, unit="px", doc="A shape's width and height.")
    rotate = Float(0.0, unit="deg", doc="Clockwise turn of a shape around its middle.")
    radius = Float(0.0, minimum=0, maximum=50_000, unit="px", doc="Of a rectangle's corners; half a side at most.")
    corners = Integer(5, minimum=3, maximum=128, animatable=False, doc="Of a polygon, or the points of a star.")
    inner = Float(0.5, minimum=0, maximum=1, doc="A star's inner corners' distance, in parts of its points'.")
    start = Vector2(
        (0.5, 0.0),
        minimum=-1000,
        maximum=1000,
        doc="Where a linear gradient begins, in parts of the document's width and height.",
    )
    end = Vector2((0.5, 1.0), minimum=-1000, maximum=1000, doc="Where it ends.")
    stops = Points(
        ((0.0, 1.0), (1.0, 0.0)),
        columns=(Column("position", -1000, 1000), Column("value", 0, 1)),
        most=64,
        doc="A gradient's values on the way: 0 is the start, or the middle, 1 the end, or the rim.",
    )
    units = Choice(
        _LIGHT, choices=(_LIGHT, _STOPS), doc="Of range and softness: scene-linear light, or stops from middle grey."
    )
    range = Vector2((0.5, 1e6), minimum=-1e6, maximum=1e6, doc="The luminances that are keyed, lowest and highest.")
    softness = Vector2((0.0, 0.0), minimum=0, maximum=1e6, doc="Widths of the slopes below and above the range.")
    feather = Vector2(
        (0.0, 0.0), minimum=0, maximum=1000, unit="px", doc="How far the soft edge reaches inwards and outwards."
    )
    falloff = Choice(
        _STRAIGHT,
        choices=(_STRAIGHT, _SMOOTH),
        doc="How a shape's soft edge falls, and a gradient from stop to stop: by u, or by 3u² − 2u³.",
    )
    opacity = Float(1.0, minimum=0, maximum=1, doc="What the mask is multiplied by.")
    invert = Boolean(False, doc="Whether what is outside is meant.")
    combine = Choice(UNION, choices=COMBINATIONS, doc="How the mask and its input go together.")

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        return () if name == "video" and not self._keys else (request.time,)

    def region_needed(self, name: str, request: Request) -> DataWindow:
        soft = self._soft(request)
        if name == "mask" or soft == (0.0, 0.0):
            return request.region
        return request.region.grown(softening_reach(soft))

    def pointwise(self, request: Request) -> bool:
        return not self._keys or self.feather == (0.0, 0.0)

    def cost(self, request: Request) -> float:
        soft = self.feather != (0.0, 0.0)
        if self._keys:
            return 25.0 if soft else 2.0
        return 5.0 if soft and self.source in SHAPES else 2.0

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        limit = request.region.intersect(request.surroundings)
        if limit.empty:
            return Frame.empty(1)
        if self.source in SHAPES:
            smooth = self.falloff == _SMOOTH
            own = shape_mask(self._shape(request), self._soft(request), limit, smooth=smooth, threads=context.threads)
        elif self._keys:
            own = self._keyed(context, limit)
        else:
            own = self._gradient(request, limit)
        below = context.read(self.mask) if context.connected(self.mask) else None
        return finished(own, below, self.combine, limit, opacity=self.opacity, invert=self.invert)

    @property
    def _keys(self) -> bool:
        return self.source == _LUMA or self.source in _CHANNELS

    def _soft(self, request: Request) -> Pair:
        scale = float(request.scale)
        return self.feather[0] * scale, self.feather[1] * scale

    def _shape(self, request: Request) -> Shape:
        scale = float(request.scale)
        return Shape(
            self.source,
            (self.center[0] * request.width, self.center[1] * request.height),
            (self.size[0] * scale, self.size[1] * scale),
            self.rotate,
            self.radius * scale,
            self.corners,
            self.inner,
        )

    def _gradient(self, request: Request, limit: DataWindow) -> Frame:
        stops = sorted(self.stops, key=lambda stop: stop[0])
        places = self._line(request) if self.source == _LINEAR else self._rings(request)
        window = limit
        if places is None:
            # No length: all lies behind its end.
            stops = stops[-1:]
        elif self.source == _RADIAL and stops[-1][1] == 0.0:
            window = self._disc(request, stops[-1][0]).intersect(limit)
        if window.empty or (len(stops) == 1 and stops[0][1] == 0.0):
            return Frame.empty(1)
        across, down = places or ((0.0, 0.0, 0.0), None)
        pixels = gradient(
            (window.height, window.width),
            (window.x, window.y),
            across,
            down,
            [(place, value) for place, value in stops],
            smooth=self.falloff == _SMOOTH,
        )
        return Frame(pixels, window.x, window.y)

    def _line(self, request: Request) -> tuple[Place, None] | None:
        """Where a point lies between start and end, of its x and y; None where these are one."""
        x, y = self.start[0] * request.width, self.start[1] * request.height
        way_x, way_y = self.end[0] * request.width - x, self.end[1] * request.height - y
        length = way_x * way_x + way_y * way_y
        if length < _NOTHING:
            return None
        return (way_x / length, way_y / length, -(x * way_x + y * way_y) / length), None

    def _rings(self, request: Request) -> tuple[Place, Place] | None:
        """A point's place along both half axes of an ellipse, in parts of them; None where one is nothing."""
        shape = self._shape(request)
        if min(shape.size) ** 2 < _NOTHING:
            return None
        (x, y), (cos, sin) = shape.center, turn(self.rotate)
        a, b = 2.0 / shape.size[0], 2.0 / shape.size[1]
        return (a * cos, a * sin, -a * (x * cos + y * sin)), (-b * sin, b * cos, b * (x * sin - y * cos))

    def _disc(self, request: Request, rim: float) -> DataWindow:
        """Whole pixels around all places up to `rim`."""
        shape = self._shape(request)
        (x, y), (width, height) = shape.center, shape.size
        cos, sin = turn(self.rotate)
        across, down = math.hypot(width * cos, height * sin), math.hypot(width * sin, height * cos)
        # A step is a pixel long at least, half of it beyond the rim.
        rim = max(rim, 0.0) + 1.0 / min(shape.size)
        across, down = across * rim / 2.0, down * rim / 2.0
        return pixels_around(x - across, y - down, x + across, y + down, 1.0)

    def _keyed(self, context: RenderContext, limit: DataWindow) -> Frame:
        soft = self._soft(context.request)
        whole = limit if soft == (0.0, 0.0) else limit.grown(softening_reach(soft))
        frame = context.read(self.video).crop(whole) if context.connected(self.video) else Frame.empty()
        key = self._key(context.colour)
        if key(_NONE)[0, 0, 0] != 0.0:
            frame = Frame(frame.filled(whole), whole.x, whole.y)
        mask = Frame(key(frame.pixels), frame.x, frame.y)
        return mask if soft == (0.0, 0.0) else softened(mask, soft, limit, context.threads)

    def _key(self, colour: Colour) -> Callable[[Pixels], Pixels]:
        if self.source != _LUMA:
            channel = _CHANNELS.index(self.source)
            return lambda pixels: np.clip(pixels[..., channel : channel + 1], 0.0, 1.0)
        (low, high), stops = self.range, self.units == _STOPS
        return lambda pixels: range_key(pixels, colour.luma, low, high, self.softness, stops=stops)
