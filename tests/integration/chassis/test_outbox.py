"""The outbox on both databases and a real nats-server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from google.protobuf.message import Message
from sqlalchemy import func, insert, select

from artifex.common.v1.types_pb2 import Rational
from libs.chassis.bus import Bus
from libs.chassis.clock import utcnow
from libs.chassis.database import Database, migrate
from libs.chassis.ids import new_id
from libs.chassis.outbox import Outbox
from libs.chassis.settings import PlatformSettings
from libs.chassis.telemetry import current_trace_id, setup_telemetry, tracer
from libs.chassis.testing import NatsServer, PostgresServer
from tests.integration.chassis.tables import MIGRATIONS, outbox, shots

SUBJECT = "evt.studio.graph.task.completed"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url, schema="shots", migrations=MIGRATIONS)
    async with Database(database_url, schema="shots") as database:
        yield database


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path / "nats") as server:
        yield server


@pytest.fixture
async def bus(nats: NatsServer) -> AsyncIterator[Bus]:
    async with Bus(nats.url, name="test") as bus:
        await bus.ensure_streams()
        yield bus


@asynccontextmanager
async def relaying(*outboxes: Outbox) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(box.relay()) for box in outboxes]
    yield
    for task in tasks:
        assert not task.done()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def add(database: Database, box: Outbox, number: int, message: Message | None = None) -> None:
    async with database.transaction() as session:
        row = {"id": new_id(), "number": number, "notes": {}, "made_at": utcnow()}
        await session.execute(insert(shots).values(row))
        await box.add(session, SUBJECT, message or Rational(numerator=number), key=f"shot/{number}")


async def waiting(database: Database) -> int:
    async with database.read() as session:
        return (await session.execute(select(func.count()).select_from(outbox))).scalar_one()


async def until_empty(database: Database, timeout: float = 10.0) -> None:
    async with asyncio.timeout(timeout):
        while await waiting(database):  # noqa: ASYNC110 - the database sends no event
            await asyncio.sleep(0.01)


async def published(bus: Bus) -> list[int]:
    link = await bus.connection.link()
    state = (await link.jetstream.stream_info("EVENTS")).state
    messages = [await link.jetstream.get_msg("EVENTS", n) for n in range(max(state.first_seq, 1), state.last_seq + 1)]
    return [Rational.FromString(message.data or b"").numerator for message in messages]


async def test_what_commits_is_published_in_order_and_what_rolls_back_is_not(database: Database, bus: Bus) -> None:
    box = Outbox(database, bus, outbox)

    async def fail() -> None:
        async with database.transaction() as session:
            await box.add(session, SUBJECT, Rational(numerator=99), key="never")
            raise LookupError

    async with relaying(box):
        for number in range(25):
            await add(database, box, number)
            if number == 10:
                with pytest.raises(LookupError):
                    await fail()
        await until_empty(database)
    assert await published(bus) == list(range(25))


async def test_a_commit_wakes_the_relay_at_once(database: Database, bus: Bus) -> None:
    box = Outbox(database, bus, outbox)
    async with relaying(box):
        await add(database, box, 0)
        await until_empty(database)
        for number in range(1, 6):
            await add(database, box, number)
            # Half of what the poll alone would need.
            await until_empty(database, timeout=0.5)


async def test_rows_of_a_process_that_died_are_published_by_the_next(database: Database, bus: Bus) -> None:
    await add(database, Outbox(database, bus, outbox), 1)
    async with relaying(Outbox(database, bus, outbox)):
        await until_empty(database)
    assert await published(bus) == [1]


async def test_two_relays_publish_everything_once(database: Database, database_url: str, bus: Bus) -> None:
    async with Database(database_url, schema="shots") as second:
        boxes = (Outbox(database, bus, outbox), Outbox(second, bus, outbox))
        async with relaying(*boxes):
            ours = (add(database, boxes[0], number) for number in range(0, 40, 2))
            theirs = (add(second, boxes[1], number) for number in range(1, 40, 2))
            await asyncio.gather(*ours, *theirs)
            await until_empty(database)
    assert sorted(await published(bus)) == list(range(40))


async def test_an_outage_of_the_bus_delays_and_loses_nothing(database: Database, nats: NatsServer, bus: Bus) -> None:
    box = Outbox(database, bus, outbox)
    async with relaying(box):
        await add(database, box, 0)
        await until_empty(database)
        nats.kill9()
        for number in range(1, 6):
            await add(database, box, number)
        assert await waiting(database) == 5
        nats.launch()
        await asyncio.to_thread(nats.wait_ready)
        await until_empty(database)
    assert await published(bus) == list(range(6))


async def test_a_message_that_the_bus_never_takes_blocks_nobody(
    database: Database, bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    box = Outbox(database, bus, outbox)
    async with database.transaction() as session:
        await box.add(session, "nowhere.at.all", Rational(numerator=1), key="lost")
    async with relaying(box):
        await add(database, box, 2)
        async with asyncio.timeout(10):
            while await waiting(database) != 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert await published(bus) == [2]
    async with database.read() as session:
        (row,) = (await session.execute(select(outbox))).mappings().all()
    assert row["key"] == "lost"
    assert "no stream" in row["refused"]
    assert "nowhere.at.all" in caplog.text


async def test_the_trace_of_the_transaction_is_published(database: Database, bus: Bus, tmp_path: Path) -> None:
    async with setup_telemetry("test", PlatformSettings(home=tmp_path)):
        box = Outbox(database, bus, outbox)
        with tracer("test").start_as_current_span("submit"):
            trace = current_trace_id()
            await add(database, box, 1)
        async with relaying(box):
            await until_empty(database)
    link = await bus.connection.link()
    message = await link.jetstream.get_msg("EVENTS", 1)
    headers = message.headers or {}
    assert headers["traceparent"].split("-")[1] == trace
    assert headers["Nats-Msg-Id"] == "shot/1"


async def test_the_relay_outlives_its_postgres(tmp_path: Path, bus: Bus) -> None:
    async with PostgresServer(tmp_path / "own") as server:
        await migrate(server.url(), schema="shots", migrations=MIGRATIONS)
        async with Database(server.url(), schema="shots") as database:
            box = Outbox(database, bus, outbox)
            async with relaying(box):
                await add(database, box, 1)
                await until_empty(database)
                server.kill9()
                await asyncio.to_thread(server.wait_gone)
                server.launch()
                await asyncio.to_thread(server.wait_ready)
                await add(database, box, 2)
                await until_empty(database)
    assert await published(bus) == [1, 2]


@pytest.mark.parametrize("database_kind", ["postgres"])
async def test_the_second_relay_takes_over_when_the_first_ends(database: Database, database_url: str, bus: Bus) -> None:
    async with Database(database_url, schema="shots") as second:
        one, two = Outbox(database, bus, outbox), Outbox(second, bus, outbox)
        async with relaying(two):
            async with relaying(one):
                await add(database, one, 1)
                await until_empty(database)
            await add(second, two, 2)
            await until_empty(database)
    assert await published(bus) == [1, 2]
