from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.chassis.bus import Bus
from libs.chassis.database import Database, migrate
from libs.chassis.objects import ObjectStore, open_objects
from libs.chassis.outbox import Outbox
from libs.chassis.principal import Principal
from services.graph.adapters import tables
from services.graph.adapters.job_store import SqlJobStore
from services.graph.composition import MIGRATIONS

CALLER = Principal(
    tenant="studio",
    subject="ada",
    role="ROLE_ARTIST",
    features=frozenset({"FEATURE_CORE", "FEATURE_GENERATION"}),
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url, schema="graph", migrations=MIGRATIONS)
    async with Database(database_url, schema="graph") as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> SqlJobStore:
    """The jobs of an empty database. Nothing relays its outbox: what is queued stays to be looked at."""
    return SqlJobStore(database, Outbox(database, Bus("nats://127.0.0.1:1", name="unused"), tables.outbox))


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return open_objects((tmp_path / "objects").as_uri())
