"""The workers as the graph service knows them, from what they tell of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

SILENCE = timedelta(seconds=10)
"""A worker that was not heard of for so long is lost. It tells of itself every two seconds."""
REMEMBERED = timedelta(minutes=10)
"""How long a lost worker is still shown."""


class WorkerState(StrEnum):
    IDLE = "idle"
    BUSY = "busy"
    RESTING = "resting"
    LOST = "lost"


@dataclass(frozen=True)
class Worker:
    """One render worker, as it was when it was last heard of."""

    id: str
    """Host and process, as tasks name it."""
    host: str
    slots: int
    busy: int
    heard_time: datetime
    start_time: datetime
    kinds: tuple[str, ...] = ()
    memory_bytes: int = 0
    threads: int = 1
    cores: int = 0
    cpu_features: tuple[str, ...] = ()
    version: str = ""
    node_types: tuple[str, ...] = ()
    tasks_done: int = 0
    tasks_failed: int = 0
    rest_until: datetime | None = None
    rest_reason: str = ""

    def state(self, now: datetime) -> WorkerState:
        if now - self.heard_time > SILENCE:
            return WorkerState.LOST
        if self.rest_until is not None and self.rest_until > now:
            return WorkerState.RESTING
        return WorkerState.BUSY if self.busy >= self.slots else WorkerState.IDLE


@dataclass(frozen=True)
class Farm:
    """All workers at one moment."""

    now: datetime
    workers: Sequence[Worker] = field(default_factory=tuple)

    def present(self) -> list[Worker]:
        """Those that take work, busy or not."""
        return [worker for worker in self.workers if worker.state(self.now) in (WorkerState.IDLE, WorkerState.BUSY)]

    def resting(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.state(self.now) is WorkerState.RESTING]

    def lost(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.state(self.now) is WorkerState.LOST]

    def places(self) -> int:
        """Work items that can be in hand at a time."""
        return sum(worker.slots for worker in self.present())
