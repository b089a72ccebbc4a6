"""AlphaOps."""

from typing import Final

import numpy as np

from artifex.nodes import MASK, VIDEO, Choice, Float, Frame, Input, Node, Output, Pixels, RenderContext, Request, Window
from libs.kernels import premultiply, unpremultiply, with_alpha
from services.graph.nodes.mattes import MatteEdge, alpha_of

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
    """Works on a picture's alpha, or on a mask, and gives the result as a mask too.

    With P the premultiplied colour of a pixel and α its alpha, or the matte's value where a matte is connected:

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

    Colour follows: it stays multiplied by alpha, P · α'/a with a its own alpha before, and keeps its straight value.
    Where a is 0, it has none and stays. So a matte becomes the picture's alpha, and cuts it out; without a picture the
    matte is white. What a dilation adds has the straight colour of what is near: its mean, weighted by alpha and by a
    Gaussian of half the size. "keep" changes nothing but alpha. What becomes 1 of nothing, as when it is inverted,
    reaches over the document's area and as much again on every side. Colour is never clipped, alpha by clamp, levels
    and threshold alone. What is divided by an alpha takes one of up to 10⁻²⁰ for 0: finite pictures stay finite.

    Source of multiplying and dividing: T. Porter and T. Duff, Compositing Digital Images, 1984.

    Memory: the frame, changed in place; of erosion and dilation input and result, and their surroundings, and at the
    largest size 35 MiB, or 180 with sixteen threads. Cost: one pass, 4 to 11 ms for 1920x1080; erosion about 15 ms and
    2 ms for each pixel of its size, dilation 20 ms more.
    """

    category = "Composite"

    video = Input(VIDEO, "The picture.", required=False)
    matte = Input(MASK, "Takes the place of the picture's alpha, and needs no picture.", required=False)
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
        if self.operation in _EDGES:
            return self._moved(context)
        request = context.request
        given = self._given(context, request.region)
        frame = self._picture(context, given, request.region)
        alpha = alpha_of(frame) if given is None else given
        whole = frame.opaque and given is None and request.output.kind != MASK
        if self.operation in _MULTIPLICATIONS:
            return frame if whole else self._multiplied(frame, alpha, request)
        nothing, all_of_it = self._curve(np.array([0.0, 1.0], np.float32))
        if whole and nothing == 0.0 and all_of_it == 1.0:
            return frame
        window = frame.window.union(alpha.window)
        if nothing != 0.0:
            window = request.region.intersect(request.surroundings)
        if window.empty:
            return Frame.empty(1 if request.output.kind == MASK else 4)
        changed = self._curve(alpha.filled(window))
        if request.output.kind == MASK:
            return Frame(changed, window.x, window.y)
        return Frame(self._with(frame.filled(window), changed), window.x, window.y)

    def _given(self, context: RenderContext, region: Window) -> Frame | None:
        """The matte, where there is one."""
        return context.read(self.matte).crop(region) if context.connected(self.matte) else None

    def _picture(self, context: RenderContext, matte: Frame | None, region: Window, *, own: bool = True) -> Frame:
        """The picture, as the node's `own` to change or not; without one, white as much as the matte says."""
        if context.connected(self.video):
            return (context.take(self.video) if own else context.read(self.video)).crop(region)
        if matte is None:
            return Frame.empty()
        return Frame(np.repeat(matte.pixels, 4, axis=2), matte.x, matte.y)

    def _multiplied(self, frame: Frame, alpha: Frame, request: Request) -> Frame:
        """Colour times alpha, or divided by it; with that alpha. `frame` is the node's own."""
        if request.output.kind == MASK:
            return alpha
        window = frame.window.union(alpha.window)
        pixels, plane = frame.filled(window), alpha.filled(window)
        if self.operation == _PREMULTIPLY:
            premultiply(pixels, plane, out=pixels)
        else:
            pixels[..., 3:] = plane
            unpremultiply(pixels, out=pixels)
        return Frame(pixels, window.x, window.y)

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
        document = request.format if self.edges == _REPEAT else None
        reached = self.region_needed("video", request)
        given = self._given(context, reached)
        frame = self._picture(context, given, reached, own=False)
        alpha = alpha_of(frame) if given is None else given
        edge = self._edge(request)
        target = alpha.window if alpha.window.empty else alpha.window.grown(edge.growth_reach)
        target = target.union(frame.window).intersect(request.region)
        if document is not None:
            target = target.intersect(document)
        if target.empty:
            return Frame.empty(1 if matte_only else 4)
        if edge.alpha_reach == 0 and given is None and not matte_only:
            return frame.crop(target)
        moved = edge.moved(alpha, target, document, context.threads)
        if matte_only:
            return Frame(moved, target.x, target.y)
        if self.colour == _FOLLOW:
            return Frame(edge.recoloured(frame, moved, target, document, context.threads), target.x, target.y)
        pixels = frame.filled(target).copy()
        pixels[..., 3:] = moved
        return Frame(pixels, target.x, target.y)

    def _edge(self, request: Request) -> MatteEdge:
        size = self.size * float(request.scale)
        return MatteEdge(size if self.operation == _DILATE else -size, square=self.shape != _ROUND)

    def _reach(self, request: Request) -> int:
        """How far around a region its input is looked at."""
        edge = self._edge(request)
        return edge.alpha_reach if self.colour != _FOLLOW or request.output.kind == MASK else edge.reach
