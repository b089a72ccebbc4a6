"""A worker that fails again and again rests: on a broken machine it would otherwise take one task after the other from
those that could do them, since who fails at once is free at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from libs.chassis.clock import utcnow

PATIENCE = 3
"""Different tasks failed in a row, with none done between, after which a worker rests."""
_LONGEST_RESTS = 20
"""The longest rest in first ones; each is twice the one before, as long as nothing is done between."""


class Conduct:
    """How this worker has fared. `changed` is called whenever a rest begins or ends."""

    def __init__(self, first_rest: timedelta, changed: Callable[[], None]) -> None:
        self._first_rest = first_rest
        self.done = 0
        self.failed = 0
        self.rest_until: datetime | None = None
        self.rest_reason = ""
        self._changed = changed
        self._failed_in_a_row: set[str] = set()
        self._rests = 0

    def did(self) -> None:
        """A task was done."""
        self.done += 1
        self._rests = 0
        self._failed_in_a_row.clear()

    def failed_at(self, task: str, how: str) -> None:
        """A task was not done, and that may be this worker's fault. One task counts once, however often it fails."""
        self.failed += 1
        self._failed_in_a_row.add(task)
        if len(self._failed_in_a_row) < PATIENCE:
            return
        self.rest_until = utcnow() + self._first_rest * min(2**self._rests, _LONGEST_RESTS)
        self.rest_reason = f"it failed at {len(self._failed_in_a_row)} tasks in a row, lastly: {how}"
        self._rests += 1
        # After the rest one more failure is enough.
        self._failed_in_a_row.pop()
        self._changed()

    async def fit(self) -> None:
        """Wait until this worker may take work."""
        while self.rest_until is not None:
            remaining = (self.rest_until - utcnow()).total_seconds()
            if remaining > 0:
                await asyncio.sleep(remaining)
                continue
            self.rest_until, self.rest_reason = None, ""
            self._changed()
