"""The collab service: `python -m services.collab`."""

from __future__ import annotations

import sys
from pathlib import Path

from artifex.collab.v1 import service_pb2, service_pb2_grpc
from libs.chassis.database import Database, migrate
from libs.chassis.rpc.server import GrpcServer
from libs.chassis.runtime import Runtime
from libs.chassis.settings import PlatformSettings
from libs.chassis.tokens import remote_verifier
from services.collab.adapters.sql_store import SqlStore
from services.collab.api.project_service import ProjectServicer
from services.collab.settings import CollabSettings

SERVICE = "collab"
MIGRATIONS = Path(__file__).parent / "migrations"


async def build(runtime: Runtime, settings: CollabSettings) -> GrpcServer:
    """Opens the database and serves."""
    platform = runtime.settings
    url = platform.database_url_for(SERVICE)
    await migrate(url, schema=SERVICE, migrations=MIGRATIONS)
    database = await runtime.enter(Database(url, schema=SERVICE))
    return await runtime.enter(
        GrpcServer(
            settings.listen,
            verifier=remote_verifier(platform),
            servicers=[(service_pb2_grpc.add_ProjectServiceServicer_to_server, ProjectServicer(SqlStore(database)))],
            services=list(service_pb2.DESCRIPTOR.services_by_name.values()),
            health_checks={"database": database.check},
        )
    )


def main() -> int:
    settings = CollabSettings()
    return Runtime.main(SERVICE, PlatformSettings(), lambda runtime: build(runtime, settings))


if __name__ == "__main__":
    sys.exit(main())
