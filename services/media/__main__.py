"""The media service: `python -m services.media`."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from artifex.media.v1 import service_pb2, service_pb2_grpc
from libs.chassis.bus import Bus, Control
from libs.chassis.clock import utcnow
from libs.chassis.database import Database, migrate
from libs.chassis.errors import Unavailable
from libs.chassis.objects import LocalCache, ObjectStore, open_objects
from libs.chassis.outbox import Outbox
from libs.chassis.rpc.server import GrpcServer
from libs.chassis.runtime import Runtime
from libs.chassis.settings import PlatformSettings
from libs.chassis.tokens import TokenVerifier, remote_verifier
from services.media.adapters.sandbox_decoder import SandboxDecoder
from services.media.adapters.sql_store import SqlStore
from services.media.adapters.tables import outbox as outbox_table
from services.media.api.media_service import MediaServicer
from services.media.commands.sweep import sweep
from services.media.events import DURABLE, WORK_SUBJECTS, WorkHandler
from services.media.ports import Store
from services.media.settings import MediaSettings

SERVICE = "media"
MIGRATIONS = Path(__file__).parent / "migrations"
_log = logging.getLogger(__name__)


async def build(
    runtime: Runtime, settings: MediaSettings, *, verifier: TokenVerifier | None = None
) -> GrpcServer | None:
    """Opens stores and bus, and begins the work of the process's roles; the server, where it serves the API.

    `verifier` checks access tokens; by default with the keys of the auth service.
    """
    platform = runtime.settings
    url = platform.database_url_for(SERVICE)
    await migrate(url, schema=SERVICE, migrations=MIGRATIONS)
    database = await runtime.enter(Database(url, schema=SERVICE))
    bus = await runtime.enter(Bus(platform.nats_url, name=SERVICE, replicas=platform.nats_replicas))
    outbox = Outbox(database, bus, outbox_table)
    store = SqlStore(database, outbox)
    objects = open_objects(platform.objects_url_or_default())

    scratch = settings.scratch or platform.home / "media" / "scratch"
    await asyncio.to_thread(_empty, scratch)
    cache = LocalCache(objects, scratch / "cache", settings.cache_bytes)
    decoder = await runtime.enter(
        SandboxDecoder(
            decoders=settings.decoders,
            assemblers=settings.assemblers,
            memory_bytes=settings.decoder_memory_bytes,
            probe_seconds=settings.probe_seconds,
            assemble_seconds=settings.assemble_seconds,
        )
    )
    runtime.spawn("outbox relay", outbox.relay())
    runtime.spawn(
        "sweeper",
        _keep_sweeping(store, objects, settings.sweep_seconds, timedelta(seconds=settings.staged_seconds)),
    )
    if "worker" in settings.roles:
        control = Control(bus)
        runtime.spawn("cancellations", control.watch())
        await control.ready()
        handler = WorkHandler(bus, control, store, objects, cache, decoder, scratch)
        runtime.spawn(
            "work",
            bus.consume(
                stream="WORK",
                durable=DURABLE,
                subjects=WORK_SUBJECTS,
                handler=handler.handle,
                concurrency=settings.assemblers,
                one_queue=True,
            ),
        )
    if "api" not in settings.roles:
        return None
    return await runtime.enter(
        GrpcServer(
            settings.listen,
            verifier=verifier or remote_verifier(platform),
            servicers=[
                (
                    service_pb2_grpc.add_MediaServiceServicer_to_server,
                    MediaServicer(
                        store,
                        objects,
                        cache,
                        decoder,
                        scratch,
                        max_upload_bytes=settings.max_upload_bytes,
                        upload_lifetime=timedelta(seconds=settings.upload_seconds),
                    ),
                )
            ],
            services=list(service_pb2.DESCRIPTOR.services_by_name.values()),
            health_checks={"database": database.check, "bus": bus.check},
            default_deadline=settings.call_seconds,
        )
    )


def _empty(folder: Path) -> None:
    """What a killed process left half made is of no use to anyone."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


async def _keep_sweeping(store: Store, objects: ObjectStore, seconds: float, staged: timedelta) -> NoReturn:
    while True:
        try:
            await sweep(store, objects, utcnow(), staged=staged)
        except Unavailable as error:
            _log.warning("what is left over is swept later: %s", error)
        await asyncio.sleep(seconds)


def main() -> int:
    settings = MediaSettings()
    return Runtime.main(SERVICE, PlatformSettings(), lambda runtime: build(runtime, settings))


if __name__ == "__main__":
    sys.exit(main())
