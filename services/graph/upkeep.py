"""What the graph service does unasked: gives turns on the workers, looks for what was lost, sweeps, counts.

Each is safe in several replicas at once, and goes on after any error: one odd job must not end the service that all
others depend on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import NoReturn

from opentelemetry.metrics import CallbackOptions, Observation

from libs.chassis.clock import utcnow
from libs.chassis.errors import Unavailable
from libs.chassis.objects import ObjectStore
from libs.chassis.runtime import Runtime
from libs.chassis.telemetry import meter
from services.graph.commands.release_tasks import release_tasks
from services.graph.commands.requeue_lost_tasks import requeue_lost_tasks
from services.graph.commands.sweep_segments import sweep_segments
from services.graph.commands.watch_render_job import Wakeups
from services.graph.domain.jobs.job import JobState
from services.graph.ports import JobStore, Workers, WorkQueue
from services.graph.settings import GraphSettings

_TURN_SECONDS = 1.0
"""How long a task may wait that another replica, or the clock, has made due."""
_COUNT_SECONDS = 10.0
_log = logging.getLogger(__name__)


async def give_turns(store: JobStore, workers: Workers, wakeups: Wakeups, settings: GraphSettings) -> NoReturn:
    """Hand tasks to the workers whenever something happened to a job or to the workers."""

    async def release() -> None:
        await release_tasks(store, workers.farm().places(), settings.tenant_weights, utcnow())

    while True:
        wakeups.anything.clear()
        await _attempt("tasks are handed out", release)
        with suppress(TimeoutError):
            async with asyncio.timeout(_TURN_SECONDS):
                await wakeups.anything.wait()


async def reap(store: JobStore, objects: ObjectStore, queue: WorkQueue, settings: GraphSettings) -> NoReturn:
    """Look after what no message will ever tell of."""
    # What piled up while no replica ran is first heard before anything is called lost.
    await asyncio.sleep(settings.silence_seconds)

    async def look() -> None:
        now = utcnow()
        await requeue_lost_tasks(store, queue, now, silent_for=timedelta(seconds=settings.silence_seconds))
        await sweep_segments(
            store,
            objects,
            now,
            settle=timedelta(seconds=settings.settle_seconds),
            failed_kept=timedelta(seconds=settings.failed_kept_seconds),
        )

    while True:
        await _attempt("lost tasks are looked for", look)
        await asyncio.sleep(settings.reap_seconds)


class JobGauge:
    """Reports how many jobs are in each state. Counted in the background, since readers of metrics cannot wait."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._counts: dict[JobState, int] = {}

    def start(self, runtime: Runtime) -> None:
        """Report and count until the process ends."""
        meter("artifex.graph").create_observable_gauge(
            "artifex.render_jobs", callbacks=[self._observe], description="Render jobs by state"
        )
        runtime.spawn("job counts", self._count())

    def _observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(number, {"state": state.value}) for state, number in self._counts.items()]

    async def _count(self) -> NoReturn:
        async def count() -> None:
            self._counts = dict(await self._store.count_by_state())

        while True:
            await _attempt("jobs are counted", count)
            await asyncio.sleep(_COUNT_SECONDS)


async def _attempt(what: str, step: Callable[[], Awaitable[None]]) -> None:
    try:
        await step()
    except Unavailable as error:
        _log.warning("%s later: %s", what, error)
    except Exception:  # noqa: BLE001 - whatever it is, the next round may do better
        _log.exception("%s later", what)
