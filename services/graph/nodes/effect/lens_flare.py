"""LensFlare."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from artifex.nodes import (
    MASK,
    VIDEO,
    Color,
    Colour,
    Column,
    Float,
    Frame,
    Input,
    Integer,
    Node,
    Output,
    Points,
    RenderContext,
    Request,
    Vector2,
)
from artifex.nodes import Window as DataWindow
from libs.kernels import flare
from libs.kernels.flare import MOST_BLADES, Flare, Ghost, Glow, Ring, Streak

Rgb = tuple[float, float, float]

_WAVES: Final = (611 / 549, 1.0, 464 / 549)
"""Dominant wavelengths of Rec.709's red, green and blue beside green's: how far diffraction spreads each."""
_SIDES: Final = (1.0, 0.0, -1.0)
"""What dispersion does to each channel."""
_GHOSTS: Final = (
    (0.35, 26.0, 0.10, 1.0, 0.8, 0.4),
    (0.62, 9.0, 0.22, 0.5, 0.9, 1.0),
    (0.80, 44.0, 0.05, 0.6, 1.0, 0.7),
    (1.22, 16.0, 0.14, 1.0, 0.7, 0.3),
    (1.38, 70.0, 0.05, 0.4, 0.8, 1.0),
    (1.60, 30.0, 0.10, 0.9, 0.5, 1.0),
    (1.95, 110.0, 0.035, 0.5, 1.0, 0.6),
    (2.25, 150.0, 0.03, 1.0, 0.6, 0.3),
)


class LensFlare(Node):
    """Adds what a lens makes of a bright light: a glow, a starburst, a halo, and ghosts across the picture.

    Ghosts are pictures of the aperture that the surfaces of the lens throw along the line through the light s and the
    middle of the frame c: ghost k stands at c + (s − c)(1 − place), so that a place of 0 is at the light, 1 in the
    middle, 2 opposite. They are polygons with a side for each blade, rounded, fading at the edge. The starburst has a
    streak across each blade, both ways (Fraunhofer diffraction of a polygon), whose lengths go with the wavelength. The
    halo is a ring around the light. Dispersion scales red by 1 + d and blue by 1 − d: the distances of the ghosts from
    the middle, their sizes, and twice that the halo. With bump(x) = (1 − x²)³ within 1, and r the distance to s:

        glow    bump(r/R) / (1 + (16 r/R)²)
        streak  bump(across/width) bump(along/length) / (1 + (8 along/length)²)
        halo    bump((r − R)/width)
        ghost   smooth(edge) · (1 − hollow + hollow (d/R)²), d the distance in the polygon's own measure

    The geometry is that of J. Chapman, Pseudo Lens Flare, 2013, and the ghosts' shape and colours that of M. Hullin,
    E. Eisemann, H.-P. Seidel, S. Lee, Physically-Based Real-Time Lens Flare Rendering, 2011, drawn instead of traced.
    Light is added in scene-linear, times colour and intensity; alpha stays, and the output `flare` has an alpha of 0.
    An occlusion mask dims all of it by the mean of what it covers of a disc of the light's own size.

    Memory: the picture. Cost: per pixel, what shapes lie on it: some 20 operations for each, 30 for a ghost.
    """

    category = "Effect"

    video = Input(VIDEO, "The picture that the light falls into.")
    occlusion = Input(MASK, "What stands before the light: where it is 1 the light is hidden.", required=False)
    flared = Output(VIDEO, "The picture with the flare.", name="video")
    flare = Output(VIDEO, "The flare alone: light without coverage.")

    position = Vector2((320.0, 180.0), minimum=-1e5, maximum=1e5, unit="px", doc="Where the light is in the document.")
    intensity = Float(1.0, minimum=0, maximum=1000, doc="Of all of the flare; 1 makes the middle of the glow about 1.")
    color = Color((1.0, 0.93, 0.82, 1.0), minimum=0, maximum=1, doc="Of the light, display-encoded Rec.709.")
    scale = Float(1.0, minimum=0.01, maximum=100, doc="Of all sizes of the flare.")
    source_size = Float(8.0, minimum=0.5, maximum=512, unit="px", doc="Radius of the light itself, for what hides it.")
    glow = Float(1.0, minimum=0, maximum=100, doc="Strength of the glow around the light.")
    glow_radius = Float(360.0, minimum=1, maximum=1e4, unit="px", doc="Where the glow ends.")
    starburst = Float(0.8, minimum=0, maximum=100, doc="Strength of the streaks across the blades.")
    streak_length = Float(300.0, minimum=1, maximum=1e4, unit="px", doc="How far a streak leads from the light.")
    streak_width = Float(5.0, minimum=0.1, maximum=500, unit="px", doc="Of a streak, to each side.")
    anamorphic = Float(0.0, minimum=0, maximum=100, doc="Strength of one streak across, as of an anamorphic lens.")
    anamorphic_length = Float(900.0, minimum=1, maximum=1e4, unit="px", doc="How far it leads to each side.")
    anamorphic_color = Color((0.45, 0.7, 1.0, 1.0), minimum=0, maximum=1, doc="Of it, display-encoded Rec.709.")
    halo = Float(0.06, minimum=0, maximum=100, doc="Strength of the ring around the light.")
    halo_radius = Float(230.0, minimum=1, maximum=1e4, unit="px", doc="Of the ring.")
    halo_width = Float(26.0, minimum=0.5, maximum=5000, unit="px", doc="Of the ring, to each side.")
    ghosts = Points(
        _GHOSTS,
        columns=(
            Column("place", -10.0, 10.0),
            Column("radius", 0.5, 5000.0),
            Column("strength", 0.0, 100.0),
            Column("red", 0.0, 1.0, 1.0),
            Column("green", 0.0, 1.0, 1.0),
            Column("blue", 0.0, 1.0, 1.0),
        ),
        least=0,
        most=64,
        doc="Each ghost's place on the way (0 the light, 1 the middle, 2 opposite), radius in px, strength and colour.",
    )
    hollow = Float(0.35, minimum=0, maximum=1, doc="How dark ghosts are in the middle.")
    softness = Float(0.12, minimum=0, maximum=1, doc="Of the ghosts' edges: a part of their radius.")
    dispersion = Float(0.012, minimum=0, maximum=0.3, doc="How far red and blue lie apart.")
    blades = Integer(6, minimum=3, maximum=MOST_BLADES, doc="Of the aperture: corners of ghosts, streaks of the burst.")
    rotation = Float(0.0, unit="deg", doc="How far the aperture is turned, clockwise.")
    roundness = Float(0.25, minimum=0, maximum=1, doc="Of the aperture: 0 is a polygon, 1 a circle.")

    def identity(self, request: Request) -> str | None:
        return "video" if self.intensity == 0.0 and request.output.name == "video" else None

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        if name == "video":
            return (request.time,) if request.output.name == "video" else ()
        return () if self.intensity == 0.0 else (request.time,)

    def region_needed(self, name: str, request: Request) -> DataWindow:
        return request.region if name == "video" else self._source(request)

    def cost(self, request: Request) -> float:
        return 7.0 + 0.4 * len(self.ghosts)

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        frame = context.take(self.video).crop(request.region) if request.output.name == "video" else Frame.empty()
        seen = self._seen(context) if self.intensity else 0.0
        if seen == 0.0:
            return frame
        light = self._light(request, context.colour, self.intensity * seen)
        reached = _bounds(light).intersect(request.region)
        if reached.empty:
            return frame
        window = frame.window.union(reached)
        pixels = frame.filled(window)
        opaque = frame.opaque and frame.window == window
        flare(pixels, (window.x, window.y), light, context.threads)
        return Frame(pixels, window.x, window.y, opaque)

    def _source(self, request: Request) -> DataWindow:
        """The pixels of the disc that the light is."""
        proxy = float(request.scale)
        x, y, radius = self.position[0] * proxy, self.position[1] * proxy, self._source_radius(proxy)
        left, top = math.floor(x - radius) - 1, math.floor(y - radius) - 1
        return DataWindow(left, top, math.ceil(x + radius) + 1 - left, math.ceil(y + radius) + 1 - top)

    def _source_radius(self, proxy: float) -> float:
        return max(0.5, self.source_size * proxy)

    def _seen(self, context: RenderContext) -> float:
        """How much of the light is not hidden, 0 to 1."""
        if not context.connected(self.occlusion):
            return 1.0
        request = context.request
        window, proxy = self._source(request), float(request.scale)
        hidden = np.clip(context.read(self.occlusion).filled(window)[..., 0].astype(np.float64), 0.0, 1.0)
        x = window.x + 0.5 + np.arange(window.width) - self.position[0] * proxy
        y = window.y + 0.5 + np.arange(window.height) - self.position[1] * proxy
        weights = np.clip(self._source_radius(proxy) + 0.5 - np.hypot(x[None, :], y[:, None]), 0.0, 1.0)
        # What is no number hides nothing.
        return 1.0 - float((np.nan_to_num(hidden) * weights).sum() / weights.sum())

    def _light(self, request: Request, colour: Colour, intensity: float) -> Flare:
        """All shapes, in pixels at the request's scale."""
        proxy = float(request.scale)
        size = self.scale * proxy
        at = (self.position[0] * proxy, self.position[1] * proxy)
        tint = _times(colour.from_display(self.color[:3]), intensity)
        glows = [Glow(at, _all(self.glow_radius * size), _times(tint, self.glow), self.glow_radius * size / 16.0)]
        rings = [
            Ring(
                at,
                self._apart(self.halo_radius * size, 2.0),
                _times(tint, self.halo),
                max(self.halo_width * size, 1.0),
            )
        ]
        turn = math.radians(math.fmod(self.rotation, 360.0))
        shape = Flare(blades=self.blades, turn=turn, roundness=self.roundness)
        streaks = [
            _streak(at, direction, self.streak_length * size, self.streak_width * size, _times(tint, self.starburst))
            for direction in _across_blades(shape)
        ]
        if self.anamorphic:
            blue = colour.from_display(self.anamorphic_color[:3])
            strength = tuple(intensity * self.anamorphic * part for part in blue)
            width = self.streak_width * size
            streaks.append(_streak(at, (1.0, 0.0), self.anamorphic_length * size, width, _rgb(strength), waves=False))
        return Flare(
            self._ghosts(request, at, tint),
            rings if self.halo else (),
            [streak for streak in streaks if any(streak.strength)],
            glows if self.glow else (),
            self.blades,
            turn,
            self.roundness,
        )

    def _ghosts(self, request: Request, at: tuple[float, float], tint: Rgb) -> list[Ghost]:
        size = self.scale * float(request.scale)
        middle = (0.5 * request.width, 0.5 * request.height)
        away = (at[0] - middle[0], at[1] - middle[1])
        found = []
        for place, radius, strength, *own in self.ghosts:
            if strength == 0.0:
                continue
            soft = self.softness * radius * size
            edge = max(soft, 1.0)
            # An edge is never harder than a pixel, half of which lies outside.
            radii = self._apart(radius * size + 0.5 * (edge - soft), 1.0)
            parts = [(1.0 - place) * (1.0 + self.dispersion * side) for side in _SIDES]
            middles = [(middle[0] + away[0] * part, middle[1] + away[1] * part) for part in parts]
            light = _rgb(tint[channel] * own[channel] * strength for channel in range(3))
            found.append(Ghost((middles[0], middles[1], middles[2]), radii, light, edge, self.hollow))
        return found

    def _apart(self, size: float, times: float) -> Rgb:
        return _rgb(size * (1.0 + times * self.dispersion * side) for side in _SIDES)


def _streak(
    at: tuple[float, float], direction: tuple[float, float], length: float, width: float, light: Rgb, waves: bool = True
) -> Streak:
    # One that is thinner than a pixel is as wide, and as much darker.
    seen = max(width, 1.0)
    lengths = _rgb(length * wave for wave in _WAVES) if waves else _all(length)
    return Streak(at, direction, lengths, _times(light, width / seen), seen)


def _across_blades(shape: Flare) -> list[tuple[float, float]]:
    """Directions across the blades; those of an even number of blades lie opposite to one another in pairs."""
    count = shape.blades // 2 if shape.blades % 2 == 0 else shape.blades
    found = []
    for x, y in shape.normals()[:count]:
        length = math.hypot(x, y)
        found.append((x / length, y / length))
    return found


def _bounds(light: Flare) -> DataWindow:
    """The pixels on which any of it falls."""
    boxes = [(each.middle, max(each.radius)) for each in light.glows]
    boxes += [(each.middle, max(each.radius) + each.width) for each in light.rings]
    boxes += [(each.middle, max(each.length) + each.width) for each in light.streaks]
    boxes += [(middle, max(each.radius)) for each in light.ghosts for middle in each.middles]
    window = DataWindow(0, 0, 0, 0)
    for (x, y), reach in boxes:
        left, top = math.floor(x - reach), math.floor(y - reach)
        window = window.union(DataWindow(left, top, math.ceil(x + reach) - left, math.ceil(y + reach) - top))
    return window


def _all(number: float) -> Rgb:
    return (number, number, number)


def _times(light: Rgb, factor: float) -> Rgb:
    return (light[0] * factor, light[1] * factor, light[2] * factor)


def _rgb(numbers: Iterable[float]) -> Rgb:
    red, green, blue = numbers
    return (red, green, blue)
