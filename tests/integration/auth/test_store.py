"""What the ports promise, kept by the SQL adapter on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from artifex.auth.v1 import messages_pb2 as pb
from libs.chassis.clock import utcnow
from libs.chassis.database import Database, migrate
from libs.chassis.errors import AlreadyExists
from libs.chassis.repeats import Repeat
from services.auth.__main__ import MIGRATIONS
from services.auth.adapters.sql_store import SqlStore
from services.auth.domain import signing
from services.auth.domain.model import ALL_FEATURES, ApiKey, Tenant, User
from services.auth.ports import Store

NOW = utcnow()
ACME = Tenant("acme", "Acme", operator=False, features=ALL_FEATURES, created_at=NOW)
STUDIO = Tenant("studio", "Studio", operator=True, features=("FEATURE_CORE",), created_at=NOW)
ANN = User("acme", "ann", "Ann@Acme.example", "Ann", "ROLE_ADMIN", NOW)
BOB = User("acme", "bob", "bob@acme.example", "Bob", "ROLE_ARTIST", NOW)


def key(name: str, owner: User = ANN) -> ApiKey:
    return ApiKey(owner.tenant, name, owner.id, f"Key {name}", f"afx_{name}", name * 8, NOW)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    await migrate(database_url, schema="auth", migrations=MIGRATIONS)
    async with Database(database_url, schema="auth") as database:
        store = SqlStore(database)
        async with store.transaction() as unit:
            await unit.add_tenant(ACME)
            await unit.add_tenant(STUDIO)
            await unit.add_user(ANN)
            await unit.add_user(BOB)
        yield store


async def test_what_was_stored_comes_back(store: Store) -> None:
    later = NOW + timedelta(days=1)
    stored = replace(key("k1"), expires_at=later)
    async with store.transaction() as unit:
        await unit.add_api_key(stored)
        await unit.touch_api_key("k1", later)
    async with store.read() as unit:
        assert await unit.tenant("acme") == ACME
        assert await unit.operator_tenant() == STUDIO
        assert await unit.user("acme", "ann") == ANN
        assert await unit.first_admin("acme") == ANN
        assert await unit.admins("acme") == 1
        assert await unit.api_key("k1") == replace(stored, last_used_at=later)


async def test_another_tenants_users_do_not_exist(store: Store) -> None:
    async with store.transaction() as unit:
        await unit.delete_user("studio", "ann")
        await unit.save_user(replace(ANN, tenant="studio", display_name="Mallory"))
        assert await unit.user("studio", "ann") is None
        assert await unit.users("studio", "", 10) == []
        assert await unit.admins("studio") == 0
        assert await unit.user("acme", "ann") == ANN


async def test_lists_go_on_after_an_id(store: Store) -> None:
    async with store.transaction() as unit:
        for name in ("k3", "k1", "k2"):
            await unit.add_api_key(key(name))
        await unit.add_api_key(key("k0", BOB))
        assert [item.id for item in await unit.tenants("", 10)] == ["acme", "studio"]
        assert [item.id for item in await unit.tenants("acme", 10)] == ["studio"]
        assert [item.id for item in await unit.users("acme", "", 1)] == ["ann"]
        assert [item.id for item in await unit.users("acme", "ann", 10)] == ["bob"]
        assert [item.id for item in await unit.api_keys("acme", "ann", "", 2)] == ["k1", "k2"]
        assert [item.id for item in await unit.api_keys("acme", "ann", "k2", 2)] == ["k3"]


async def test_a_taken_name_is_refused_and_the_transaction_goes_on(store: Store) -> None:
    async with store.transaction() as unit:
        with pytest.raises(AlreadyExists):
            await unit.add_tenant(replace(ACME, display_name="Other"))
        with pytest.raises(AlreadyExists):
            await unit.add_user(replace(ANN, id="ann2", email="aNN@acme.EXAMPLE"))
        await unit.add_user(replace(ANN, tenant="studio"))
    async with store.read() as unit:
        assert await unit.user("studio", "ann") is not None
        assert await unit.tenant("acme") == ACME


async def test_a_removed_user_leaves_no_keys(store: Store) -> None:
    async with store.transaction() as unit:
        await unit.add_api_key(key("k1"))
        await unit.add_api_key(key("k2", BOB))
        await unit.delete_user("acme", "ann")
    async with store.read() as unit:
        assert await unit.user("acme", "ann") is None
        assert await unit.api_key("k1") is None
        assert await unit.api_key("k2") is not None


async def test_a_key_is_revoked_by_its_tenant_alone(store: Store) -> None:
    async with store.transaction() as unit:
        await unit.add_api_key(key("k1"))
        await unit.delete_api_key("studio", "k1")
        assert await unit.api_key("k1") is not None
        await unit.delete_api_key("acme", "k1")
        assert await unit.api_key("k1") is None


async def test_of_two_signing_keys_of_a_generation_one_is_kept(store: Store) -> None:
    first, second = signing.generate(1, NOW, NOW), signing.generate(1, NOW, NOW)
    async with store.transaction() as unit:
        assert await unit.add_signing_key(first)
        assert not await unit.add_signing_key(second)
        assert await unit.signing_keys() == [first]


async def test_old_signing_keys_retire_once_and_go(store: Store) -> None:
    keys = [signing.generate(number, NOW, NOW) for number in (1, 2)]
    soon, late = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    async with store.transaction() as unit:
        for signing_key in keys:
            await unit.add_signing_key(signing_key)
        await unit.retire_signing_keys(2, soon)
        await unit.retire_signing_keys(2, late)
        assert await unit.signing_keys() == [replace(keys[0], retires_at=soon), keys[1]]
        await unit.delete_signing_keys(soon)
        assert len(await unit.signing_keys()) == 2
        await unit.delete_signing_keys(late)
        assert await unit.signing_keys() == [keys[1]]


async def test_two_who_lock_a_tenant_take_turns(store: Store) -> None:
    """Each removes an admin if two are left: without the lock both would see two."""
    async with store.transaction() as unit:
        await unit.add_user(replace(ANN, id="eve", email="eve@acme.example"))

    async def remove(user: str) -> None:
        async with store.transaction() as unit:
            await unit.lock_tenant("acme")
            if await unit.admins("acme") > 1:
                await asyncio.sleep(0.05)
                await unit.delete_user("acme", user)

    await asyncio.gather(remove("ann"), remove("eve"))
    async with store.read() as reader:
        assert await reader.admins("acme") == 1


async def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    async def fail() -> None:
        async with store.transaction() as unit:
            await unit.add_user(replace(ANN, id="eve", email="eve@acme.example"))
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    async with store.read() as unit:
        assert await unit.user("acme", "eve") is None


async def test_a_repeated_request_is_answered_alike_and_done_once(store: Store) -> None:
    calls = 0

    async def build() -> str:
        nonlocal calls
        calls += 1
        return f"users/{calls}"

    async def ask(request_id: str, email: str) -> pb.CreateUserResponse:
        repeat = Repeat[str, pb.CreateUserResponse](
            "CreateUser",
            request_id,
            pb.CreateUserRequest(user=pb.User(email=email)),
            lambda name: pb.CreateUserResponse(user=pb.User(name=name)),
        )
        async with store.transaction() as unit:
            return await unit.once("acme", repeat, build)

    assert (await ask("r1", "a@b.example")).user.name == "users/1"
    assert (await ask("r1", "a@b.example")).user.name == "users/1"
    assert (await ask("r2", "a@b.example")).user.name == "users/2"
    assert (await ask("", "a@b.example")).user.name == "users/3"
    with pytest.raises(AlreadyExists) as caught:
        await ask("r1", "c@d.example")
    assert caught.value.reason == "ERROR_REASON_REQUEST_ID_REUSED"
