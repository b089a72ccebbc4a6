"""Progress on its way from a render to the bus: thinned, and never in the render's way."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

from artifex.graph.v1 import work_pb2
from libs.chassis.bus import Bus

_INTERVAL_SECONDS = 3.0


class ProgressReporter:
    """Publishes the latest number of frames, at most every three seconds, while the block lasts.

    Intermediate numbers are skipped, and while the bus is away nothing waits for it.
    """

    def __init__(self, bus: Bus, event: work_pb2.TaskProgressedEvent, key: str) -> None:
        self._bus = bus
        self._event = event
        self._key = key
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._publish(), name="progress")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def update(self, message: dict[str, Any]) -> None:
        """What the child told."""
        if "frames_done" in message:
            self._event.frames_done = message["frames_done"]
        self._news.set()

    async def _publish(self) -> None:
        while True:
            # The wait comes first: a short task tells nothing but its end, and every message is kept by the stream.
            await asyncio.sleep(_INTERVAL_SECONDS)
            await self._news.wait()
            self._news.clear()
            subject = f"evt.{self._event.actor.tenant}.graph.task.progressed"
            await self._bus.publish(subject, self._event, key=f"{self._key}/{self._event.frames_done}")
