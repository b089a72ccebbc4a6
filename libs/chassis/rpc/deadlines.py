"""The moment by which the rpc being served must be answered, kept for the calls that it makes in turn."""

from __future__ import annotations

import time
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("artifex_deadline", default=None)


def set_deadline(seconds: float | None) -> None:
    """The work of the current task must end within `seconds`; None for no limit."""
    _deadline.set(None if seconds is None else time.monotonic() + seconds)


def time_left() -> float | None:
    """Seconds until the deadline, negative after it; None where there is none."""
    deadline = _deadline.get()
    return None if deadline is None else deadline - time.monotonic()
