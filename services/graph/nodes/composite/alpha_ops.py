"""AlphaOps."""

from typing import Final

import numpy as np

from artifex.nodes import MASK, VIDEO, Choice, Float, Frame, Input, Node, Output, Pixels, RenderContext, Request, Window
from libs.kernels import premultiply, unpremultiply, with_alpha
from services.graph.nodes.mattes import MatteEdge

_PREMULTIPLY, _UNPREMULTIPLY = "premultiply", "unpremultiply"
_INVERT, _CLAMP, _LEVELS, _THRESHOLD = "invert", "clamp", "levels", "threshold"
_ERODE, _DILATE = "erode", "dilate"
_EDGES: Final = frozenset({_ERODE, _DILATE})
_MULTIPLICATIONS: Final = frozenset({_PREMULTIPLY, _UNPREMULTIPLY})
_FOLLOW, _ROUND, _REPEAT = "follow", "round", "repeat"
_LEAST_RANGE: Final = 1e-3
_HARD: Final = 1e-6
"""Softness below this is none."""


class AlphaOps(Node):
    """Works on a picture's alpha, and gives it as a mask too.

    With α the alpha and P the premultiplied colour of a pixel:

        premultiply    P · α: for a picture whose colour came in straight
        unpremultiply  P / α, and P where α is 0: straight colour, for what needs it; the opposite of the above
        invert         1 − α
        clamp          min(max(α, black), white)
        levels         clip((α − black) / (white − black), 0, 1) ^ (1 / gamma)
        threshold      clip((α − level) / softness + ½, 0, 1); without softness 1 from the level on, else 0
        erode          the least α within the size
        dilate         the largest α within the size

    Erosion and dilation are by a disc or a square of true size: the radius in pixels of the document, fractions of a
    pixel included. Between pixels alpha is read linearly, so that an edge moves by exactly the size, and soft edges
    stay as soft (J. Serra, Image Analysis and Mathematical Morphology, 1982). "repeat" takes the document's outermost
    pixels on and on, so that nothing is worn away where the picture leaves the frame; what lies outside the document is
    then dropped. "black" takes what lies outside as transparent.

    Colour follows: it stays multiplied by alpha, P · α'/α, and keeps its straight value. Where α is 0, it has none and
    stays. What a dilation adds has the straight colour of what is near: its mean, weighted by alpha and by a Gaussian
    of half the size. "keep" changes nothing but alpha. What becomes 1 of nothing, as when it is inverted, reaches over
    the document's area and as much again on every side. Colour is never clipped, alpha by clamp, levels and threshold
    alone.

    Source of multiplying and dividing: T. Porter and T. Duff, Compositing Digital Images, 1984.

    Memory: the frame, changed in place; of erosion and dilation input and result, and their surroundings. Cost: one
    pass, 4 to 11 ms for 1920x1080; erosion about 15 ms and 2 ms for each pixel of its size, dilation 20 ms more.
    """

    category = "Composite"

    video = Input(VIDEO, "The picture.")
    changed = Output(VIDEO, "The picture with the changed alpha.", name="video")
    mask = Output(MASK, "Its alpha.")

    operation = Choice(
        _PREMULTIPLY,
        choices=(_PREMULTIPLY, _UNPREMULTIPLY, _INVERT, _CLAMP, _LEVELS, _THRESHOLD, _ERODE, _DILATE),
        doc="What is done.",
    )
    size = Float(2.0, minimum=0, maximum=200, unit="px", doc="How far erode and dilate move an edge.")
    shape = Choice(_ROUND, choices=(_ROUND, "square"), doc="Of what erode and dilate move edges by.")
    edges = Choice(
        _REPEAT, choices=(_REPEAT, "black"), doc="What lies outside: the document's edge repeated, or nothing."
    )
    black = Float(0.0, minimum=0, maximum=1, doc="Of levels and clamp: up to this alpha nothing, or at least this.")
    white = Float(1.0, minimum=0, maximum=1, doc="Of levels and clamp: from this alpha on all, or at most this.")
    gamma = Float(1.0, minimum=0.05, maximum=20, doc="Of levels: above 1 makes what is between denser.")
    level = Float(0.5, minimum=0, maximum=1, doc="Of threshold: the alpha in the middle.")
    softness = Float(0.0, minimum=0, maximum=2, doc="Of threshold: the range of alpha that goes from 0 to 1.")
    colour = Choice(_FOLLOW, choices=(_FOLLOW, "keep"), doc="Whether colour stays multiplied by alpha, or as it is.")

    def identity(self, request: Request) -> str | None:
        nothing = self.operation in _EDGES and self._edge(request).alpha_reach == 0
        return "video" if nothing and request.output.kind != MASK else None

    def pointwise(self, request: Request) -> bool:
        return self.operation not in _EDGES

    def region_needed(self, name: str, request: Request) -> Window:
        if self.operation not in _EDGES:
            return request.region
        region = request.region if self.edges != _REPEAT else request.region.intersect(request.format)
        if region.empty:
            return region
        grown = region.grown(self._reach(request))
        return grown if self.edges != _REPEAT else grown.intersect(request.format)

    def cost(self, request: Request) -> float:
        if self.operation not in _EDGES:
            return 4.0
        grown = 10.0 if self.operation == _DILATE and self.colour == _FOLLOW else 0.0
        return 7.5 + self.size * float(request.scale) + grown

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        if self.operation in _EDGES:
            return self._moved(context)
        if self.operation in _MULTIPLICATIONS and request.output.kind == MASK:
            return _alpha_of(context.read(self.video).crop(request.region))
        frame = context.take(self.video).crop(request.region)
        if self.operation == _PREMULTIPLY:
            pixels = frame.pixels
            if not frame.opaque:
                premultiply(pixels, np.ascontiguousarray(pixels[..., 3:]), out=pixels)
            return frame
        if self.operation == _UNPREMULTIPLY:
            if not frame.opaque:
                unpremultiply(frame.pixels, out=frame.pixels)
            return frame
        return self._curved(frame, request)

    def _curved(self, frame: Frame, request: Request) -> Frame:
        """Every alpha by itself. `frame` is the node's own."""
        ends = self._curve(np.array([0.0, 1.0], np.float32))
        if frame.opaque and ends[0] == 0.0 and ends[1] == 1.0 and request.output.kind != MASK:
            return frame
        window = frame.window
        if ends[0] != 0.0:
            window = request.region.intersect(request.surroundings)
        if window.empty:
            return Frame.empty(1 if request.output.kind == MASK else 4)
        pixels = frame.filled(window)
        alpha = self._curve(np.ascontiguousarray(pixels[..., 3:]))
        if request.output.kind == MASK:
            return Frame(alpha, window.x, window.y)
        return Frame(self._with(pixels, alpha), window.x, window.y)

    def _curve(self, alpha: Pixels) -> Pixels:
        """Of invert, clamp, levels and threshold; float32 as it came."""
        black, white, level = np.float32(self.black), np.float32(self.white), np.float32(self.level)
        result: Pixels
        if self.operation == _INVERT:
            result = np.float32(1.0) - alpha
        elif self.operation == _CLAMP:
            result = np.minimum(np.maximum(alpha, black), white)
        elif self.operation == _LEVELS:
            result = np.clip((alpha - black) / (max(white, black + np.float32(_LEAST_RANGE)) - black), 0.0, 1.0)
            if self.gamma != 1.0:
                result = np.power(result, np.float32(1.0 / self.gamma))
        elif self.softness < _HARD:
            result = (alpha >= level).astype(np.float32)
        else:
            result = np.clip((alpha - level) / np.float32(self.softness) + np.float32(0.5), 0.0, 1.0)
        return result

    def _with(self, pixels: Pixels, alpha: Pixels) -> Pixels:
        """`pixels`, which are the node's own, with another alpha."""
        if self.colour == _FOLLOW:
            return with_alpha(pixels, alpha, out=pixels)
        pixels[..., 3:] = alpha
        return pixels

    def _moved(self, context: RenderContext) -> Frame:
        """Eroded or dilated."""
        request = context.request
        matte_only = request.output.kind == MASK
        frame = context.read(self.video)
        document = request.format if self.edges == _REPEAT else None
        if document is not None:
            frame = frame.crop(document)
        edge = self._edge(request)
        target = frame.window if frame.window.empty else frame.window.grown(edge.growth_reach)
        target = target.intersect(request.region)
        if document is not None:
            target = target.intersect(document)
        if target.empty:
            return Frame.empty(1 if matte_only else 4)
        alpha = edge.moved(frame, target, document, context.threads)
        if matte_only:
            return Frame(alpha, target.x, target.y)
        if self.colour == _FOLLOW:
            return Frame(edge.recoloured(frame, alpha, target, document, context.threads), target.x, target.y)
        pixels = frame.filled(target).copy()
        pixels[..., 3:] = alpha
        return Frame(pixels, target.x, target.y)

    def _edge(self, request: Request) -> MatteEdge:
        size = self.size * float(request.scale)
        return MatteEdge(size if self.operation == _DILATE else -size, square=self.shape != _ROUND)

    def _reach(self, request: Request) -> int:
        """How far around a region its input is looked at."""
        edge = self._edge(request)
        return edge.alpha_reach if self.colour != _FOLLOW or request.output.kind == MASK else edge.reach


def _alpha_of(frame: Frame) -> Frame:
    return Frame(np.ascontiguousarray(frame.pixels[..., 3:]), frame.x, frame.y)
