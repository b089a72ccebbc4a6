"""What to draw next while the client changes its mind: the newest wish wins, coarse first where it is slow.

Pure: time is given, nothing is drawn here. One picture is drawn at a time.

- A wish that can be drawn in time is drawn as it is. Else a draft goes ahead, at the finest scale that is quick enough.
- What is drawn after a draft is given up as soon as there is a newer wish: something of it has been seen already.
- The first picture of a wish is given up only once it has taken long, and never twice in a row, so that somebody who
  drags a slider without pause still sees pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

QUICK: Final = 0.033
"""Seconds: what is drawn within needs no draft."""
PATIENCE: Final = 0.1
"""Seconds that a first picture may take before a newer wish may end it."""
SMALLEST: Final = Fraction(1, 64)
_DRAFTS: Final = (Fraction(1, 2), Fraction(1, 4), Fraction(1, 8))
_SMALLEST_SIDE: Final = 32


@dataclass(frozen=True, slots=True)
class Order:
    """One picture to draw."""

    wish: int
    """Of which wish, counted from 1."""
    scale: Fraction
    draft: bool
    first: bool
    """Whether nothing of this wish has been drawn before."""
    begun: float


class Director:
    """Decides what is drawn, for one session."""

    def __init__(self) -> None:
        self._wish = 0
        self._scale = Fraction(1)
        self._side = 0
        self._drafts = True
        self._drawn: Fraction | None = None
        self._gave_up = False
        self._cost: dict[Fraction, float] = {}

    @property
    def wish(self) -> int:
        """The number of the newest wish; 0 before the first."""
        return self._wish

    @property
    def idle(self) -> bool:
        """Whether the newest wish is drawn in full."""
        return self._wish == 0 or self._drawn == self._scale

    def want(self, scale: Fraction, side: int, *, drafts: bool) -> None:
        """There is a new wish: a picture at `scale`, whose shorter side is `side` pixels in full size."""
        self._wish += 1
        self._scale, self._side, self._drafts = scale, side, drafts
        self._drawn = None

    def next(self, now: float) -> Order | None:
        """The next picture to draw; None when all that was wished for is drawn."""
        if self.idle:
            return None
        first = self._drawn is None
        scale = self._first_scale() if first else self._scale
        return Order(self._wish, scale, scale != self._scale, first, now)

    def may_give_up(self, order: Order, now: float) -> bool:
        """Whether to stop drawing `order`, given that something newer was wished for since."""
        if not order.first:
            return True
        return now - order.begun > PATIENCE and not self._gave_up

    def gave_up(self, order: Order) -> None:
        """`order` was stopped before its end."""
        if order.first:
            self._gave_up = True

    def drew(self, order: Order, now: float) -> None:
        """`order` was drawn."""
        self._cost[order.scale] = now - order.begun
        self._gave_up = False
        if order.wish == self._wish:
            self._drawn = order.scale

    def failed(self, order: Order) -> None:
        """`order` cannot be drawn: trying again would fail again, so its wish is done."""
        if order.wish == self._wish:
            self._drawn = self._scale

    def _first_scale(self) -> Fraction:
        """The scale of a wish's first picture."""
        expected = self._expected(self._scale)
        if not self._drafts or (expected is not None and expected <= QUICK):
            return self._scale
        coarser = [scale for part in _DRAFTS if self._is_large_enough(scale := self._scale * part)]
        for scale in coarser:
            expected = self._expected(scale)
            if expected is not None and expected <= QUICK:
                return scale
        return coarser[-1] if coarser else self._scale

    def _is_large_enough(self, scale: Fraction) -> bool:
        return scale >= SMALLEST and scale * self._side >= _SMALLEST_SIDE

    def _expected(self, scale: Fraction) -> float | None:
        """Seconds that a picture at the scale will take, going by the last one at that scale, or at the nearest."""
        if not self._cost:
            return None
        nearest = min(self._cost, key=lambda known: abs(known - scale))
        return self._cost[nearest] * float(scale / nearest) ** 2
