"""Glow."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from artifex.nodes import (
    MASK,
    VIDEO,
    Choice,
    Color,
    Float,
    Frame,
    Input,
    Integer,
    Node,
    Output,
    Pixels,
    RenderContext,
    Request,
    Vector2,
)
from artifex.nodes import Window as DataWindow
from libs.kernels import gaussian, gaussian_reach, highlights, merge

ADD: Final = "add"
CONSERVE: Final = "conserve"
_MOST_OCTAVES: Final = 8


class Glow(Node):
    """Lets bright light spill over its surroundings, as in a lens, a film or an eye.

    Of each pixel's light c, premultiplied and scene-linear, with L the largest of its channels, T the threshold and
    K = T · knee, the bright part is

        B = max(c, 0) · s(L) / L,  s = 0 up to T − K;  (L − T + K)² / 4K up to T + K;  L − T beyond

    (the soft knee of D. Giannoulis, M. Massberg, J. Reiss, Digital Dynamic Range Compressor Design, 2012, equation 4).
    It is spread by Gaussians of one octave after the other, each twice as wide as the one before, as G. Spencer and
    others add up the glare of an eye (Physically-Based Glare Effects for Digital Images, 1995):

        G = tint · Σ wᵢ · (B blurred by size · 2ⁱ),  wᵢ = falloffⁱ / Σ falloffⁱ

    Each Gaussian and the weights sum to 1, so G holds exactly the light of B, times the tint, but for what falls out of
    the region; a threshold of 0 spreads all. The result is c + m · intensity · G for "add", which brightens,
    and c + m · intensity · (G − B) for "conserve", where light is only moved, as a diffusion
    filter does, and with a white tint its sum stays. m is mix times mask. Light has no coverage: alpha stays as it is,
    and the output `glow` has an alpha of 0, so that it is added wherever it is laid over something.

    Memory: four pictures of the region with the widest Gaussian's reach, 4.9 σ. Cost: a Gaussian for each octave, which
    hardly depends on its size.
    """

    category = "Effect"

    video = Input(VIDEO, "The picture.")
    mask = Input(MASK, "Where, and how much, the glow takes part; 0 leaves the picture.", required=False)
    source = Input(MASK, "Where, and how much, light begins to glow; 0 is no source of it.", required=False)
    glowing = Output(VIDEO, "The picture with its glow.", name="video")
    glow = Output(VIDEO, "The glow alone, times intensity, mix and mask: light without coverage.")

    threshold = Float(0.8, minimum=0, maximum=1000, doc="Scene-linear light from which on it glows.")
    knee = Float(0.5, minimum=0, maximum=1, doc="How softly that begins: a part of the threshold to both sides of it.")
    size = Vector2((6.0, 6.0), minimum=0, maximum=256, unit="px", doc="Standard deviation of the first octave.")
    octaves = Integer(4, minimum=1, maximum=_MOST_OCTAVES, doc="Gaussians, each twice as wide as the one before.")
    falloff = Float(
        0.7, minimum=0, maximum=4, doc="What an octave weighs beside the one before; below 1 it is tighter."
    )
    intensity = Float(1.0, minimum=0, maximum=100, doc="How much of the spread light is added, or moved.")
    tint = Color((1.0, 1.0, 1.0, 1.0), minimum=0, maximum=1, doc="Display-encoded Rec.709; its alpha is not used.")
    energy = Choice(ADD, choices=(ADD, CONSERVE), doc="Whether light is added, or moved from where it was.")
    mix = Float(1.0, minimum=0, maximum=1, doc="0 leaves the picture, 1 is the whole glow.")

    def identity(self, request: Request) -> str | None:
        return "video" if self._nothing() and request.output.name == "video" else None

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        return () if self._nothing() and not (name == "video" and request.output.name == "video") else (request.time,)

    def region_needed(self, name: str, request: Request) -> DataWindow:
        return request.region if name == "mask" else self._reached(request.region, request)

    def cost(self, request: Request) -> float:
        return 6.0 + 7.0 * self.octaves

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        alone = request.output.name == "glow"
        if self._nothing():
            return Frame.empty()
        frame = context.read(self.video)
        target = self._reached(frame.window, request).intersect(request.region)
        needed = self._reached(target, request).intersect(frame.window)
        if target.empty or needed.empty:
            return Frame.empty() if alone else frame.crop(request.region)
        bright = self._bright(context, frame.crop(needed))
        gains = np.array([*context.colour.from_display(self.tint[:3]), 1.0], np.float32)
        light = self._spread(bright, target, request, context.threads)
        light *= gains
        if self.energy == CONSERVE:
            part = target.intersect(needed)
            moved = light[part.inside(target)]
            np.subtract(moved, bright.pixels[part.inside(bright.window)], out=moved)
        amount: float | Pixels = self.mix * self.intensity
        if context.connected(self.mask):
            amount = context.read(self.mask).filled(target) * np.float32(amount)
        if alone:
            light *= np.float32(amount)
            return Frame(light, target.x, target.y)
        window = target.union(frame.window.intersect(request.region))
        pixels = frame.filled(window)
        if np.may_share_memory(pixels, frame.pixels):
            pixels = pixels.copy()
        below = pixels[target.inside(window)]
        # Light has an alpha of 0, so that what is below keeps its own.
        coverage = below[..., 3].copy()
        merge("plus", light, below, amount, out=below)
        below[..., 3] = coverage
        return Frame(pixels, window.x, window.y, frame.opaque and frame.window.contains(window))

    def _bright(self, context: RenderContext, frame: Frame) -> Frame:
        """What glows of the frame, with an alpha of 0."""
        pixels = highlights(frame.pixels, self.threshold, self.threshold * self.knee)
        if context.connected(self.source):
            pixels *= context.read(self.source).filled(frame.window)
        return Frame(pixels, frame.x, frame.y)

    def _spread(self, bright: Frame, target: DataWindow, request: Request, threads: int) -> Pixels:
        """The weighted sum of all octaves over `target`."""
        canvas = target.union(bright.window)
        pixels = bright.filled(canvas)
        weights = np.array([self.falloff**octave for octave in range(self.octaves)])
        weights /= weights.sum()
        total = np.zeros((target.height, target.width, 4), np.float32)
        room = np.empty_like(pixels)
        for weight, (sigma_x, sigma_y) in zip(weights, self._sigmas(request), strict=True):
            if weight == 0.0:
                continue
            # The place in the document goes along, so that tiles are parts of the whole.
            spread = gaussian(pixels, sigma_x, sigma_y, room, threads, origin=(canvas.x, canvas.y))
            merge("plus", spread[target.inside(canvas)], total, float(weight), out=total)
        return total

    def _nothing(self) -> bool:
        return self.mix == 0.0 or self.intensity == 0.0

    def _sigmas(self, request: Request) -> list[tuple[float, float]]:
        scale = float(request.scale)
        return [(self.size[0] * scale * 2**octave, self.size[1] * scale * 2**octave) for octave in range(self.octaves)]

    def _reached(self, window: DataWindow, request: Request) -> DataWindow:
        """What the widest octave makes of, or needs for, a window; the empty stays empty."""
        if window.empty:
            return window
        across, down = (gaussian_reach(sigma) for sigma in self._sigmas(request)[-1])
        return DataWindow(window.x - across, window.y - down, window.width + 2 * across, window.height + 2 * down)
