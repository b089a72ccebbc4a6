"""Distortion."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from artifex.nodes import VIDEO, Choice, Float, Frame, Input, Node, Output, RenderContext, Request, Vector2
from artifex.nodes import Window as DataWindow
from libs.kernels import Lens, Places, lens_places
from services.graph.nodes.transform.warping import FILTERS, around, centres, filter_choice, warped

_DISTORT: Final = "lens"
_STRAIGHTEN: Final = "undo_lens"
_RIPPLE: Final = "ripple"
_DISPLACE: Final = "displace"
_LENSES: Final = (_DISTORT, _STRAIGHTEN)
_RINGS: Final = "rings"


def _coefficient(doc: str) -> Float:
    return Float(0.0, minimum=-100, maximum=100, doc=doc)


class Distortion(Node):
    """Bends a picture as a lens does, in ripples, or by another picture.

    The result at p is the picture at q, read as Transform2D reads it and averaged where the map shrinks.

    lens: what lies at (x, y), in units of the focal length from the centre, is seen at
    (x c + 2 p1 x y + p2 (r² + 2x²), y c + p1 (r² + 2y²) + 2 p2 x y), where r² = x² + y² and
    c = 1 + k1 r² + k2 r⁴ + k3 r⁶: Brown's and Conrady's model (D. C. Brown, Decentering Distortion of Lenses, 1966),
    with the coefficients that calibration gives (OpenCV's, for one). So q is what is seen at p; Newton's method finds
    it within 1e-10 focal lengths. undo_lens: q is where p is seen, which makes straight again what the lens has bent.
    Where the model turns back, and what is further out would be seen further in, there is nothing.

    ripple: q = p + d A sin(2π r / λ − φ) e^(−r / F), away from the centre, where r is the distance from it and d the
    direction: rings; or lines, where r is the distance along the angle, and d that direction. A phase that grows
    moves the waves outwards.

    displace: q = p + strength · (m − neutral), across by the map's red and down by its green, in scene-linear light;
    the difference counts as 1 at most, either way. Where the map is transparent, nothing moves. Without a map the
    picture passes through.

    Memory: the input's window within a document's size beyond the document for a lens, else the region as far as it is
    read; the output's; the places of 130 rows. Cost: 2 to 4 times that of one resampling.
    """

    category = "Effect"

    video = Input(VIDEO, "The picture to bend.")
    map = Input(VIDEO, "How far to displace: red across, green down.", required=False)
    bent = Output(VIDEO, "The bent picture.", name="video")

    kind = Choice(_DISTORT, choices=(*_LENSES, _RIPPLE, _DISPLACE), doc="What bends the picture.")
    center = Vector2(
        (0.5, 0.5), minimum=-100, maximum=100, doc="The lens's or the rings' middle, in parts of the document's frame."
    )
    focal_length = Float(
        1.0,
        minimum=0.01,
        maximum=1000,
        doc="Of the lens, in widths of the document: millimetres over the film's width.",
    )
    k1 = _coefficient("Radial, by the square of the distance: above 0 a cushion, below a barrel.")
    k2 = _coefficient("Radial, by the fourth power.")
    k3 = _coefficient("Radial, by the sixth power.")
    p1 = _coefficient("Tangential, of a lens that is tilted up or down.")
    p2 = _coefficient("Tangential, of a lens that is tilted left or right.")
    amplitude = Float(8.0, minimum=-1000, maximum=1000, unit="px", doc="How far a ripple moves the picture at most.")
    wavelength = Float(60.0, minimum=1, maximum=100_000, unit="px", doc="From one ripple to the next.")
    phase = Float(0.0, unit="deg", doc="How far the ripples have moved: 360 is one wavelength.")
    waves = Choice(_RINGS, choices=(_RINGS, "lines"), doc="Whether ripples run around the centre or straight.")
    angle = Float(0.0, unit="deg", doc="Where straight ripples run to, clockwise from the right.")
    falloff = Float(0.0, minimum=0, maximum=100_000, unit="px", doc="Where ripples have lost 63 %; 0 keeps them.")
    strength = Vector2((20.0, 20.0), minimum=-2000, maximum=2000, unit="px", doc="How far the map moves, for 1 of it.")
    neutral = Float(0.5, minimum=-1, maximum=2, doc="What of the map moves nothing.")
    filter = filter_choice()

    def identity(self, request: Request) -> str | None:
        still = {
            _RIPPLE: self.amplitude == 0.0,
            _DISPLACE: self.strength == (0.0, 0.0),
        }.get(self.kind, not any((self.k1, self.k2, self.k3, self.p1, self.p2)))
        return "video" if still else None

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        return () if name == "map" and self.kind != _DISPLACE else (request.time,)

    def region_needed(self, name: str, request: Request) -> DataWindow:
        if name == "map":
            return request.region.grown(1)
        if self.kind in _LENSES:
            # How far a lens moves what it does not show at all cannot be said before.
            return request.surroundings
        longest = abs(self.amplitude) if self.kind == _RIPPLE else max(map(abs, self.strength))
        return around(FILTERS[self.filter], longest * float(request.scale), request)

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        if self.kind == _DISPLACE and not context.connected(self.map):
            return context.read(self.video)
        frame = context.read(self.video).crop(self.region_needed("video", request))
        return warped(frame, self._places(context), request.region, FILTERS[self.filter], context.threads)

    def cost(self, request: Request) -> float:
        return {_STRAIGHTEN: 22.0, _RIPPLE: 75.0}.get(self.kind, 105.0)

    def _places(self, context: RenderContext) -> Callable[[DataWindow], Places]:
        request = context.request
        scale = float(request.scale)
        x, y = self.center[0] * request.width, self.center[1] * request.height
        if self.kind in _LENSES:
            lens = Lens(x, y, self.focal_length * request.width, self.k1, self.k2, self.k3, self.p1, self.p2)
            straighten = self.kind == _DISTORT
            return lambda window: lens_places(
                lens, (window.x, window.y), (window.height, window.width), straighten=straighten,
                threads=context.threads,
            )  # fmt: skip
        if self.kind == _RIPPLE:
            return lambda window: self._rippled(window, x, y, scale)
        by = context.read(self.map)
        if not by.window.empty:
            # The step over the map's border is no shrinking, which would be averaged: it begins one pixel further out.
            by = Frame(np.pad(by.pixels, ((1, 1), (1, 1), (0, 0)), mode="edge"), by.x - 1, by.y - 1)
        return lambda window: self._displaced(window, by, scale)

    def _rippled(self, window: DataWindow, x: float, y: float, scale: float) -> Places:
        across, down = centres(window)
        if self.waves == _RINGS:
            away_x, away_y = across - x, down - y
            distance = np.hypot(away_x, away_y)
            with np.errstate(invalid="ignore"):
                # At the centre itself there is no direction.
                away_x, away_y = (np.where(distance > 0.0, side / distance, 0.0) for side in (away_x, away_y))
        else:
            angle = math.radians(math.fmod(self.angle, 360.0))
            away_x, away_y = np.full((1, 1), math.cos(angle)), np.full((1, 1), math.sin(angle))
            distance = (across - x) * away_x + (down - y) * away_y
        turns = distance * (2 * math.pi / (self.wavelength * scale)) - math.radians(math.fmod(self.phase, 360.0))
        moved = self.amplitude * scale * np.sin(turns)
        if self.falloff > 0.0:
            moved = moved * np.exp(-np.abs(distance) / (self.falloff * scale))
        return np.stack([across + away_x * moved, down + away_y * moved], axis=-1)

    def _displaced(self, window: DataWindow, by: Frame, scale: float) -> Places:
        pixels = by.filled(window).astype(np.float64)
        across, down = centres(window)
        # Over what moves nothing, so that a soft edge of the map is one of its effect.
        moved = np.clip(pixels[..., :2] - self.neutral * pixels[..., 3:], -1.0, 1.0)
        return np.stack(
            [across + moved[..., 0] * (self.strength[0] * scale), down + moved[..., 1] * (self.strength[1] * scale)],
            axis=-1,
        )
