"""The render workers, heard over the bus: the `Workers` port."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn

from google.protobuf.message import DecodeError

from artifex.graph.v1 import work_pb2
from libs.chassis.bus import Bus, Listener
from libs.chassis.clock import utcnow
from services.graph.domain.jobs.workers import REMEMBERED, Farm, Worker
from services.graph.messages import PRESENCE_GROUP, worker_id

_log = logging.getLogger(__name__)


class BusWorkers:
    """Keeps what workers tell of themselves; run `listen()` as a background task. `changed` is called whenever the
    places for work may have become more."""

    def __init__(self, bus: Bus, changed: Callable[[], None]) -> None:
        self._bus = bus
        self._changed = changed
        self._workers: dict[str, Worker] = {}

    def farm(self) -> Farm:
        now = utcnow()
        self._workers = {
            name: worker for name, worker in self._workers.items() if now - worker.heard_time <= REMEMBERED
        }
        return Farm(now, tuple(sorted(self._workers.values(), key=lambda worker: worker.id)))

    async def reachable(self) -> bool:
        return await self._bus.check()

    async def listen(self) -> NoReturn:
        """Listen for ever."""
        await Listener(self._bus, PRESENCE_GROUP, self.heard).run()

    def heard(self, body: bytes) -> None:
        """One heartbeat."""
        try:
            beat = work_pb2.WorkerHeartbeat.FromString(body)
        except DecodeError:
            _log.warning("a heartbeat of %d bytes is none", len(body))
            return
        told = beat.worker
        name = worker_id(told)
        known = self._workers.get(name)
        if beat.leaving:
            self._workers.pop(name, None)
            return
        resting = told.HasField("rest_until_time")
        self._workers[name] = Worker(
            id=name,
            host=told.host,
            slots=told.slots,
            busy=told.busy,
            # By this clock and not by the worker's: only one of them tells how long ago it is.
            heard_time=utcnow(),
            start_time=_time(told.start_time.ToDatetime()),
            kinds=tuple(told.kinds),
            memory_bytes=told.memory_bytes,
            threads=told.threads,
            cores=told.cores,
            cpu_features=tuple(told.cpu_features),
            version=told.version,
            node_types=tuple(told.node_types),
            tasks_done=told.tasks_done,
            tasks_failed=told.tasks_failed,
            rest_until=_time(told.rest_until_time.ToDatetime()) if resting else None,
            rest_reason=told.rest_reason,
        )
        if known is None or (known.rest_until is not None and not resting):
            self._changed()


def _time(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
