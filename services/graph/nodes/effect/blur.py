"""Blur."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from artifex.nodes import (
    MASK,
    VIDEO,
    Choice,
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
from libs.kernels import merge
from libs.kernels.footprints import box, disc, line
from services.graph.nodes.effect.blur_ways import Gaussian, Spin, Sums, Way, Zoom

BLACK: Final = "black"
REPEAT: Final = "repeat"
GAUSSIAN: Final = "gaussian"
BOX: Final = "box"
DEFOCUS: Final = "defocus"
DIRECTIONAL: Final = "directional"
ZOOM: Final = "zoom"
SPIN: Final = "spin"


class Blur(Node):
    """Blurs a picture by a true size: like a lens, a moving camera, a zoom or a turn.

    Each pixel becomes a mean of its surroundings, of premultiplied scene-linear colour: light spreads as in a lens, and
    nothing that is transparent takes part. The result is c + m · (blurred − c), with m mix times mask. What the mean is
    taken over:

    - gaussian: all around, by the weights exp(−x²/2σx² − y²/2σy²) with σ the size; cut off at 4.9 σ, beyond which lies
      10⁻⁶ of their sum. R. C. Gonzalez, R. E. Woods, Digital Image Processing, 2018, section 3.5.
    - box: a rectangle, whose sides are twice the size.
    - defocus: an ellipse with the size as its half-axes, as a lens draws a point that is out of focus. M. Potmesil,
      I. Chakravarty, A Lens and Aperture Camera Model for Synthetic Image Generation, 1981. Of box and ellipse each
      pixel weighs what they cover of its area.
    - directional: a line through the pixel, of this length and at this angle, along which the picture is read
      bilinearly; the integral is exact. What a camera sees that moves evenly while its shutter is open.
    - zoom, spin: the ray through the centre, over `zoom` of the distance to it, and the circle around it, over `spin`;
      half to each side of the pixel. Of a way of l pixels the mean of 1 + ⌈l⌉ points is taken, at most 1024, read
      bilinearly. P. Haeberli, K. Akeley, The Accumulation Buffer, 1990, is the same with whole pictures.

    Edges: "black" takes what lies outside the picture as transparent, so that it fades out across its edge and grows by
    what the blur reaches; "repeat" takes the document's outermost pixels on and on, so that the edge of a full picture
    keeps its light; what lies outside the document is then dropped.

    Memory: the input and the result, with the reach on every side; a box once more; of a zoom, the input. Cost: of a
    Gaussian, two passes of about 10 σ multiplications for each number, of which the native kernels take fewer where it
    is wide, by a coarser step on the way, which is within 10⁻⁵ of the brightest value. A disc costs what its rim has
    pixels, some 12 operations for each pixel of its radius, a line 3 for each of its length, a box 2 for each of its
    height; what would be more than 900 is left to Fourier transforms. Zoom and spin take a bilinear reading for each
    pixel of the way.
    """

    category = "Effect"
    version = "1.1.0"

    video = Input(VIDEO, "The picture.")
    mask = Input(MASK, "Where, and how much, the blur takes part; 0 leaves the picture.", required=False)
    blurred = Output(VIDEO, "The blurred picture.", name="video")

    kind = Choice(
        GAUSSIAN,
        choices=(GAUSSIAN, BOX, DEFOCUS, DIRECTIONAL, ZOOM, SPIN),
        doc="What light is spread over: a bell, a rectangle, a disc, a line, rays through a point, circles around it.",
    )
    size = Vector2(
        (8.0, 8.0),
        minimum=0,
        maximum=256,
        unit="px",
        doc="Across and down: of a Gaussian the standard deviation, of a box half its side, of a defocus the radius.",
    )
    length = Float(40.0, minimum=0, maximum=1024, unit="px", doc="Of a directional blur, from end to end.")
    angle = Float(0.0, unit="deg", doc="Where a directional blur leads: 0 is across, 90 down.")
    zoom = Float(0.1, minimum=0, maximum=1, doc="How much of the distance to the centre a zoom blur is long.")
    spin = Float(10.0, minimum=0, maximum=360, unit="deg", doc="How far around the centre a spin blur leads.")
    center = Vector2(
        (0.5, 0.5),
        minimum=-10,
        maximum=10,
        doc="Of zoom and spin, on the document's frame: (0, 0) is the top left, (1, 1) the bottom right.",
    )
    edges = Choice(BLACK, choices=(BLACK, REPEAT), doc="What lies outside: nothing, or the document's edge repeated.")
    mix = Float(1.0, minimum=0, maximum=1, doc="0 leaves the picture, 1 is the whole blur.")

    def identity(self, request: Request) -> str | None:
        amounts = {DIRECTIONAL: self.length, ZOOM: self.zoom, SPIN: self.spin}
        nothing = self.mix == 0.0 or amounts.get(self.kind, max(self.size)) == 0.0
        return "video" if nothing else None

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        return () if name == "mask" and self.identity(request) is not None else (request.time,)

    def region_needed(self, name: str, request: Request) -> DataWindow:
        if name == "mask":
            return request.region
        if self.edges == BLACK:
            return self._needed(request.region, request)
        inside = request.region.intersect(request.format)
        return self._needed(inside, request).intersect(request.format)

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        frame = context.read(self.video)
        make = self._repeated if self.edges == REPEAT else self._faded
        blurred = make(frame, request, context.threads)
        if blurred.window.empty:
            return blurred
        amount: float | Pixels = self.mix
        if context.connected(self.mask):
            amount = context.read(self.mask).filled(blurred.window) * np.float32(self.mix)
        elif self.mix == 1.0:
            return blurred
        pixels = merge("copy", blurred.pixels, frame.filled(blurred.window), amount, out=blurred.pixels)
        return Frame(pixels, blurred.x, blurred.y, blurred.opaque)

    def cost(self, request: Request) -> float:
        scale = float(request.scale)
        if self.kind in (ZOOM, SPIN):
            mean = 0.27 * math.hypot(request.width, request.height)
            if self.kind == ZOOM:
                return 3.2 * (1.0 + mean * self.zoom)
            return 4.4 * (1.0 + mean * math.radians(self.spin))
        if self.kind == DEFOCUS:
            return min(4.0 + 2.6 * scale * max(self.size), 300.0)
        if self.kind == DIRECTIONAL:
            return min(4.0 + 0.35 * scale * self.length, 300.0)
        return 6.0 + (0.5 * scale * self.size[1] if self.kind == BOX else 0.0)

    def _faded(self, frame: Frame, request: Request, threads: int) -> Frame:
        """The frame and its fading out, as far as it falls into the region."""
        if frame.window.empty:
            return Frame.empty(frame.channels)
        way = self._way(request)
        target = way.spread(frame.window).intersect(request.region)
        if target.empty or way.needed(target).intersect(frame.window).empty:
            return Frame.empty(frame.channels)
        return Frame(way.faded(frame, target, threads), target.x, target.y)

    def _repeated(self, frame: Frame, request: Request, threads: int) -> Frame:
        """The document's part of the region, with the document's edge repeated beyond it."""
        target = request.region.intersect(request.format)
        if target.empty or frame.window.intersect(request.format).empty:
            return Frame.empty(frame.channels)
        way = self._way(request)
        inside = way.needed(target).intersect(request.format)
        pixels = way.repeated(frame.filled(inside), inside, target, threads)
        opaque = frame.opaque and frame.window.contains(inside)
        if opaque:
            # The weights' sum is 1 up to rounding.
            pixels[..., 3] = 1.0
        return Frame(pixels, target.x, target.y, opaque)

    def _way(self, request: Request) -> Way:
        scale = float(request.scale)
        width, height = self.size[0] * scale, self.size[1] * scale
        centre = (self.center[0] * request.width, self.center[1] * request.height)
        match self.kind:
            case "box":
                return Sums((box(width, across=True), box(height, across=False)))
            case "defocus":
                return Sums((disc(width, height),))
            case "directional":
                return Sums((line(self.length * scale, math.radians(math.fmod(self.angle, 180.0))),))
            case "zoom":
                return Zoom(centre, self.zoom)
            case "spin":
                return Spin(centre, math.radians(self.spin))
            case _:
                return Gaussian((width, height))

    def _needed(self, window: DataWindow, request: Request) -> DataWindow:
        """What is needed for a window; the empty stays empty."""
        return window if window.empty else self._way(request).needed(window)
