"""Exact times. A time is a `Fraction` of seconds; frame n of a picture stream is shown at n / frame_rate."""

import re
from fractions import Fraction

_RATIONAL = re.compile(r"(-?\d{1,18})(?:/(\d{1,18})|\.(\d{1,18}))?", re.ASCII)


def parse_rational(value: object) -> Fraction | None:
    """A JSON number or string as an exact fraction; None when it is neither.

    Strings are integers, decimals or quotients: "24", "5.28", "24000/1001". A JSON number means the decimal that
    is written (0.1 is 1/10), not the binary float next to it.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Fraction(value)
    if isinstance(value, float):
        return Fraction(repr(value)) if value - value == 0.0 else None
    if isinstance(value, str):
        match = _RATIONAL.fullmatch(value)
        if match is None or (match[2] is not None and int(match[2]) == 0):
            return None
        return Fraction(value)
    return None


def rational_text(value: Fraction) -> str:
    """The shortest exact spelling: "24", "24000/1001"."""
    return str(value)


def round_half_up(value: Fraction) -> int:
    """The nearest integer; halves go up, at every magnitude and sign alike."""
    return (value + Fraction(1, 2)).__floor__()


def frame_time(frame: int, frame_rate: Fraction) -> Fraction:
    """When frame number `frame` is shown, in seconds from the first."""
    return frame / frame_rate


def sample_at(time: Fraction, rate: int) -> int:
    """The audio sample nearest to `time`."""
    return round_half_up(time * rate)
