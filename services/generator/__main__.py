"""The generator: `python -m services.generator`. Its models run in Triton: `python -m services.generator.triton`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from artifex.generator.v1 import service_pb2, service_pb2_grpc
from libs.chassis.bus import Bus, Control, News
from libs.chassis.database import Database, migrate
from libs.chassis.objects import LocalCache, open_objects
from libs.chassis.outbox import Outbox
from libs.chassis.rpc.channel import service_channel
from libs.chassis.rpc.server import GrpcServer
from libs.chassis.runtime import Runtime
from libs.chassis.settings import PlatformSettings
from libs.chassis.tokens import TokenVerifier, remote_verifier
from services.generator.adapters import tables
from services.generator.adapters.bus import BusCancellations
from services.generator.adapters.clip_masters import ClipMasters, StoredClips
from services.generator.adapters.media_assets import MediaAssets
from services.generator.adapters.model_servers import TritonServers
from services.generator.adapters.sandbox_pictures import SandboxPictures
from services.generator.adapters.sql_calibrations import SqlCalibrations
from services.generator.adapters.sql_store import SqlStore
from services.generator.adapters.stored_checkpoints import StoredCheckpoints
from services.generator.adapters.triton_writer import TritonPromptWriter
from services.generator.api.generator_service import GeneratorServicer
from services.generator.commands.make_clip import ClipMaker
from services.generator.commands.plan_generation import Planner
from services.generator.commands.run_generation import GenerationRunner
from services.generator.commands.watch_generation import Wakeups
from services.generator.events import (
    ASSET_SUBJECTS,
    DEAD_SUBJECTS,
    JOB_SUBJECTS,
    NEWS_SUBJECT,
    WORK_SUBJECTS,
    EventHandler,
    WorkHandler,
)
from services.generator.settings import GeneratorSettings

SERVICE = "generator"
MIGRATIONS = Path(__file__).parent / "migrations"

_GIVEN_BYTES = 1 << 30
"""Of given pictures' files that are kept at hand, where the object store is a bucket."""
_EVENT_BACKOFF = (0.2, 1.0, 5.0)


async def build(
    runtime: Runtime, settings: GeneratorSettings, *, verifier: TokenVerifier | None = None
) -> GrpcServer | None:
    """Opens what the roles need and starts them; returns the API's server where this process serves it."""
    platform = runtime.settings
    url = platform.database_url_for(SERVICE)
    await migrate(url, schema=SERVICE, migrations=MIGRATIONS)
    database = await runtime.enter(Database(url, schema=SERVICE))
    bus = await runtime.enter(Bus(platform.nats_url, name=SERVICE, replicas=platform.nats_replicas))
    await bus.ensure_streams()
    outbox = Outbox(database, bus, tables.outbox)
    runtime.spawn("outbox relay", outbox.relay())
    control = Control(bus)
    runtime.spawn("cancellations", control.watch())
    endpoints = settings.triton_endpoints
    servers = await runtime.enter(
        TritonServers(endpoints, resident=settings.resident_models, turns=settings.concurrency)
    )
    writer = await runtime.enter(TritonPromptWriter(*endpoints))
    objects = open_objects(platform.objects_url_or_default())
    checkpoints = StoredCheckpoints(objects)
    store = SqlStore(database, outbox)
    cancellations = BusCancellations(control)
    wakeups = Wakeups()
    calibrations = SqlCalibrations(database)
    planner = Planner(
        models=servers,
        calibrations=calibrations,
        writer=writer,
        default_model=settings.default_model,
        refused=settings.refused_terms,
    )

    if "worker" in settings.roles:
        await control.ready()
        scratch = platform.home / SERVICE / "scratch"
        masters = ClipMasters(objects, scratch)
        files = LocalCache(objects, platform.home / SERVICE / "files", _GIVEN_BYTES)
        runner = GenerationRunner(
            store=store,
            servers=servers,
            planner=planner,
            clips=ClipMaker(
                masters=masters,
                pictures=await runtime.enter(SandboxPictures(files, scratch)),
                checkpoints=checkpoints,
                checkpoint_every=settings.checkpoint_every,
                preview_every=settings.preview_every,
                progress_seconds=settings.progress_seconds,
            ),
            masters=masters,
            checkpoints=checkpoints,
            cancellations=cancellations,
            calibrations=calibrations,
            default_model=settings.default_model,
            writer=writer,
            refused=settings.refused_terms,
            notify=wakeups.notify,
        )
        work = bus.consume(
            stream="WORK",
            durable="generator",
            subjects=WORK_SUBJECTS,
            handler=WorkHandler(runner).handle,
            concurrency=settings.concurrency * len(endpoints),
            ack_wait=settings.ack_wait_seconds,
            max_deliver=settings.max_deliver,
            # Long enough in sum for Triton to start again and read its weights.
            backoff=(1.0, 2.0, 5.0, 10.0, 20.0, 60.0),
        )
        runtime.spawn("generations", work)

    if "api" not in settings.roles:
        return None
    if "worker" not in settings.roles:
        # What workers do; one in this process wakes the watchers itself.
        runtime.spawn("news", News(bus, NEWS_SUBJECT, wakeups.notify).run())
    events = EventHandler(store, checkpoints, wakeups.notify)
    heard = partial(bus.consume, max_deliver=-1, backoff=_EVENT_BACKOFF)
    runtime.spawn(
        "assets",
        heard(stream="EVENTS", durable="generator-assets", subjects=ASSET_SUBJECTS, handler=events.handle_asset),
    )
    runtime.spawn(
        "ended jobs",
        heard(stream="EVENTS", durable="generator-jobs", subjects=JOB_SUBJECTS, handler=events.handle_job),
    )
    runtime.spawn(
        "dead letters",
        heard(stream="DEAD", durable="generator-dead-work", subjects=DEAD_SUBJECTS, handler=events.handle_dead),
    )
    media = MediaAssets(await runtime.enter(service_channel(platform.media_endpoint, service="media", timeout=10.0)))
    turns = settings.concurrency * len(endpoints)
    servicer = GeneratorServicer(
        store, servers, StoredClips(objects), media, checkpoints, cancellations, wakeups, planner, turns
    )
    return await runtime.enter(
        GrpcServer(
            settings.listen,
            verifier=verifier or remote_verifier(platform),
            servicers=[(service_pb2_grpc.add_GeneratorServiceServicer_to_server, servicer)],
            services=list(service_pb2.DESCRIPTOR.services_by_name.values()),
            # Not Triton: while it restarts, records can be read and cancelled, and queued work waits.
            health_checks={"database": database.check, "bus": bus.check},
        )
    )


def main() -> int:
    settings = GeneratorSettings()
    return Runtime.main(SERVICE, PlatformSettings(), lambda runtime: build(runtime, settings))


if __name__ == "__main__":
    sys.exit(main())
