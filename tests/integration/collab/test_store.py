"""What the ports promise, kept by the SQL adapter on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from libs.chassis.clock import utcnow
from libs.chassis.database import Database, migrate
from libs.chassis.errors import AlreadyExists
from services.collab.__main__ import MIGRATIONS
from services.collab.adapters.sql_store import SqlStore
from services.collab.domain.model import Document, DocumentKey, Project, Revision
from services.collab.ports import Store

NOW = utcnow()
SPOT = Project("acme", "spot", "Spot", NOW, "ann")
CONTENT = '{"schema": "artifex.graph/1",\n "nodes": {"제목": {}}}'
KEY = DocumentKey("acme", "spot", "cut")
CUT = Document(KEY, "Cut", NOW, Revision(1, CONTENT, NOW, "ann"))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    await migrate(database_url, schema="collab", migrations=MIGRATIONS)
    async with Database(database_url, schema="collab") as database:
        store = SqlStore(database)
        async with store.transaction() as unit:
            await unit.add_project(SPOT)
            await unit.add_document(CUT)
        yield store


def revised(number: int) -> Document:
    revision = Revision(number, CONTENT.replace("제목", f"n{number}"), NOW, "bob", f"Change {number}")
    return replace(CUT, revision=revision)


async def test_what_was_stored_comes_back_to_the_byte(store: Store) -> None:
    async with store.read() as unit:
        assert await unit.project("acme", "spot") == SPOT
        assert await unit.document(KEY) == CUT
        (info,) = await unit.documents("acme", "spot", "", 10)
    assert (info.key, info.display_name, info.newest.etag) == (KEY, "Cut", CUT.revision.etag)


async def test_another_tenant_has_its_own_names(store: Store) -> None:
    other = replace(SPOT, tenant="other", display_name="Theirs")
    async with store.transaction() as unit:
        assert await unit.project("other", "spot") is None
        assert await unit.document(replace(KEY, tenant="other")) is None
        await unit.delete_project("other", "spot")
        await unit.delete_document(replace(KEY, tenant="other"))
        await unit.add_project(other)
        assert await unit.projects("other", "", 10) == [other]
        assert await unit.documents("other", "spot", "", 10) == []
        assert await unit.document(KEY) == CUT


async def test_every_revision_stays_readable(store: Store) -> None:
    async with store.transaction() as unit:
        for number in (2, 3):
            assert await unit.lock_document(KEY) is not None
            await unit.add_revision(revised(number))
    async with store.read() as unit:
        assert await unit.document(KEY) == revised(3)
        assert await unit.document(KEY, 1) == CUT
        assert await unit.document(KEY, 2) == revised(2)
        assert await unit.document(KEY, 4) is None
        assert [item.number for item in await unit.revisions(KEY, 0, 2)] == [3, 2]
        (oldest,) = await unit.revisions(KEY, 2, 10)
        assert (oldest.number, oldest.etag, oldest.created_by) == (1, CUT.revision.etag, "ann")
        (info,) = await unit.documents("acme", "spot", "", 10)
        assert (info.newest.number, info.newest.message) == (3, "Change 3")


async def test_lists_go_on_after_an_id(store: Store) -> None:
    async with store.transaction() as unit:
        for name in ("b", "a"):
            await unit.add_project(replace(SPOT, id=name))
            await unit.add_document(replace(CUT, key=replace(KEY, id=name)))
        assert [item.id for item in await unit.projects("acme", "", 2)] == ["a", "b"]
        assert [item.id for item in await unit.projects("acme", "b", 2)] == ["spot"]
        assert [item.key.id for item in await unit.documents("acme", "spot", "", 2)] == ["a", "b"]
        assert [item.key.id for item in await unit.documents("acme", "spot", "b", 2)] == ["cut"]


async def test_a_taken_name_is_refused_and_the_transaction_goes_on(store: Store) -> None:
    async with store.transaction() as unit:
        with pytest.raises(AlreadyExists):
            await unit.add_project(SPOT)
        with pytest.raises(AlreadyExists) as caught:
            await unit.add_document(revised(1))
        await unit.add_document(replace(CUT, key=replace(KEY, id="teaser")))
    assert caught.value.metadata == {"resource": "projects/spot/documents/cut"}
    async with store.read() as unit:
        assert len(await unit.documents("acme", "spot", "", 10)) == 2
        assert await unit.document(KEY) == CUT


async def test_a_project_takes_its_documents_with_it(store: Store) -> None:
    async with store.transaction() as unit:
        await unit.delete_project("acme", "spot")
        assert await unit.document(KEY) is None
        assert await unit.revisions(KEY, 0, 10) == []
        await unit.add_project(SPOT)
        assert await unit.documents("acme", "spot", "", 10) == []


async def test_a_document_takes_its_history_with_it(store: Store) -> None:
    async with store.transaction() as unit:
        await unit.delete_document(KEY)
        assert await unit.lock_document(KEY) is None
        await unit.add_document(CUT)
        assert len(await unit.revisions(KEY, 0, 10)) == 1


async def test_writers_of_one_document_take_turns(store: Store) -> None:
    async def write() -> int:
        async with store.transaction() as unit:
            info = await unit.lock_document(KEY)
            assert info is not None
            await asyncio.sleep(0.01)
            await unit.add_revision(revised(info.newest.number + 1))
            return info.newest.number + 1

    assert sorted(await asyncio.gather(*(write() for _ in range(5)))) == [2, 3, 4, 5, 6]
