"""Blur."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import cv2
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
from libs.kernels import gaussian, gaussian_reach, merge

BLACK: Final = "black"
REPEAT: Final = "repeat"


class Blur(Node):
    """Blurs a picture by a Gaussian of a true size.

    Each pixel becomes the mean of its surroundings, weighted by exp(−x²/2σx² − y²/2σy²), with σ the size in pixels of
    the document; weights are cut off at 4.9 σ, beyond which lies 10⁻⁶ of their sum, and scaled to the sum of 1. It runs
    along rows and then along columns, which is the same, on premultiplied scene-linear colour: light spreads as in a
    lens, and nothing that is transparent takes part. The result is c + m · (blurred − c), with m mix times mask.

    Edges: "black" takes what lies outside the picture as transparent, so that it fades out across its edge and grows
    by the reach of the Gaussian; "repeat" takes the document's outermost pixels on and on, so that the edge of a full
    picture keeps its light; what lies outside the document is then dropped.

    Source: R. C. Gonzalez, R. E. Woods, Digital Image Processing, 2018, section 3.5, of separable Gaussian kernels.

    Memory: the input and the result, with the reach on every side. Cost: two passes of about 10 σ multiplications for
    each number; the native kernels take fewer for a wide Gaussian, by a coarser step on the way, which is within 10⁻⁵
    of the brightest value.
    """

    category = "Effect"

    video = Input(VIDEO, "The picture.")
    mask = Input(MASK, "Where, and how much, the blur takes part; 0 leaves the picture.", required=False)
    blurred = Output(VIDEO, "The blurred picture.", name="video")

    size = Vector2((8.0, 8.0), minimum=0, maximum=256, unit="px", doc="Standard deviation across and down.")
    edges = Choice(BLACK, choices=(BLACK, REPEAT), doc="What lies outside: nothing, or the document's edge repeated.")
    mix = Float(1.0, minimum=0, maximum=1, doc="0 leaves the picture, 1 is the whole blur.")

    def identity(self, request: Request) -> str | None:
        return "video" if self.mix == 0.0 or self.size == (0.0, 0.0) else None

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        return () if name == "mask" and self.identity(request) is not None else (request.time,)

    def region_needed(self, name: str, request: Request) -> DataWindow:
        if name == "mask":
            return request.region
        if self.edges == REPEAT:
            return self._reached(request.region.intersect(request.format), request).intersect(request.format)
        return self._reached(request.region, request)

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

    def _faded(self, frame: Frame, request: Request, threads: int) -> Frame:
        """The frame and its fading out, as far as it falls into the region."""
        target = self._reached(frame.window, request).intersect(request.region)
        needed = self._reached(target, request).intersect(frame.window)
        if target.empty or needed.empty:
            return Frame.empty(frame.channels)
        canvas = target.union(needed)
        return self._gaussian(frame.filled(canvas), canvas, request, threads).crop(target)

    def _repeated(self, frame: Frame, request: Request, threads: int) -> Frame:
        """The document's part of the region, with the document's edge repeated beyond it."""
        target = request.region.intersect(request.format)
        if target.empty or frame.window.intersect(request.format).empty:
            return Frame.empty(frame.channels)
        canvas = self._reached(target, request)
        inside = canvas.intersect(request.format)
        padded = cv2.copyMakeBorder(
            frame.filled(inside),
            inside.y - canvas.y,
            canvas.bottom - inside.bottom,
            inside.x - canvas.x,
            canvas.right - inside.right,
            cv2.BORDER_REPLICATE,
        )
        pixels = np.asarray(padded, dtype=np.float32)
        opaque = frame.opaque and frame.window.contains(inside)
        result = self._gaussian(pixels, canvas, request, threads, out=pixels).crop(target)
        if opaque:
            # The weights' sum is 1 up to rounding.
            result.pixels[..., 3] = 1.0
        return Frame(result.pixels, result.x, result.y, opaque)

    def _gaussian(
        self, pixels: Pixels, canvas: DataWindow, request: Request, threads: int, out: Pixels | None = None
    ) -> Frame:
        sigma_x, sigma_y = self._sigma(request)
        # The place in the document goes along, so that tiles are parts of the whole.
        blurred = gaussian(pixels, sigma_x, sigma_y, out, threads, origin=(canvas.x, canvas.y))
        return Frame(blurred, canvas.x, canvas.y)

    def _sigma(self, request: Request) -> tuple[float, float]:
        scale = float(request.scale)
        return self.size[0] * scale, self.size[1] * scale

    def _reached(self, window: DataWindow, request: Request) -> DataWindow:
        """What the Gaussian makes of, or needs for, a window; the empty stays empty."""
        if window.empty:
            return window
        across, down = (gaussian_reach(sigma) for sigma in self._sigma(request))
        return DataWindow(window.x - across, window.y - down, window.width + 2 * across, window.height + 2 * down)
