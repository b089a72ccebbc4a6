"""The auth service: `python -m services.auth`.

Two more words serve whoever runs the installation: `new-key` prints an API key for `ARTIFEX_AUTH_FIRST_KEY`, and
`admin-key` gives the operator's first admin another key and prints it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from artifex.auth.v1 import service_pb2, service_pb2_grpc
from libs.chassis.database import Database, migrate
from libs.chassis.ids import new_id
from libs.chassis.rpc.server import GrpcServer
from libs.chassis.runtime import Runtime
from libs.chassis.settings import PlatformSettings
from libs.chassis.tokens import TokenVerifier
from services.auth.adapters.key_file import KeyFile
from services.auth.adapters.sql_store import SqlStore
from services.auth.api.auth_service import AuthServicer
from services.auth.bootstrap import keep_signing_keys, let_the_owner_in
from services.auth.commands.get_key_set import get_key_set
from services.auth.commands.new_admin_key import new_admin_key
from services.auth.commands.rotate_signing_keys import rotate_signing_keys
from services.auth.domain import api_keys
from services.auth.domain.signing import Issuer
from services.auth.settings import AuthSettings

SERVICE = "auth"
MIGRATIONS = Path(__file__).parent / "migrations"
_USAGE = "usage: python -m services.auth [new-key | admin-key]"


async def build(runtime: Runtime, settings: AuthSettings) -> GrpcServer:
    """Opens the database, makes what a first start needs, and serves."""
    platform = runtime.settings
    url = platform.database_url_for(SERVICE)
    await migrate(url, schema=SERVICE, migrations=MIGRATIONS)
    database = await runtime.enter(Database(url, schema=SERVICE))
    store = SqlStore(database)

    token_lifetime = timedelta(seconds=settings.token_ttl_seconds)
    key_lifetime = timedelta(days=settings.signing_key_days)
    await rotate_signing_keys(store, lifetime=key_lifetime, token_lifetime=token_lifetime)
    await let_the_owner_in(
        store,
        tenant_id=settings.first_tenant,
        email=settings.first_admin_email,
        key=None if settings.first_key is None else settings.first_key.get_secret_value(),
        key_file=KeyFile(settings.first_key_file or platform.home / "token"),
    )
    runtime.spawn("signing keys", keep_signing_keys(store, lifetime=key_lifetime, token_lifetime=token_lifetime))

    async def own_keys() -> Mapping[str, Any]:
        return {"keys": await get_key_set(store)}

    issuer = Issuer(name=platform.token_issuer, audience=platform.token_audience, lifetime=token_lifetime)
    return await runtime.enter(
        GrpcServer(
            settings.listen,
            verifier=TokenVerifier(own_keys, issuer=platform.token_issuer, audience=platform.token_audience),
            servicers=[(service_pb2_grpc.add_AuthServiceServicer_to_server, AuthServicer(store, issuer))],
            services=list(service_pb2.DESCRIPTOR.services_by_name.values()),
            health_checks={"database": database.check},
        )
    )


async def _admin_key(platform: PlatformSettings) -> str:
    async with Database(platform.database_url_for(SERVICE), schema=SERVICE) as database:
        return await new_admin_key(SqlStore(database))


def main(arguments: list[str]) -> int:
    platform = PlatformSettings()
    match arguments:
        case []:
            settings = AuthSettings()
            return Runtime.main(SERVICE, platform, lambda runtime: build(runtime, settings))
        case ["new-key"]:
            sys.stdout.write(api_keys.mint(new_id()).secret + "\n")
            return 0
        case ["admin-key"]:
            sys.stdout.write(asyncio.run(_admin_key(platform)) + "\n")
            return 0
        case _:
            sys.stderr.write(_USAGE + "\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
