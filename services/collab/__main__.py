"""The collab service: `python -m services.collab`."""

from __future__ import annotations

import sys
from pathlib import Path

from artifex.collab.v1 import service_pb2, service_pb2_grpc
from libs.chassis.database import Database, migrate
from libs.chassis.rpc.server import GrpcServer
from libs.chassis.runtime import Runtime
from libs.chassis.settings import PlatformSettings
from libs.chassis.tokens import TokenVerifier, grpc_jwks_source
from services.collab.adapters.sql_store import SqlStore
from services.collab.api.project_service import ProjectServicer
from services.collab.settings import CollabSettings

SERVICE = "collab"
MIGRATIONS = Path(__file__).parent / "migrations"


async def build(runtime: Runtime, settings: CollabSettings, platform: PlatformSettings) -> GrpcServer:
    """Opens the database and serves."""
    url = platform.database_url_for(SERVICE)
    await migrate(url, schema=SERVICE, migrations=MIGRATIONS)
    database = await runtime.enter(Database(url, schema=SERVICE))
    verifier = TokenVerifier(
        grpc_jwks_source(platform.auth_endpoint), issuer=platform.token_issuer, audience=platform.token_audience
    )
    return await runtime.enter(
        GrpcServer(
            settings.listen,
            verifier=verifier,
            servicers=[(service_pb2_grpc.add_ProjectServiceServicer_to_server, ProjectServicer(SqlStore(database)))],
            services=list(service_pb2.DESCRIPTOR.services_by_name.values()),
            health_checks={"database": database.check},
        )
    )


def main() -> int:
    settings, platform = CollabSettings(), PlatformSettings()

    async def start(runtime: Runtime) -> None:
        await build(runtime, settings, platform)

    return Runtime.main(SERVICE, platform, start)


if __name__ == "__main__":
    sys.exit(main())
