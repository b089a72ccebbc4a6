"""A worker that fails again and again rests: on a broken machine it would otherwise take one task after the other from
those that could do them, since who fails at once is free at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from libs.chassis.clock import utcnow

JOBS, TASKS = 3, 8
"""Failed in a row, with nothing done between, so many different jobs or tasks make a worker rest. One broken graph does
not: its job has failed before."""
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
        self._jobs: list[str] = []
        self._tasks: list[tuple[str, str]] = []
        self._rests = 0

    def did(self) -> None:
        """A task was done."""
        self.done += 1
        self._rests = 0
        self._jobs.clear()
        self._tasks.clear()

    def failed_at(self, job: str, task: str, how: str) -> None:
        """A task was not done, and that may be this worker's fault. One task counts once, however often it fails."""
        self.failed += 1
        self._jobs = [*dict.fromkeys([*self._jobs, job])]
        self._tasks = [*dict.fromkeys([*self._tasks, (job, task)])]
        if len(self._jobs) < JOBS and len(self._tasks) < TASKS:
            return
        self.rest_until = utcnow() + self._first_rest * min(2**self._rests, _LONGEST_RESTS)
        tasks, jobs = len(self._tasks), len(self._jobs)
        of = f" of {jobs} jobs" if jobs > 1 else ""
        self.rest_reason = f"it failed at {tasks} tasks{of} in a row, lastly: {how}"
        self._rests += 1
        # After the rest one more of its kind is enough.
        self._jobs, self._tasks = self._jobs[1 - JOBS :], self._tasks[1 - TASKS :]
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
