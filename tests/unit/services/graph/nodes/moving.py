"""Pictures whose every moment is known: what retiming is judged by."""

from collections.abc import Hashable, Mapping
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from artifex.nodes import VIDEO, Float, Frame, Node, Output, RenderContext, Request
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.nodes import BUILTIN
from services.graph.nodes.time.retimed import Retimed
from tests.unit.services.graph.support import document, output

COLOUR = WorkingColour("ACEScg")


class Clock(Node):
    """Pictures that hold the time at which they begin, at `rate` a second; without a rate that of the moment."""

    category = "Test"
    time_dependent = True

    video = Output(VIDEO, "The picture.")
    rate = Float(0.0, doc="Pictures a second.")

    def fingerprint(self, request: Request) -> Hashable:
        return self._shown(request)

    def render(self, context: RenderContext) -> Frame:
        window = context.request.region.intersect(context.request.format)
        pixels = np.ones((window.height, window.width, 4), np.float32)
        pixels[..., :3] = float(self._shown(context.request))
        return Frame(pixels, window.x, window.y, opaque=True)

    def _shown(self, request: Request) -> Fraction:
        rate = Fraction(self.rate)
        return (request.time * rate).__floor__() / rate if rate else request.time


class Pan(Node):
    """A disc of one texture that moves over another, which moves as well; the same at every proxy scale."""

    category = "Test"
    time_dependent = True

    video = Output(VIDEO, "The picture.")

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        full = scene(float(request.time), int(request.width / request.scale), int(request.height / request.scale))
        if request.scale != 1:
            full = np.asarray(cv2.resize(full, (request.width, request.height), interpolation=cv2.INTER_AREA))
        return Frame(np.ascontiguousarray(full, np.float32), opaque=True)


def catalogue(*types: type[Node]) -> Catalogue:
    return Catalogue([*dict.fromkeys([*BUILTIN, Clock, Pan, *types])])


def puller(
    nodes: Mapping[str, Any], kind: type[Retimed], scale: Fraction = Fraction(1), **settings: Any
) -> FramePuller:
    """A document that ends with the node "x"."""
    whole = document({**nodes, "out": output("x")}, **settings)
    return FramePuller(compile(whole, catalogue(kind), "", {}), {}, COLOUR, scale=scale)


def shown(
    kind: type[Retimed], params: Mapping[str, Any], frames: int, clock: float = 0.0, **settings: Any
) -> list[float]:
    """Which times of a clock `kind` shows, frame by frame."""
    nodes = {
        "clip": {"type": "Clock", "params": {"rate": clock}},
        "x": {"type": kind.__name__, "inputs": {"video": "clip"}, "params": dict(params)},
    }
    made = puller(nodes, kind, **settings)
    return [float(made.frame(number).pixels[0, 0, 0]) for number in range(frames)]


def scene(time: float, width: int = 320, height: int = 180) -> NDArray[np.float32]:
    """At `time` seconds of 25 frames each: the background goes by 6 pixels a frame, the disc by 12."""
    frames = 25.0 * time
    back, front = texture(3, width, height, 2.5), texture(5, width, height, 2.0)
    behind = _moved(back, 6 * frames - 20, 2 * frames - 10)
    before = _moved(front, 12 * frames, -4 * frames)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    distance = np.hypot(x - (0.375 * width + 12 * frames), y - (0.5 * height - 4 * frames))
    inside = np.clip(height / 4 - distance + 0.5, 0, 1)[..., None]
    colour = behind * (1 - inside) * 0.6 + before * inside
    return np.concatenate([colour, np.ones((height, width, 1), np.float32)], -1).astype(np.float32)


def texture(seed: int, width: int, height: int, sigma: float) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).random((height + 80, width + 160, 3)).astype(np.float32)
    smooth = np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma), np.float32)
    stretched: NDArray[np.float32] = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return stretched


def psnr(ours: NDArray[np.float32], true: NDArray[np.float32]) -> float:
    """Decibels, of colour."""
    error = (ours[..., :3].astype(np.float64) - true[..., :3]) ** 2
    return float(-10 * np.log10(error.mean()))


def _moved(picture: NDArray[np.float32], x: float, y: float) -> NDArray[np.float32]:
    height, width = picture.shape[0] - 80, picture.shape[1] - 160
    by = np.array([[1, 0, x], [0, 1, y]], np.float32)
    moved = cv2.warpAffine(picture, by, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.float32)
