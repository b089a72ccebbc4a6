"""Puts the API's process together: settings, adapters, commands, servicers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

from artifex.graph.v1 import service_pb2, service_pb2_grpc
from libs.chassis.bus import Bus, Control, Handler
from libs.chassis.database import Database, migrate
from libs.chassis.objects import open_objects
from libs.chassis.outbox import Outbox
from libs.chassis.rpc.channel import service_channel
from libs.chassis.rpc.server import GrpcServer
from libs.chassis.runtime import Runtime
from libs.chassis.tokens import remote_verifier
from services.graph.adapters import tables
from services.graph.adapters.analysis_store import ObjectAnalysisStore
from services.graph.adapters.bus import BusControl, BusQueue
from services.graph.adapters.capture_store import ObjectCaptureStore
from services.graph.adapters.job_store import SqlJobStore
from services.graph.adapters.neighbours import CollabService, GeneratorService, MediaService
from services.graph.adapters.workers import BusWorkers
from services.graph.api.graph_service import GraphServicer
from services.graph.api.render_service import RenderServicer
from services.graph.commands.create_render_job import CreateRenderJob
from services.graph.commands.explain_graph import ExplainGraph
from services.graph.commands.validate_graph import ValidateGraph
from services.graph.commands.watch_render_job import Wakeups
from services.graph.domain.compile.catalogue import catalogue
from services.graph.events import DEAD_SUBJECTS, ENDED_SUBJECTS, RESULT_SUBJECTS, EndHandler, ResultHandler
from services.graph.preview.composition import build_previews
from services.graph.preview.settings import PreviewSettings
from services.graph.settings import GraphSettings
from services.graph.upkeep import JobGauge, give_turns, reap

_ACK_WAIT_SECONDS = 3.0
MIGRATIONS = Path(__file__).parent / "migrations"


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
    store = SqlJobStore(database, outbox, settings.tenant_weights)
    wakeups = Wakeups()
    workers = BusWorkers(bus, wakeups.anything.set)
    node_types = await asyncio.to_thread(catalogue)
    media = MediaService(await runtime.enter(service_channel(platform.media_endpoint, service="media", timeout=10.0)))
    collab = CollabService(
        await runtime.enter(service_channel(platform.collab_endpoint, service="collab", timeout=10.0))
    )
    generator = GeneratorService(
        await runtime.enter(service_channel(platform.generator_endpoint, service="generator", timeout=10.0))
    )
    analyses, captures = ObjectAnalysisStore(objects), ObjectCaptureStore(objects)
    create = CreateRenderJob(
        store,
        objects,
        analyses,
        captures,
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
    runtime.spawn("workers", workers.listen())
    runtime.spawn("turns", give_turns(store, workers, wakeups, settings))
    runtime.spawn("reaper", reap(store, objects, BusQueue(bus), settings))
    JobGauge(store).start(runtime)

    await runtime.enter(
        GrpcServer(
            settings.listen,
            verifier=remote_verifier(platform),
            servicers=[
                (
                    service_pb2_grpc.add_GraphServiceServicer_to_server,
                    GraphServicer(
                        node_types,
                        ValidateGraph(node_types, media),
                        ExplainGraph(node_types, media, analyses, captures, generator),
                        previews,
                    ),
                ),
                (
                    service_pb2_grpc.add_RenderServiceServicer_to_server,
                    RenderServicer(store, objects, control, wakeups, workers, create, settings.tenant_weights),
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


async def _close_watches(runtime: Runtime, wakeups: Wakeups) -> None:
    await runtime.stopping.wait()
    wakeups.close()
