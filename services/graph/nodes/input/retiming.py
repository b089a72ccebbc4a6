"""Which of a clip's frames make a picture of a document of another rate."""

import math
from fractions import Fraction

from services.graph.nodes.clip import middle_of_frame

Shown = tuple[Fraction, float]
"""A time at which a frame is shown, the middle of it, and the frame's weight."""

_LEAST = Fraction(1, 100_000)
"""Weights below this are left out: rounding of rates makes such."""


def frames_within(
    begin: Fraction, span: Fraction, rate: Fraction, count: int, loop: tuple[Fraction, Fraction] | None
) -> list[Shown]:
    """What a clip of `count` frames at a constant rate shows from `begin` on for `span` seconds; weights sum to 1.

    Beyond the end the last frame counts, or, in a loop of a beginning and a length, the clip from its beginning on.
    """
    first, end = begin * rate, (begin + span) * rate
    weights: dict[Fraction, Fraction] = {}
    for number in range(math.floor(first), math.ceil(end)):
        shown = min(Fraction(number + 1), end) - max(Fraction(number), first)
        weight = shown / (end - first)
        time = Fraction(2 * number + 1) / (2 * rate)
        if loop is not None and loop[1] > 0 and time >= loop[0] + loop[1]:
            time = loop[0] + (time - loop[0]) % loop[1]
        at = middle_of_frame(time, rate, count)
        weights[at] = weights.get(at, Fraction(0)) + weight
    kept = {at: weight for at, weight in weights.items() if weight > _LEAST}
    total = sum(kept.values())
    return [(at, float(weight / total)) for at, weight in kept.items()]
