"""What a transition of a job says: what to store, to hand out, to announce, to stop and to settle."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from artifex.common.v1 import types_pb2
from services.graph.domain.jobs.job import Counters, JobState, Task


@dataclass(frozen=True)
class Signal:
    """Which attempt of which task in which run a worker speaks of."""

    run: int
    task: str
    attempt: int


@dataclass(frozen=True)
class Announcement:
    """One event of a job as its watchers will read it: a picture of that moment."""

    sequence: int
    time: datetime
    state: JobState
    counters: Counters
    task: Task | None
    failure: types_pb2.Failure | None
    output_asset: str


@dataclass(frozen=True)
class Settlement:
    """A task that was charged by estimate has shown what it costs."""

    task: Task
    charged: float
    seconds: float
    """Of one worker. Zero for a task that was never begun."""


@dataclass
class Changes:
    tasks: dict[str, Task] = field(default_factory=dict)
    dispatch: list[Task] = field(default_factory=list)
    announcements: list[Announcement] = field(default_factory=list)
    stop: list[str] = field(default_factory=list)
    """Names whose work must stop: the run, and the generations it waits for."""
    settled: list[Settlement] = field(default_factory=list)
    ended: bool = False

    def __bool__(self) -> bool:
        return bool(self.tasks or self.announcements)
