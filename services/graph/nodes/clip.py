"""What nodes that play a clip share: where it lies in time, and what is shown outside it."""

from fractions import Fraction
from typing import Final

from artifex.nodes import Choice, Node, Time

HOLD: Final = "hold"
BLACK: Final = "black"
LOOP: Final = "loop"
_OUTSIDE: Final = (HOLD, BLACK, LOOP)


def middle_of_frame(time: Fraction, rate: Fraction, count: int) -> Fraction:
    """The middle of the time during which that frame is shown which is shown at `time`, of `count` at a constant rate.

    All times that show one frame give one result, so that results can be kept by it; and a container that counts in
    ticks, which puts a frame a tick before or after its place, still shows the right one.
    """
    # In integers, since it is asked for with every strip of a frame.
    number = (time.numerator * rate.numerator) // (time.denominator * rate.denominator)
    return Fraction((2 * min(max(number, 0), count - 1) + 1) * rate.denominator, 2 * rate.numerator)


class ClipNode(Node, base=True):
    """A clip of a known length that begins at `start` of the document."""

    start = Time(Fraction(0), doc="When the clip begins in the document.")
    before = Choice(
        BLACK,
        choices=_OUTSIDE,
        doc="What is seen before the clip: its first frame held, nothing (transparent black), or the clip in a loop.",
    )
    after = Choice(
        HOLD,
        choices=_OUTSIDE,
        doc="What is seen after the clip: its last frame held, nothing (transparent black), or the clip in a loop.",
    )

    def clip_time(self, time: Fraction, length: Fraction) -> Fraction | None:
        """Where in the clip `time` of the document falls, 0 to below `length`; None where nothing is shown.

        Beyond the end, a held clip gives `length` itself: a source gives its last picture there.
        """
        local = time - self.start if self.start else time
        if 0 <= local < length:
            return local
        rule = self.before if local < 0 else self.after
        if rule == BLACK or length <= 0:
            return None
        if rule == LOOP:
            return local % length
        return Fraction(0) if local < 0 else length
