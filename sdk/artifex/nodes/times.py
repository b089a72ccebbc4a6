"""Exact times. A time is a `Fraction` of seconds; frame n of a picture stream is shown at n / frame_rate."""

import math
import re
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

_RATIONAL = re.compile(r"(-?\d{1,18})(?:/(\d{1,18})|\.(\d{1,18}))?", re.ASCII)
_LONGEST = 38
"""Characters of what `_RATIONAL` takes."""
_LIMIT = 10**18
_FINEST = 10**15


def parse_rational(value: object) -> Fraction | None:
    """A JSON number or string as an exact fraction; None when it is neither.

    Strings are integers, decimals or quotients: "24", "5.28", "24000/1001". A JSON number means the decimal that
    is written (0.1 is 1/10), not the binary float next to it; one of more digits than exact times have, as a
    program's 0.0016666666666666668, means the nearest fraction of up to 15 digits. None also for what
    `rational_text` could not write so that it reads back: numerators and denominators have up to 18 digits.
    """
    if isinstance(value, str):
        return _parsed(value) if len(value) <= _LONGEST else None
    return _parsed(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@lru_cache(maxsize=4096, typed=True)
def _parsed(value: float | str) -> Fraction | None:
    """Kept, since the keys of a document mostly share a few times: then there is also one object for all of them."""
    if isinstance(value, str):
        match = _RATIONAL.fullmatch(value)
        if match is None or (match[2] is not None and int(match[2]) == 0):
            return None
        found = Fraction(value)
    elif isinstance(value, int):
        found = Fraction(value)
    elif math.isfinite(value):
        found = Fraction(*Decimal(repr(value)).as_integer_ratio())
        if found.denominator >= _LIMIT:
            found = found.limit_denominator(_FINEST)
    else:
        return None
    return found if abs(found.numerator) < _LIMIT and found.denominator < _LIMIT else None


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
