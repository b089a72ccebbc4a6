"""The store's promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from google.protobuf.message import Message
from sqlalchemy import func, select

from artifex.common.v1.types_pb2 import Blob
from artifex.media.v1.messages_pb2 import CreateUploadRequest, CreateUploadResponse, MediaInfo, Provenance
from libs.chassis.clock import utcnow
from libs.chassis.database import Database, migrate
from libs.chassis.errors import AlreadyExists
from libs.chassis.ids import new_id
from libs.chassis.outbox import Outbox
from libs.chassis.repeats import Repeat
from services.media.__main__ import MIGRATIONS
from services.media.adapters.sql_store import SqlStore
from services.media.adapters.tables import outbox
from services.media.domain.model import Asset, Part, Upload
from services.media.ports import Store


class Nobody:
    """A bus that is never there: what is announced stays in the outbox to be looked at."""

    async def publish(self, subject: str, message: bytes | Message, *, key: str) -> None:
        raise ConnectionError


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url, schema="media", migrations=MIGRATIONS)
    async with Database(database_url, schema="media") as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> Store:
    return SqlStore(database, Outbox(database, Nobody(), outbox))


def upload(tenant: str = "studio", size: int = 100) -> Upload:
    now = utcnow()
    return Upload(new_id(), tenant, "ann", "clip.mp4", size, "d" * 64, 0, "", now, now + timedelta(hours=1))


def asset(tenant: str = "studio", digest: str = "a" * 64, origin: str | None = None) -> Asset:
    return Asset(
        id=new_id(),
        tenant=tenant,
        display_name="clip.mp4",
        blob=Blob(digest=digest, size=2**40, media_type="video/mp4"),
        media=MediaInfo(format="mov"),
        provenance=Provenance(origin="upload", details={"a": "b"}),
        create_time=utcnow(),
        create_user="ann",
        origin_key=origin,
    )


@asynccontextmanager
async def added(store: Store, *things: Upload | Asset) -> AsyncIterator[None]:
    async with store.transaction() as unit:
        for thing in things:
            await (unit.add_upload(thing) if isinstance(thing, Upload) else unit.add_asset(thing))
    yield


async def test_an_upload_is_kept_whole_and_for_its_tenant(store: Store) -> None:
    one = upload(size=2**40)
    async with added(store, one), store.read() as unit:
        assert await unit.upload("studio", one.id) == one
        assert await unit.upload("rival", one.id) is None


async def test_parts_follow_each_other_and_only_one_of_two_wins(store: Store) -> None:
    one = upload()
    later = utcnow() + timedelta(hours=2)
    async with added(store, one):

        async def add(key: str) -> bool:
            async with store.transaction() as unit:
                return await unit.add_part(one.id, Part(0, 60, key), later)

        assert sorted(await asyncio.gather(*(add(key) for key in "abcd"))) == [False, False, False, True]
        async with store.transaction() as unit:
            assert not await unit.add_part(one.id, Part(50, 10, "x"), later)
            assert await unit.add_part(one.id, Part(60, 40, "y"), later)
        async with store.read() as reader:
            parts = await reader.parts(one.id)
            assert [(part.offset, part.size) for part in parts] == [(0, 60), (60, 40)]
            now = await reader.upload("studio", one.id)
        assert now is not None
        assert (now.committed_size, now.expire_time) == (100, later)
        async with store.transaction() as unit:
            await unit.finish_upload(one.id, "made")
            assert not await unit.add_part(one.id, Part(100, 1, "z"), later)
            await unit.delete_upload(one.id)
        async with store.read() as reader:
            assert await reader.upload("studio", one.id) is None
            assert not await reader.parts(one.id)


async def test_expired_uploads_are_found_the_oldest_first(store: Store) -> None:
    uploads = [upload(), upload("rival"), upload()]
    async with added(store, *uploads), store.read() as unit:
        assert not await unit.expired_uploads(utcnow(), 10)
        found = await unit.expired_uploads(utcnow() + timedelta(hours=2), 2)
        assert [one.id for one in found] == [one.id for one in uploads[:2]]


async def test_assets_are_found_by_id_digest_and_origin_within_their_tenant(store: Store) -> None:
    first, second = asset(), asset(origin="assembly:j/t")
    theirs = asset("rival", origin="assembly:j/t")
    async with added(store, first, second, theirs), store.read() as unit:
        assert await unit.asset("studio", first.id) == first
        assert await unit.asset("rival", first.id) is None
        assert await unit.asset_by_digest("studio", "a" * 64) == first, "the oldest"
        assert await unit.asset_by_digest("studio", "b" * 64) is None
        assert await unit.asset_by_origin("studio", "assembly:j/t") == second
        assert await unit.asset_by_origin("rival", "assembly:j/t") == theirs
        assert await unit.assets("studio", "", 10) == [second, first]
        assert await unit.assets("studio", second.id, 10) == [first]
    with pytest.raises(AlreadyExists):
        async with added(store, asset(origin="assembly:j/t")):
            pass
    async with store.transaction() as writer:
        await writer.delete_asset("rival", first.id)
        assert await writer.asset("studio", first.id) == first
        await writer.delete_asset("studio", first.id)
        assert await writer.asset("studio", first.id) is None


async def test_staged_blobs_wait_their_time(store: Store) -> None:
    now = utcnow()
    async with store.transaction() as unit:
        await unit.stage_blob("studio", "a" * 64, now - timedelta(hours=2))
        await unit.stage_blob("studio", "b" * 64, now - timedelta(hours=2))
        await unit.stage_blob("studio", "b" * 64, now)
        assert await unit.staged_blobs(now - timedelta(hours=1), 10) == [("studio", "a" * 64)]
        await unit.unstage_blob("studio", "a" * 64)
        assert not await unit.staged_blobs(now - timedelta(hours=1), 10)


async def test_a_digests_lock_lets_one_transaction_pass_at_a_time(store: Store) -> None:
    order: list[str] = []
    inside = asyncio.Event()

    async def first() -> None:
        async with store.transaction() as unit:
            await unit.lock_digest("studio", "a" * 64)
            inside.set()
            await asyncio.sleep(0.2)
            order.append("first")

    async def second() -> None:
        await inside.wait()
        async with store.transaction() as unit:
            await unit.lock_digest("studio", "a" * 64)
            order.append("second")

    await asyncio.gather(second(), first())
    assert order == ["first", "second"]


async def test_events_and_answers_belong_to_the_transaction(store: Store, database: Database) -> None:
    request = CreateUploadRequest(display_name="x", size=1, digest="0" * 64, request_id="r")
    repeat = Repeat[str, CreateUploadResponse]("CreateUpload", "r", request, lambda _: CreateUploadResponse())

    async def build() -> str:
        return "made"

    class Lost(Exception):
        pass

    async def attempt(fail: bool) -> None:
        async with store.transaction() as unit:
            await unit.once("studio", repeat, build)
            await unit.announce("evt.studio.media.asset.ready", MediaInfo(), key="k")
            if fail:
                raise Lost

    async def announced() -> int:
        async with database.read() as session:
            return (await session.execute(select(func.count()).select_from(outbox))).scalar_one()

    with pytest.raises(Lost):
        await attempt(True)
    assert await announced() == 0
    await attempt(False)
    assert await announced() == 1
