"""Follow a job until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from artifex.graph.v1 import messages_pb2

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.graph.domain.job import COLLECTION
from services.graph.ports import JobStore

POLL_SECONDS = 0.5
"""How long an event made by another replica may go unseen; our own replica's wake the watchers at once."""

_BATCH = 200


class Wakeups:
    """Tells the watchers in this process that something happened to some job."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def notify(self) -> None:
        for event in self._waiting:
            event.set()

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Until `event` is set by `notify`, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()

    def subscribe(self) -> asyncio.Event:
        event = asyncio.Event()
        self._waiting.add(event)
        return event

    def unsubscribe(self, event: asyncio.Event) -> None:
        self._waiting.discard(event)


async def watch_render_job(
    store: JobStore, wakeups: Wakeups, caller: Principal, name: str, after_sequence: int
) -> AsyncIterator[messages_pb2.RenderEvent]:
    """The events after a sequence number, in order and without gaps, to the one that ends the job.

    The database is what is followed, so that any replica can serve any watcher, from any number on.

    Raises:
        NotFound: the caller's tenant has no such job.
    """
    job_id = name.removeprefix(f"{COLLECTION}/")
    event = wakeups.subscribe()
    try:
        while True:
            event.clear()
            found = await store.events(caller.tenant, job_id, after_sequence, _BATCH)
            if found is None:
                raise NotFound(name)
            state, last_sequence, events = found
            for item in events:
                yield item
                after_sequence = item.sequence
            if after_sequence >= last_sequence:
                if state.ended:
                    return
                await wakeups.wait(event, POLL_SECONDS)
    finally:
        wakeups.unsubscribe(event)
