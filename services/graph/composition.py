"""Puts the API's process together: settings, adapters, commands, servicers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Literal, NoReturn

from opentelemetry.metrics import CallbackOptions, Observation

from artifex.graph.v1 import service_pb2, service_pb2_grpc
from libs.chassis.bus import Bus, Control, Handler
from libs.chassis.clock import utcnow
from libs.chassis.database import Database, migrate
from libs.chassis.errors import Unavailable
from libs.chassis.objects import ObjectStore, open_objects
from libs.chassis.outbox import Outbox
from libs.chassis.rpc.channel import service_channel
from libs.chassis.rpc.server import GrpcServer
from libs.chassis.runtime import Runtime
from libs.chassis.telemetry import meter
from libs.chassis.tokens import remote_verifier
from services.graph.adapters import tables
from services.graph.adapters.bus import BusControl, BusQueue
from services.graph.adapters.job_store import SqlJobStore
from services.graph.adapters.neighbours import CollabService, MediaService
from services.graph.api.graph_service import GraphServicer
from services.graph.api.render_service import RenderServicer
from services.graph.commands.create_render_job import CreateRenderJob
from services.graph.commands.explain_graph import ExplainGraph
from services.graph.commands.requeue_lost_tasks import requeue_lost_tasks
from services.graph.commands.sweep_segments import sweep_segments
from services.graph.commands.validate_graph import ValidateGraph
from services.graph.commands.watch_render_job import Wakeups
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.jobs.job import JobState
from services.graph.events import DEAD_SUBJECTS, ENDED_SUBJECTS, RESULT_SUBJECTS, EndHandler, ResultHandler
from services.graph.ports import JobStore, WorkQueue
from services.graph.preview.composition import build_previews
from services.graph.preview.settings import PreviewSettings
from services.graph.settings import GraphSettings

_ACK_WAIT_SECONDS = 3.0
MIGRATIONS = Path(__file__).parent / "migrations"
_log = logging.getLogger(__name__)


async def build_api(runtime: Runtime, settings: GraphSettings, preview_settings: PreviewSettings) -> None:
    """The API, the outbox relay, and the handlers of what workers report."""
    platform = runtime.settings
    url = platform.database_url_for("graph")
    await migrate(url, schema="graph", migrations=MIGRATIONS)
    database = await runtime.enter(Database(url, schema="graph"))
    objects = open_objects(platform.objects_url_or_default())
    bus = await runtime.enter(Bus(platform.nats_url, name="graph", replicas=platform.nats_replicas))
    control = BusControl(Control(bus))
    outbox = Outbox(database, bus, tables.outbox)
    store = SqlJobStore(database, outbox)
    wakeups = Wakeups()
    node_types = await asyncio.to_thread(catalogue)
    media = MediaService(await runtime.enter(service_channel(platform.media_endpoint, service="media", timeout=10.0)))
    collab = CollabService(
        await runtime.enter(service_channel(platform.collab_endpoint, service="collab", timeout=10.0))
    )
    create = CreateRenderJob(
        store,
        objects,
        media,
        collab,
        node_types,
        chunk_frames=settings.chunk_frames,
        max_chunks=settings.max_chunks,
    )

    previews = await build_previews(runtime, preview_settings, objects, media, collab)

    runtime.spawn("outbox relay", outbox.relay())
    runtime.spawn("end of watches", _close_watches(runtime, wakeups))
    _consume(runtime, bus, ResultHandler(store, objects, wakeups), EndHandler(store, objects, control))
    runtime.spawn("reaper", _reap(store, objects, BusQueue(bus), settings))
    _JobGauge(store).start(runtime)

    await runtime.enter(
        GrpcServer(
            settings.listen,
            verifier=remote_verifier(platform),
            servicers=[
                (
                    service_pb2_grpc.add_GraphServiceServicer_to_server,
                    GraphServicer(
                        node_types, ValidateGraph(node_types, media), ExplainGraph(node_types, media), previews
                    ),
                ),
                (
                    service_pb2_grpc.add_RenderServiceServicer_to_server,
                    RenderServicer(store, objects, control, wakeups, create),
                ),
            ],
            services=list(service_pb2.DESCRIPTOR.services_by_name.values()),
            # Not the bus: while it is away jobs are taken and shown, and their work waits in the outbox.
            health_checks={"database": database.check},
        )
    )


def _consume(runtime: Runtime, bus: Bus, results: ResultHandler, ended: EndHandler) -> None:
    """Listen to the bus. No event is ever given up: a database that is away comes back."""
    # Reports on one job wait for one another in the database; those on different jobs need not.
    listeners: list[tuple[Literal["EVENTS", "DEAD"], str, list[str], Handler, int]] = [
        ("EVENTS", "graph-results", RESULT_SUBJECTS, results.handle, 4),
        ("EVENTS", "graph-ended", ENDED_SUBJECTS, ended.handle, 1),
        ("DEAD", "graph-dead-work", DEAD_SUBJECTS, results.handle_dead, 1),
    ]
    for stream, durable, subjects, handler, concurrency in listeners:
        runtime.spawn(
            durable,
            bus.consume(
                stream=stream,
                durable=durable,
                subjects=subjects,
                handler=handler,
                concurrency=concurrency,
                # What a killed replica had in hand, jobs wait for until it is delivered again.
                ack_wait=_ACK_WAIT_SECONDS,
                max_deliver=-1,
                backoff=(0.2, 1.0, 5.0),
            ),
        )


async def _reap(store: JobStore, objects: ObjectStore, queue: WorkQueue, settings: GraphSettings) -> NoReturn:
    """Look after what no message will ever tell of. Safe in several replicas at once."""
    # What piled up while no replica ran is first heard before anything is called lost.
    await asyncio.sleep(settings.silence_seconds)
    while True:
        try:
            now = utcnow()
            await requeue_lost_tasks(
                store,
                queue,
                now,
                silent_for=timedelta(seconds=settings.silence_seconds),
                max_attempts=settings.max_attempts,
            )
            await sweep_segments(
                store,
                objects,
                now,
                settle=timedelta(seconds=settings.settle_seconds),
                failed_kept=timedelta(seconds=settings.failed_kept_seconds),
            )
        except Unavailable as error:
            _log.warning("lost tasks are looked for later: %s", error)
        except Exception:  # noqa: BLE001
            # One odd job must not end the service that all others depend on.
            _log.exception("looking for lost tasks failed")
        await asyncio.sleep(settings.reap_seconds)


async def _close_watches(runtime: Runtime, wakeups: Wakeups) -> None:
    await runtime.stopping.wait()
    wakeups.close()


class _JobGauge:
    """Reports how many jobs are in each state. Counted in the background, since readers of metrics cannot wait."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._counts: dict[JobState, int] = {}

    def start(self, runtime: Runtime) -> None:
        meter("artifex.graph").create_observable_gauge(
            "artifex.render_jobs", callbacks=[self._observe], description="Render jobs by state"
        )
        runtime.spawn("job counts", self._count())

    def _observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(number, {"state": state.value}) for state, number in self._counts.items()]

    async def _count(self) -> NoReturn:
        while True:
            try:
                self._counts = dict(await self._store.count_by_state())
            except Unavailable as error:
                _log.warning("jobs are counted later: %s", error)
            await asyncio.sleep(10.0)
