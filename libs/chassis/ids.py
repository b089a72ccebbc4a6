"""Identifiers of resources: ULIDs in lower case, unique everywhere and ordered by the time they were made."""

from __future__ import annotations

import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_RANDOM_BITS = 80
_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """26 characters: 48 bits of milliseconds since 1970, then 80 random bits.

    Ids made by one process are strictly increasing, also within a millisecond and when the clock is set back.
    """
    global _last
    with _lock:
        value = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        if value >> _RANDOM_BITS <= _last >> _RANDOM_BITS:
            # The ULID specification's rule for the same millisecond: the last id plus a step. A random step keeps ids
            # from being guessed from their neighbours.
            value = _last + 1 + secrets.randbits(40)
        _last = value
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))
