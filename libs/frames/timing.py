"""Frame rates found from presentation times: exact where constant, the average where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

STANDARD_RATES = tuple(
    rate
    for whole in (24, 25, 30, 48, 50, 60, 90, 96, 100, 120, 15, 12, 10)
    for rate in ((Fraction(whole), Fraction(whole * 1000, 1001)) if whole % 6 == 0 else (Fraction(whole),))
)

# Matroska's clock.
_COARSE = Fraction(1, 1000)


def snap_rate(rate: Fraction) -> Fraction:
    """The standard rate that a declared one means: Matroska writes 60000/1001 as a frame's length in nanoseconds."""
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    return nearest if abs(nearest - rate) < nearest / 100_000 else rate


@dataclass(frozen=True)
class Timing:
    """`duration` is seconds from the first frame to the end of the last."""

    rate: Fraction
    variable: bool
    duration: Fraction


def find_timing(
    times: npt.NDArray[np.int64], last_duration: int, time_base: Fraction, declared: Sequence[Fraction | None]
) -> Timing:
    """The timing of frames at `times` (ticks of `time_base`, any order, at least one).

    Containers round times to their clock, so a rate is constant when every frame lies within one tick of its place;
    where a tick is nearly as long as a frame, only exact places count. `declared` are the header's claims, tried first.
    """
    ordered = np.sort(times)
    count = len(ordered)
    offsets = ordered - ordered[0]
    claims = [snap_rate(rate) for rate in declared if rate]
    if count == 1:
        rate = claims[0] if claims else Fraction(25)
        return Timing(rate, False, last_duration * time_base if last_duration else 1 / rate)
    steps = np.diff(ordered)
    if steps[0] > 0 and (steps == steps[0]).all():
        rate = 1 / (int(steps[0]) * time_base)
        if time_base >= _COARSE:
            # Equal steps of so coarse a clock may be those of a rate whose frames are no whole number of ticks.
            rate = next((claim for claim in claims if _fits(offsets, claim, time_base)), rate)
        return Timing(rate, False, count / rate)
    for rate in (*claims, *STANDARD_RATES):
        if _fits(offsets, rate, time_base):
            return Timing(rate, False, count / rate)
    span = int(offsets[-1])
    length = last_duration or max(span // (count - 1), 1)
    duration = (span + length) * time_base
    return Timing(count / duration, True, duration)


def _fits(offsets: npt.NDArray[np.int64], rate: Fraction, time_base: Fraction) -> bool:
    step = 1 / (rate * time_base)
    if step < 3:
        return False
    ideal = np.arange(len(offsets), dtype=np.float64) * float(step)
    return bool(np.abs(offsets - ideal).max() <= 1.0)
