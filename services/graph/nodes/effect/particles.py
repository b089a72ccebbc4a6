"""Particles."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from artifex.nodes import (
    VIDEO,
    Choice,
    Color,
    Colour,
    Column,
    Float,
    Frame,
    Input,
    Integer,
    Node,
    Output,
    Pixels,
    Points,
    RenderContext,
    Request,
    Rows,
    Time,
    Vector2,
)
from artifex.nodes import Window as DataWindow
from libs.kernels import draw_sprites, merge
from libs.kernels.sprites import Sprites
from services.graph.nodes.effect import particle_sprites as looks
from services.graph.nodes.effect import particle_states as states

MOST: Final = 100_000
"""Particles that live at once."""
_MOMENTS: Final = 256
"""Times at which an emitter is asked for, of one frame."""
_BIRTH, _LOOK = 1, 2
"""Streams of random numbers."""
_CURVE: Final = (Column("age", 0.0, 1.0), Column("value", 0.0, 10.0))
_SHAPES: Final = ("point", "line", "box", "disc")

Array = states.Array


class Particles(Node):
    """Emits particles: sparks, snow, dust, confetti. Each is a soft disc, or a picture.

    Particle i is born at start + (i + u) / rate, somewhere in the emitter as that is then, and flies off by direction,
    spread and speed. From there on gravity g, wind w and drag k act on it, v' = g − k (v − w), whose way is known in
    closed form (I. Newton's for a resistance in proportion to the velocity); wind acts by drag alone. Turbulence moves
    it aside, A (1 − e^(−age)) times a field of swirls without sources (R. Bridson and others, Curl-Noise for Procedural
    Fluid Flow, 2007; made of waves, R. H. Kraichnan, 1970), read where it would be without. Every chance u comes from
    Philox 4x64 (J. Salmon and others, Parallel Random Numbers: As Easy as 1, 2, 3, 2011) by seed and i. So a particle's
    state follows from seed, i and the time alone: any frame can be rendered by itself and is the same as in sequence.

    Where the emitter was when a particle was born is taken from the keyframes of its position and size, of direction,
    spread and speed; forces, sizes and colours are those of the present. Sizes and opacities go by curves over the life
    of each, straight between their points. A disc keeps its light however small it is. "add" adds light without
    coverage (alpha 0), in which order does not matter; "over" lays younger particles over older ones. With a shutter
    above 0 the mean of the times in it is shown.

    At most 100,000 live at once. Memory: a picture of what they cover, one more with a shutter, the sprite and a third
    of it, and 0.3 KB a particle. Cost: about 0.5 µs a particle, twice that with turbulence, and 2 ns for each pixel
    that it covers; times the samples of a shutter.
    """

    category = "Effect"
    time_dependent = True

    video = Input(VIDEO, "What the particles are drawn over; nothing without it.", required=False)
    sprite = Input(VIDEO, "A picture for each particle: its pixels within the document.", required=False)
    drawn = Output(VIDEO, "The particles over the picture.", name="video")

    seed = Integer(1, minimum=0, maximum=2**31 - 1, doc="Another number gives other particles.", animatable=False)
    rate = Float(60.0, minimum=0, maximum=1e5, unit="1/s", doc="Particles born a second.", animatable=False)
    start = Time(Fraction(0), doc="When the first is born; before 0, so that some are there from the beginning.")
    stop = Time(Fraction(86400), doc="From when on none are born.")
    lifetime = Float(3.0, minimum=0.01, maximum=120, unit="s", doc="How long the longest live.", animatable=False)
    lifetime_variation = Float(
        0.3, minimum=0, maximum=1, doc="How much shorter others live, at most, as a part.", animatable=False
    )
    emitter = Choice("point", choices=_SHAPES, doc="Where particles are born: a point, line, box or ellipse.")
    position = Vector2((640.0, 540.0), minimum=-1e5, maximum=1e5, unit="px", doc="The emitter's middle.")
    emitter_size = Vector2(
        (200.0, 0.0),
        minimum=-1e5,
        maximum=1e5,
        unit="px",
        doc="The emitter's width and height; a line leads across it.",
    )
    direction = Float(-90.0, unit="deg", doc="Where they fly: 0 is right, 90 down, -90 up.")
    spread = Float(40.0, minimum=0, maximum=360, unit="deg", doc="The angle that they fly off within.")
    speed = Float(300.0, minimum=0, maximum=1e5, unit="px/s", doc="At birth.")
    speed_variation = Float(0.3, minimum=0, maximum=1, doc="How much slower or faster, at most, as a part.")
    gravity = Vector2((0.0, 200.0), minimum=-1e5, maximum=1e5, unit="px/s²", doc="Acceleration, right and down.")
    drag = Float(0.3, minimum=0, maximum=100, unit="1/s", doc="How fast the air takes their speed.")
    wind = Vector2((0.0, 0.0), minimum=-1e5, maximum=1e5, unit="px/s", doc="The air's own speed, right and down.")
    turbulence = Float(0.0, minimum=0, maximum=1e4, unit="px", doc="How far swirls move them aside.")
    turbulence_size = Float(200.0, minimum=1, maximum=1e5, unit="px", doc="Length of the swirls.")
    turbulence_speed = Float(0.3, minimum=0, maximum=100, unit="1/s", doc="How fast swirls change.")
    size = Float(6.0, minimum=0, maximum=4096, unit="px", doc="Radius; of a picture half its longer side.")
    size_variation = Float(0.5, minimum=0, maximum=1, doc="How much smaller others are, at most, as a part.")
    size_over_life = Points(
        ((0.0, 1.0), (1.0, 1.0)), columns=_CURVE, most=64, doc="By age, 0 to 1: what the size is multiplied by."
    )
    softness = Float(0.8, minimum=0, maximum=1, doc="The part of a disc's radius over which it fades.")
    color = Color((1.0, 0.85, 0.55, 1.0), minimum=0, maximum=1, doc="At birth, display-encoded Rec.709, with alpha.")
    color_end = Color((1.0, 0.25, 0.05, 1.0), minimum=0, maximum=1, doc="At death, the same way.")
    brightness = Float(1.0, minimum=0, maximum=1000, doc="Times the colour: beyond 1 it is light brighter than white.")
    opacity = Float(1.0, minimum=0, maximum=1, doc="Of all particles.")
    opacity_over_life = Points(
        ((0.0, 0.0), (0.1, 1.0), (0.6, 1.0), (1.0, 0.0)), columns=_CURVE, most=64,
        doc="By age, 0 to 1: what the opacity is multiplied by.",
    )  # fmt: skip
    turn = Float(0.0, unit="deg", doc="How far a picture is turned at birth, clockwise.")
    turn_variation = Float(180.0, minimum=0, maximum=180, unit="deg", doc="How much more or less, at most.")
    spin = Float(0.0, unit="deg/s", doc="How fast a picture turns.")
    spin_variation = Float(90.0, minimum=0, maximum=1e4, unit="deg/s", doc="How much faster or slower, at most.")
    blending = Choice("add", choices=("add", "over"), doc="Whether particles add their light or lie over one another.")
    shutter = Float(0.0, minimum=0, maximum=2, unit="frames", doc="How long each frame is exposed, around its time.")
    samples = Integer(8, minimum=2, maximum=64, doc="Times within the shutter.", animatable=False)

    def misfits(self, width: int, height: int) -> Iterable[tuple[str, str]]:
        living = self.rate * self.lifetime
        if living > MOST:
            message = f"{living:g} particles would live at once, {MOST:,} can: lower the rate or the lifetime"
            yield "rate", message

    def moments(self, request: Request) -> Sequence[Fraction]:
        """Times at which the emitter stood where particles of this frame were born: the same for all frames."""
        step = self._step(request)
        first = math.floor((request.time - Fraction(self.lifetime)) / step) - 1
        last = math.ceil(request.time / step) + 1
        return [number * step for number in range(first, last + 1)]

    def region_needed(self, name: str, request: Request) -> DataWindow:
        return request.format if name == "sprite" else request.region

    def cost(self, request: Request) -> float:
        number = min(self.rate * self.lifetime, MOST) * (self.samples if self.shutter else 1)
        each = (1000.0 if self.turbulence else 500.0) + 2.0 * math.pi * (self.size * float(request.scale)) ** 2
        return 4.0 + number * each / (request.width * request.height)

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        levels = self._levels(context)
        background = Frame.empty()
        if context.connected(self.video):
            background = context.take(self.video).crop(request.region)
        layer = self._layer(request, context.colour, levels, context.threads)
        window = layer.window
        if window.empty:
            return background
        whole = background.window.union(window)
        if background.window.empty:
            return layer
        pixels = background.filled(whole)
        below = pixels[window.inside(whole)]
        if self.blending == "over":
            merge("over", layer.pixels, below, out=below)
        else:
            below += layer.pixels
        opaque = background.opaque and background.window == whole
        if opaque:
            # Over what is opaque it is 1 up to rounding.
            below[..., 3] = 1.0
        return Frame(pixels, whole.x, whole.y, opaque)

    def _levels(self, context: RenderContext) -> list[Pixels] | None:
        """The sprite's picture in all sizes; None where particles are discs."""
        if not context.connected(self.sprite):
            return None
        frame = context.read(self.sprite).crop(context.request.format)
        return looks.halved(frame.pixels) if not frame.window.empty else []

    def _times(self, request: Request) -> list[float]:
        if self.shutter == 0.0:
            return [float(request.time)]
        open_for = self.shutter / float(request.frame_rate)
        count = self.samples
        return [float(request.time) + open_for * ((number + 0.5) / count - 0.5) for number in range(count)]

    def _layer(self, request: Request, colour: Colour, levels: list[Pixels] | None, threads: int) -> Frame:
        """The mean of the exposures, as far as any of them reaches. One at a time is held."""
        times, over = self._times(request), self.blending == "over"
        layer = Frame.empty()
        for time in times:
            sprites, reached = looks.seen_in(self._sprites(request, colour, time, levels), request.region)
            if reached.empty:
                continue
            window = layer.window.union(reached)
            total, alone = layer.filled(window), over and len(times) > 1
            layer = Frame(total, window.x, window.y)
            if not over:
                sprites["colour"] /= len(times)
            drawn = np.zeros((reached.height, reached.width, 4), np.float32) if alone else total[reached.inside(window)]
            draw_sprites(drawn, (reached.x, reached.y), sprites, levels or (), over=over, threads=threads)
            if alone:
                total[reached.inside(window)] += drawn
        if over:
            layer.pixels[...] /= np.float32(len(times))
        return layer

    def _sprites(self, request: Request, colour: Colour, time: float, levels: list[Pixels] | None) -> Sprites:
        """All particles at a time, in pixels at the request's scale."""
        proxy = float(request.scale)
        found = states.alive(
            self.seed,
            time,
            start=float(self.start),
            stop=float(self.stop),
            rate=min(self.rate, MOST / self.lifetime),
            lifetime=self.lifetime,
            variation=self.lifetime_variation,
        )
        place = self._places(request, found, time)
        random = states.of_all(found, self.seed, _LOOK)
        radius = self.size * (1.0 - self.size_variation * random[:, 0]) * _curve(self.size_over_life, found.part)
        light = self._light(colour, found.part)
        if levels is None:
            return looks.discs(place * proxy, radius * proxy, self.softness, light)
        if not levels:
            return looks.discs(place * proxy, radius * proxy, 1.0, light * 0.0)
        turn = self.turn + self.turn_variation * (2.0 * random[:, 1] - 1.0)
        turn += found.age * (self.spin + self.spin_variation * (2.0 * random[:, 2] - 1.0))
        return looks.pictures(place * proxy, radius * proxy, np.radians(turn), light, levels)

    def _places(self, request: Request, found: states.Alive, time: float) -> Array:
        """[n, 2], in pixels of the document."""
        random = states.of_all(found, self.seed, _BIRTH)
        born = self._emitters(request, found.birth)
        angle = np.radians(born[:, 4] + born[:, 5] * (random[:, 2] - 0.5))
        speed = born[:, 6] * (1.0 + self.speed_variation * (2.0 * random[:, 3] - 1.0))
        velocity = speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
        place: Array = born[:, :2] + states.placed(self.emitter, born[:, 2:4], random)
        place += states.travelled(velocity, found.age, gravity=self.gravity, wind=self.wind, drag=self.drag)
        if self.turbulence > 0.0:
            aside = states.swirl(self.seed, place, time, self.turbulence_size, self.turbulence_speed)
            place += self.turbulence * -np.expm1(-found.age)[:, None] * aside
        return place

    def _emitters(self, request: Request, birth: Array) -> Array:
        """The emitter when each particle was born, [n, 7]: its middle, extent, direction, spread and speed."""
        moments = self.moments(request) if self.then else ()
        if not moments:
            return np.broadcast_to(np.array(_emitter(self)), (birth.size, 7))
        rows = np.array([_emitter(each) for each in self.then if isinstance(each, Particles)])
        times = np.array([float(moment) for moment in moments])
        return np.stack([np.interp(birth, times, column) for column in rows.T], -1)

    def _light(self, colour: Colour, part: Array) -> Array:
        """Premultiplied colours, [n, 4]."""
        ends = [np.array([*colour.from_display(each[:3]), each[3]]) for each in (self.color, self.color_end)]
        light: Array = ends[0] + (ends[1] - ends[0]) * part[:, None]
        light[:, 3] *= self.opacity * _curve(self.opacity_over_life, part)
        np.clip(light[:, 3], 0.0, 1.0, out=light[:, 3])
        light[:, :3] *= light[:, 3:] * self.brightness
        if self.blending == "add":
            light[:, 3] = 0.0
        return light

    def _step(self, request: Request) -> Fraction:
        """Between two moments: whole frames, so few that a life has no more than `_MOMENTS` of them."""
        frames = self.lifetime * float(request.frame_rate)
        return max(1, math.ceil(frames / (_MOMENTS - 4))) / request.frame_rate


def _emitter(node: Particles) -> tuple[float, ...]:
    return (*node.position, *node.emitter_size, node.direction, node.spread, node.speed)


def _curve(rows: Rows, at: Array) -> Array:
    """A curve's value, straight between its points; before the first and after the last theirs."""
    ages, values = np.array(sorted(rows, key=lambda row: row[0])).T
    return np.asarray(np.interp(at, ages, values), np.float64)
