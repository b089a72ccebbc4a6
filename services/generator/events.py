"""What the generator hears, and what it does about it.

    work.generate.*                one generation
    evt.*.media.asset.ready        the media service made an asset of a clip
    evt.*.media.asset.failed       it could not
    evt.*.graph.job.ended          a render job is over: what it still waits for, paused or not, nobody wants
    dead.work.generate.*           a generation that no worker survived

It publishes, through its outbox, `work.generate.<priority>`, `work.ingest.normal` and
`evt.<tenant>.generator.generation.{started,progressed,completed,failed}` and `evt.<tenant>.generator.usage.recorded`.

Every handler may run any number of times, in any process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from artifex.common.v1.types_pb2 import Failure
from artifex.generator.v1.work_pb2 import GenerateWork
from artifex.graph.v1.work_pb2 import JobEndedEvent
from artifex.media.v1.work_pb2 import AssetFailedEvent, AssetReadyEvent
from libs.chassis.bus import Delivery
from services.generator.commands.cancel_job import cancel_job
from services.generator.commands.give_up_generation import give_up_generation
from services.generator.commands.record_asset import record_asset
from services.generator.commands.run_generation import GenerationRunner
from services.generator.domain.generation import COLLECTION, Priority
from services.generator.ports import Checkpoints, Store

WORK_SUBJECTS = ["work.generate.high", "work.generate.normal", "work.generate.low"]
ASSET_SUBJECTS = ["evt.*.media.asset.ready", "evt.*.media.asset.failed"]
JOB_SUBJECTS = ["evt.*.graph.job.ended"]
DEAD_SUBJECTS = ["dead.work.generate.*"]
NEWS_SUBJECT = "evt.*.generator.generation.>"
"""What other processes of this service tell of generations; for watchers."""

_log = logging.getLogger(__name__)


class WorkHandler:
    def __init__(self, runner: GenerationRunner) -> None:
        self._runner = runner

    async def handle(self, delivery: Delivery) -> None:
        """A message on one of `WORK_SUBJECTS`."""
        work = delivery.parse(GenerateWork)
        priority = Priority[delivery.subject.rsplit(".", 1)[1].upper()]
        await self._runner.run(work, priority=priority, last_attempt=delivery.last_attempt)


class EventHandler:
    def __init__(self, store: Store, checkpoints: Checkpoints, notify: Callable[[], None]) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self._notify = notify

    async def handle_asset(self, delivery: Delivery) -> None:
        """A message on one of `ASSET_SUBJECTS`; most are about other things than generations."""
        tenant = delivery.subject.split(".")[1]
        if delivery.subject.endswith(".failed"):
            failed = delivery.parse(AssetFailedEvent)
            if failed.correlation.startswith(f"{COLLECTION}/"):
                _log.error("no asset could be made of %s: %s", failed.correlation, failed.failure.message)
            return
        ready = delivery.parse(AssetReadyEvent)
        await record_asset(self._store, tenant, ready.correlation, ready.asset.name)
        self._notify()

    async def handle_job(self, delivery: Delivery) -> None:
        """A message on one of `JOB_SUBJECTS`."""
        ended = delivery.parse(JobEndedEvent)
        await cancel_job(self._store, self._checkpoints, ended.actor.tenant, ended.job)
        self._notify()

    async def handle_dead(self, delivery: Delivery) -> None:
        """A message on one of `DEAD_SUBJECTS`."""
        failure = Failure(
            reason=delivery.headers.get("Artifex-Dead-Reason", "ERROR_REASON_INTERNAL"),
            message=delivery.headers.get("Artifex-Dead-Message", "no worker could do it"),
        )
        await give_up_generation(self._store, self._checkpoints, delivery.parse(GenerateWork), failure)
        self._notify()
