"""Puts a render worker's process together. It holds no database: work items and objects tell all it needs."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from libs.chassis.bus import Bus, Control, Delivery, Heartbeat
from libs.chassis.errors import ArtifexError
from libs.chassis.objects import LocalCache, open_objects
from libs.chassis.runtime import Runtime
from libs.chassis.sandbox import Limits, SandboxPool
from services.graph import models
from services.graph.messages import PRESENCE_GROUP
from services.graph.process_folder import process_folder
from services.graph.settings import WorkerSettings
from services.graph.worker.conduct import Conduct
from services.graph.worker.presence import Presence
from services.graph.worker.render_worker import DURABLE, WORK_SUBJECTS, FrameStore, RenderWorker

_BACKOFF_SECONDS = (0.5, 2.0, 5.0)
_log = logging.getLogger(__name__)


async def build_worker(runtime: Runtime, settings: WorkerSettings) -> None:
    """One render worker, which takes work as soon as this returns."""
    platform = runtime.settings
    folder = await runtime.enter(process_folder(platform.home / "workers"))
    (folder / "scratch").mkdir()
    bus = await runtime.enter(Bus(platform.nats_url, name="graph-worker", replicas=platform.nats_replicas))
    control = Control(bus)
    objects = open_objects(platform.objects_url_or_default())
    threads = str(settings.threads)
    children = await runtime.enter(
        SandboxPool(
            settings.concurrency,
            "services.graph.worker.child:run",
            limits=Limits(memory_bytes=settings.memory_bytes, wall_seconds=settings.wall_seconds),
            idle_restart_after=settings.tasks_per_child,
            # Libraries that count cores for themselves would take those of the other workers.
            env={
                "OMP_NUM_THREADS": threads,
                "OPENBLAS_NUM_THREADS": threads,
                "MKL_NUM_THREADS": threads,
                **models.environment(),
            },
        )
    )
    cache = LocalCache(objects, folder / "cache", settings.cache_bytes)
    name = f"{socket.gethostname()}:{os.getpid()}"
    conduct = Conduct(timedelta(seconds=settings.rest_seconds), lambda: heartbeat.changed())
    presence = Presence(name, settings, conduct)
    heartbeat = Heartbeat(bus, PRESENCE_GROUP, presence.heartbeat)
    worker = RenderWorker(
        bus,
        control,
        objects,
        cache,
        children,
        folder / "scratch",
        conduct,
        name=name,
        threads=settings.threads,
        # Beside the workers' own folders, not in one: it outlives them, and they share it.
        frame_cache=FrameStore(platform.home / "cache" / "frames", settings.frame_cache_bytes),
    )

    async def handle(delivery: Delivery) -> None:
        presence.busy += 1
        heartbeat.changed()
        try:
            await worker.handle(delivery)
        finally:
            presence.busy -= 1
            heartbeat.changed()

    runtime.spawn("control", control.watch())
    # Work of jobs that were cancelled while nobody worked must be known for what it is.
    await control.ready()
    runtime.spawn("presence", heartbeat.run())
    runtime.spawn("description", _describe(worker, presence, heartbeat))
    await runtime.enter(_goodbye(presence, heartbeat))
    runtime.spawn(
        "work",
        bus.consume(
            stream="WORK",
            durable=DURABLE,
            subjects=WORK_SUBJECTS,
            handler=handle,
            concurrency=settings.concurrency,
            ack_wait=settings.ack_wait_seconds,
            max_deliver=settings.max_deliver,
            backoff=_BACKOFF_SECONDS,
            one_queue=True,
            admit=conduct.fit,
        ),
    )


async def _describe(worker: RenderWorker, presence: Presence, heartbeat: Heartbeat) -> None:
    """Tell which nodes the evaluator knows, once it runs. What keeps it from that will show in the first work item."""
    try:
        presence.node_types = await worker.describe()
    except ArtifexError as error:
        _log.error("the evaluator does not tell its node types: %s", error)
    heartbeat.changed()


@asynccontextmanager
async def _goodbye(presence: Presence, heartbeat: Heartbeat) -> AsyncIterator[None]:
    """Say that this worker is gone rather than lost, when it ends in good order."""
    yield
    presence.leaving = True
    await heartbeat.tell()
