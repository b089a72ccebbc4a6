"""What nodes share that show other times of their input than the document's own."""

import math
from collections.abc import Hashable, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from artifex.nodes import (
    VIDEO,
    Choice,
    Float,
    Frame,
    Input,
    Node,
    Output,
    RenderContext,
    Request,
    Time,
    Window,
    parse_rational,
)
from libs.frames.timing import snap_rate
from services.graph.nodes.time.between import blended, moved_between
from services.graph.nodes.time.optical_flow import FAST, FINE, MEDIUM, QUALITIES

NEAREST: Final = "nearest"
BLEND: Final = "blend"
FLOW: Final = "flow"

_FINEST: Final = 10**6
"""Denominators of times that are asked of the input: a speed of 0.7 is the next float64, and its seconds are not quite
those meant. No rate of film or video has frames nearer to each other."""
_ON_A_FRAME: Final = Fraction(1, 10_000)
"""Parts of a frame by which a time may miss it and still mean it."""
_COSTS: Final = {NEAREST: 0.0, BLEND: 3.6}
_FLOWS: Final = {MEDIUM: 230.0, FAST: 120.0, FINE: 600.0}
"""Nanoseconds for a pixel."""


class Moment(NamedTuple):
    """Which pictures of the input make the result."""

    earlier: Fraction
    later: Fraction
    share: Fraction
    """0 for the earlier, to below 1."""


class Retimed(Node, base=True):
    """Shows its input at `source_time`."""

    video = Input(VIDEO, "The clip.")
    retimed = Output(VIDEO, "The clip at its new times.", name="video")

    method = Choice(
        NEAREST,
        choices=(NEAREST, BLEND, FLOW),
        doc="What is seen between two pictures: the one that the clip shows there, both blended, or both moved along "
        "the optical flow.",
    )
    rate = Float(
        0.0,
        minimum=0,
        maximum=1000,
        unit="1/s",
        animatable=False,
        doc="Pictures a second that the clip has, to blend or move between these; 23.976 is 24000/1001, and so on. "
        "0 is the document's rate.",
    )
    phase = Time(Fraction(0), doc="A time of the clip at which one of its pictures begins.")
    quality = Choice(
        MEDIUM, choices=QUALITIES, doc="Of the optical flow: fast looks at a quarter of the size, fine at all of it."
    )

    def source_time(self, request: Request) -> Fraction:
        """The time of the input that is seen at the request's."""
        raise NotImplementedError

    def moment(self, request: Request) -> Moment:
        """Which pictures of the input are read, and how much of the later."""
        time = self.source_time(request).limit_denominator(_FINEST)
        if self.method == NEAREST:
            return Moment(time, time, Fraction(0))
        rate = clip_rate(self.rate) or request.frame_rate
        position = (time - self.phase) * rate
        number = math.floor(position)
        share = position - number
        if share <= _ON_A_FRAME:
            share = Fraction(0)
        elif share >= 1 - _ON_A_FRAME:
            number, share = number + 1, Fraction(0)
        earlier = number / rate + self.phase
        return Moment(earlier, earlier + 1 / rate if share else earlier, share)

    def identity(self, request: Request) -> str | None:
        moment = self.moment(request)
        return "video" if not moment.share and moment.earlier == request.time else None

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        moment = self.moment(request)
        return (moment.earlier, moment.later) if moment.share else (moment.earlier,)

    def region_needed(self, name: str, request: Request) -> Window:
        # Motion is looked for in whole pictures, so that every part of them is found to move the same way.
        return request.format if self.whole and self.moment(request).share else request.region

    @property
    def whole(self) -> bool:
        """Whether pictures between two are made of whole ones."""
        return self.method != BLEND

    def fingerprint(self, request: Request) -> Hashable:
        # The pictures that are read stand in the digest beside this.
        return (self.method, self.quality, str(self.moment(request).share))

    def cost(self, request: Request) -> float | None:
        # Of the flow, for every second picture between two.
        share = self.moment(request).share
        return _COSTS.get(self.method, _FLOWS[self.quality]) if share else 0.0

    def render(self, context: RenderContext) -> Frame:
        moment = self.moment(context.request)
        first = context.read(self.video, moment.earlier)
        if not moment.share:
            return first
        return self.between(context, first, context.read(self.video, moment.later), float(moment.share))

    def between(self, context: RenderContext, first: Frame, second: Frame, share: float) -> Frame:
        """The picture at `share` of the way between two."""
        request = context.request
        if self.method == BLEND:
            return blended(first, second, share, request.region)
        return moved_between(first, second, share, request.format, context.colour, self.quality, context.threads)


def clip_rate(rate: float) -> Fraction | None:
    """The exact rate that a number means; None for 0."""
    exact = parse_rational(rate)
    return snap_rate(exact) if exact else None
