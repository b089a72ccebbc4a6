"""Follow a job until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress

from artifex.graph.v1 import messages_pb2
from libs.chassis.errors import NotFound, Unavailable
from libs.chassis.principal import Principal
from services.graph.domain.jobs.job import COLLECTION
from services.graph.ports import JobStore

POLL_SECONDS = 0.5
"""How long an event made by another replica may go unseen; our own replica's wake the watchers at once."""

_BATCH = 200


class Wakeups:
    """Tells the watchers in this process that something happened to a job."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self.anything = asyncio.Event()
        """Set by each `notify`, of whatever job; for who gives turns on the workers."""
        self.closed = False
        """True once this process is going to end; its watchers are then sent to another."""

    def close(self) -> None:
        """End all watches, so that a server that drains need not wait for the jobs."""
        self.closed = True
        for waiting in self._waiting.values():
            for event in waiting:
                event.set()

    def notify(self, job_id: str) -> None:
        """Something was committed about the job."""
        self.anything.set()
        for event in self._waiting.get(job_id, ()):
            event.set()

    @contextmanager
    def subscribed(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set by each `notify` of the job, while the block lasts."""
        event = asyncio.Event()
        waiting = self._waiting.setdefault(job_id, set())
        waiting.add(event)
        try:
            yield event
        finally:
            waiting.discard(event)
            if not waiting and self._waiting.get(job_id) is waiting:
                del self._waiting[job_id]


async def watch_render_job(
    store: JobStore, wakeups: Wakeups, caller: Principal, name: str, after_sequence: int
) -> AsyncIterator[messages_pb2.RenderEvent]:
    """The events after a sequence number, in order and without gaps, to the one that ends the job.

    The database is what is followed, so that any replica can serve any watcher, from any number on.

    Raises:
        NotFound: the caller's tenant has no such job.
        Unavailable: this process is about to end; another takes over from the last event on.
    """
    job_id = name.removeprefix(f"{COLLECTION}/")
    with wakeups.subscribed(job_id) as news:
        while True:
            news.clear()
            found = await store.events(caller.tenant, job_id, after_sequence, _BATCH)
            if found is None:
                raise NotFound(name)
            state, last_sequence, events = found
            for item in events:
                yield item
                after_sequence = item.sequence
            if after_sequence < last_sequence:
                continue
            if state.ended:
                return
            if wakeups.closed:
                raise Unavailable("the server is about to end; watch on from the last event", retry_after=0.1)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await news.wait()
