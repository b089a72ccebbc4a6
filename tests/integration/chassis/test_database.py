"""One suite for both databases."""

import asyncio
import multiprocessing
import sqlite3
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from google.protobuf.message import Message
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from artifex.common.v1.types_pb2 import Blob, Rational
from libs.chassis.clock import utcnow
from libs.chassis.database import Database, migrate
from libs.chassis.errors import AlreadyExists, Unavailable
from libs.chassis.idempotency import once
from libs.chassis.ids import new_id
from libs.chassis.testing import PostgresServer, schema_differences
from tests.integration.chassis.tables import MIGRATIONS, idempotency, metadata, shots, takes


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url, schema="shots", migrations=MIGRATIONS)
    async with Database(database_url, schema="shots") as database:
        yield database


async def add_shot(database: Database, number: int, made_at: datetime | None = None) -> None:
    async with database.transaction() as session:
        row = {"id": new_id(), "number": number, "notes": {}, "made_at": made_at or utcnow()}
        await session.execute(insert(shots).values(row))


async def numbers(database: Database) -> Sequence[int]:
    async with database.read() as session:
        return (await session.execute(select(shots.c.number).order_by(shots.c.number))).scalars().all()


async def test_migrations_make_what_the_code_declares_however_often_they_run(
    database: Database, database_url: str
) -> None:
    await migrate(database_url, schema="shots", migrations=MIGRATIONS)
    assert await schema_differences(database, metadata) == []


def migrate_in_a_process(url: str) -> None:
    asyncio.run(migrate(url, schema="shots", migrations=MIGRATIONS))


async def test_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=migrate_in_a_process, args=(database_url,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        await asyncio.to_thread(process.join)
    assert [process.exitcode for process in processes] == [0, 0]
    async with Database(database_url, schema="shots") as database, database.read() as session:
        assert (await session.execute(text("SELECT version_num FROM alembic_version"))).scalars().all() == ["0002"]


async def test_what_is_committed_is_read_back_as_it_was(database: Database) -> None:
    made_at = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=timezone(timedelta(hours=9)))
    row = {"id": new_id(), "number": 7, "notes": {"한글": [1.5, None, True]}, "made_at": made_at}
    async with database.transaction() as session:
        await session.execute(insert(shots).values(row))
    async with database.read() as session:
        kept = (await session.execute(select(shots))).mappings().one()
    assert dict(kept) == row
    assert kept["made_at"].tzinfo is UTC


async def test_a_naive_datetime_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="no place in time"):
        await add_shot(database, 1, made_at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


async def test_an_error_rolls_back(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            await session.execute(insert(shots).values(id="x", number=1, notes={}, made_at=utcnow()))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await numbers(database) == []


async def test_a_cancelled_transaction_rolls_back_and_frees_the_lock(database: Database) -> None:
    inside = asyncio.Event()

    async def stuck() -> None:
        async with database.transaction() as session:
            await session.execute(insert(shots).values(id="x", number=1, notes={}, made_at=utcnow()))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stuck())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await add_shot(database, 1)
    assert await numbers(database) == [1]


async def test_a_statement_cancelled_half_way_frees_the_lock(database: Database) -> None:
    """At every point of a transaction, not only where it waits for the caller."""
    for turns in range(12):
        task = asyncio.create_task(add_shot(database, 1000 + turns))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(5):
        await add_shot(database, 1)
    assert 1 in await numbers(database)


async def test_constraints_hold(database: Database) -> None:
    await add_shot(database, 1)
    with pytest.raises(IntegrityError):
        await add_shot(database, 1)
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await session.execute(insert(takes).values(id=new_id(), shot="missing"))


async def test_concurrent_writers_lose_nothing(database: Database) -> None:
    await asyncio.gather(*(add_shot(database, number) for number in range(50)))
    assert await numbers(database) == list(range(50))


async def test_readers_go_on_while_a_writer_writes(database: Database) -> None:
    await add_shot(database, 1)
    async with database.transaction() as session:
        await session.execute(insert(shots).values(id="x", number=2, notes={}, made_at=utcnow()))
        async with asyncio.timeout(2):
            assert await numbers(database) == [1]
    assert await numbers(database) == [1, 2]


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_read_session_cannot_write(database: Database) -> None:
    with pytest.raises((DBAPIError, Unavailable)):
        async with database.read() as session:
            await session.execute(insert(shots).values(id="x", number=2, notes={}, made_at=utcnow()))


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_sqlite_keeps_commits_through_a_power_cut_and_waits_for_other_processes(
    database: Database, tmp_path: Path
) -> None:
    async with database.transaction() as session:
        pragmas = {
            name: (await session.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}

    # Another process holds the file's write lock for a moment.
    other = sqlite3.connect(tmp_path / "test.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    task = asyncio.create_task(add_shot(database, 1))
    await asyncio.sleep(0.3)  # long enough for the writer to meet the lock
    assert not task.done()
    other.execute("COMMIT")
    other.close()
    await task


@pytest.mark.parametrize("database_kind", ["postgres"])
async def test_services_share_a_postgres_without_seeing_each_other(database: Database, database_url: str) -> None:
    await migrate(database_url, schema="other", migrations=MIGRATIONS)
    await add_shot(database, 1)
    async with Database(database_url, schema="other") as other:
        assert await numbers(other) == []


async def test_an_outage_of_postgres_is_unavailable_and_passes(tmp_path: Path) -> None:
    async with PostgresServer(tmp_path / "own") as server:
        await migrate(server.url(), schema="shots", migrations=MIGRATIONS)
        async with Database(server.url(), schema="shots") as database:
            await add_shot(database, 1)
            server.kill9()
            with pytest.raises(Unavailable) as caught:
                await add_shot(database, 2)
            assert caught.value.metadata == {"dependency": "database"}
            assert not await database.check()
            await asyncio.to_thread(server.wait_gone)
            server.launch()
            await asyncio.to_thread(server.wait_ready)
            await add_shot(database, 3)
            assert await database.check()
            assert await numbers(database) == [1, 3]


async def ask(
    database: Database, request_id: str, request: Message, answers: list[int], tenant: str = "studio"
) -> Blob:
    async def build() -> Blob:
        answers.append(1)
        await asyncio.sleep(0)
        return Blob(size=len(answers))

    async with database.transaction() as session:
        return await once(session, idempotency, tenant, "/x/Make", request_id, request, build)


async def test_a_repeated_request_gets_the_first_answer(database: Database) -> None:
    built: list[int] = []
    request = Rational(numerator=1, denominator=2)
    answers = await asyncio.gather(*(ask(database, "r1", request, built) for _ in range(5)))
    assert {answer.size for answer in answers} == {1}
    assert len(built) == 1
    assert (await ask(database, "r2", request, built)).size == 2
    assert (await ask(database, "r1", request, built, tenant="other")).size == 3
    assert (await ask(database, "", request, built)).size == 4


async def test_a_request_id_with_another_body_is_refused(database: Database) -> None:
    await ask(database, "r1", Rational(numerator=1), [])
    with pytest.raises(AlreadyExists) as caught:
        await ask(database, "r1", Rational(numerator=2), [])
    assert caught.value.reason == "ERROR_REASON_REQUEST_ID_REUSED"
    assert caught.value.metadata == {"request_id": "r1"}


async def test_a_failed_request_may_be_repeated(database: Database) -> None:
    async def fail() -> Blob:
        raise LookupError

    with pytest.raises(LookupError):
        async with database.transaction() as session:
            await once(session, idempotency, "studio", "/x/Make", "r1", Rational(), fail)
    assert (await ask(database, "r1", Rational(), [])).size == 1


async def test_a_request_id_is_forgotten_after_a_day(database: Database) -> None:
    await ask(database, "r1", Rational(numerator=1), [])
    async with database.transaction() as session:
        await session.execute(idempotency.update().values(created_at=utcnow() - timedelta(hours=24, minutes=1)))
    assert (await ask(database, "r1", Rational(numerator=2), [1])).size == 2
