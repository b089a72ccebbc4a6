"""The first start on a real database: once, safe against a crash at any point, and one of several replicas does it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from libs.chassis.clock import utcnow
from libs.chassis.database import Database, migrate
from libs.chassis.errors import InvalidArgument, NotFound, Unauthenticated
from libs.chassis.ids import new_id
from libs.chassis.testing import schema_differences
from services.auth.__main__ import MIGRATIONS
from services.auth.adapters.key_file import KeyFile
from services.auth.adapters.sql_store import SqlStore
from services.auth.adapters.tables import metadata
from services.auth.bootstrap import let_the_owner_in
from services.auth.commands.create_token import create_token
from services.auth.commands.first_start import FirstAdmin, Outcome, first_start
from services.auth.commands.new_admin_key import new_admin_key
from services.auth.commands.rotate_signing_keys import rotate_signing_keys
from services.auth.domain import api_keys, signing
from services.auth.ports import Store

ISSUER = signing.Issuer("artifex", "artifex-api", timedelta(minutes=15))
DAY = timedelta(days=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url, schema="auth", migrations=MIGRATIONS)
    async with Database(database_url, schema="auth") as database:
        yield database


@pytest.fixture
async def store(database: Database) -> Store:
    store = SqlStore(database)
    await rotate_signing_keys(store, lifetime=90 * DAY, token_lifetime=ISSUER.lifetime)
    return store


async def start(store: Store, folder: Path, key: str | None = None) -> Path:
    file = KeyFile(folder / "token")
    await let_the_owner_in(store, tenant_id="studio", email="admin@studio.example", key=key, key_file=file)
    return file.path


def key_files(folder: Path) -> list[Path]:
    return list(folder.glob("token*"))


async def opens(store: Store, secret: str) -> bool:
    try:
        await create_token(store, ISSUER, secret)
    except Unauthenticated:
        return False
    return True


async def test_the_migration_makes_what_the_code_declares(database: Database) -> None:
    assert await schema_differences(database, metadata) == []


async def test_the_key_in_the_file_opens_the_studio(store: Store, tmp_path: Path) -> None:
    token = await start(store, tmp_path)
    assert token.stat().st_mode & 0o777 == 0o600
    assert await opens(store, token.read_text().strip())
    before = token.read_text()
    await start(store, tmp_path)
    assert token.read_text() == before


async def test_a_key_that_its_owner_took_away_is_not_made_again(store: Store, tmp_path: Path) -> None:
    token = await start(store, tmp_path)
    token.unlink()
    await start(store, tmp_path)
    assert key_files(tmp_path) == []


async def test_a_start_that_died_before_the_commit_is_forgotten(store: Store, tmp_path: Path) -> None:
    dead = api_keys.mint(new_id()).secret
    KeyFile(tmp_path / "token").prepare(dead)
    token = await start(store, tmp_path)
    secret = token.read_text().strip()
    assert secret != dead
    assert await opens(store, secret)


async def test_a_start_that_died_after_the_commit_goes_on(store: Store, tmp_path: Path) -> None:
    secret = api_keys.mint(new_id()).secret
    KeyFile(tmp_path / "token").prepare(secret)
    assert await first_start(store, FirstAdmin("studio", "admin@studio.example", secret)) is Outcome.CREATED
    token = await start(store, tmp_path)
    assert token.read_text().strip() == secret
    assert await opens(store, secret)


async def test_a_file_of_a_former_installation_is_kept_aside(store: Store, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("former\n")
    token = await start(store, tmp_path)
    assert await opens(store, token.read_text().strip())
    assert (tmp_path / "token.old").read_text() == "former\n"


async def test_replicas_that_are_given_the_key_make_one_studio(store: Store, tmp_path: Path) -> None:
    secret = api_keys.mint(new_id()).secret
    await asyncio.gather(*(start(store, tmp_path, key=secret) for _ in range(4)))
    assert await opens(store, secret)
    assert key_files(tmp_path) == []
    async with store.read() as unit:
        assert len(await unit.tenants("", 10)) == 1
        assert await unit.admins("studio") == 1


async def test_a_made_up_first_key_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument):
        await start(store, tmp_path, key="letmein")


async def test_who_lost_the_key_gets_another(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await new_admin_key(store)
    token = await start(store, tmp_path)
    assert await opens(store, await new_admin_key(store))
    assert await opens(store, token.read_text().strip())


async def test_replicas_make_one_signing_key(store: Store) -> None:
    async def rotate(lifetime: timedelta) -> bool:
        return await rotate_signing_keys(store, lifetime=lifetime, token_lifetime=ISSUER.lifetime)

    assert not await rotate(DAY)
    made = await asyncio.gather(*(rotate(timedelta(0)) for _ in range(4)))
    # The first of them made a key that signs from later on, which is new enough for the others.
    assert sum(made) == 1
    async with store.read() as unit:
        old, new = await unit.signing_keys()
    now = utcnow()
    assert signing.current([old, new], now) == old
    assert new.active_at > now
    assert old.retires_at is not None
    assert old.retires_at >= new.active_at + ISSUER.lifetime
