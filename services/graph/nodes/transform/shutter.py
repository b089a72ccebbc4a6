"""A shutter: what nodes that move a picture declare so that it blurs as it moves."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeVar

from artifex.nodes import Float, Integer, Node, Request

N = TypeVar("N", bound=Node)


def shutter_angle() -> Float:
    how = "How long the shutter is open: 360 is the time of a frame, 180 the half that film has; 0 blurs nothing."
    return _angle(0, 1080, how)


def shutter_phase() -> Float:
    how = "How long after the frame's time the middle of the opening lies: half the angle opens it at that time."
    return _angle(-720, 720, how)


def shutter_samples() -> Integer:
    return Integer(
        16,
        minimum=2,
        maximum=256,
        animatable=False,
        doc="How many moments the blur is the mean of; each is a resampling.",
    )


def open_moments(angle: float, phase: float, samples: int, request: Request) -> Sequence[Fraction]:
    """The middles of equal parts of the time that the shutter is open; none where it opens for no time.

    Before the document begins all stands as it does then: expressions need make no sense of earlier times.
    """
    if angle == 0.0:
        return ()
    opening, middle = Fraction(angle) / 360, Fraction(phase) / 360
    parts = [middle + opening * (Fraction(2 * part + 1, 2 * samples) - Fraction(1, 2)) for part in range(samples)]
    return [max(Fraction(0), request.time + part / request.frame_rate) for part in parts]


def at_moments(node: N) -> list[N]:
    """The node at its moments."""
    return [other for other in node.then if isinstance(other, type(node))]


def _angle(minimum: float, maximum: float, doc: str) -> Float:
    return Float(0.0, minimum=minimum, maximum=maximum, unit="deg", animatable=False, doc=doc)
