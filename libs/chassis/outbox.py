"""The transactional outbox: what a transaction announces is announced if, and only if, it commits.

`add` writes a message into a table of the caller's own database, inside the caller's transaction. The relay publishes
the rows in order, and removes each after the stream has acknowledged it. A crash between the two publishes a message
twice under the same `Nats-Msg-Id`, which the stream drops; consumers are idempotent beyond the stream's memory.

On PostgreSQL several processes may run a relay on the same table: one at a time holds an advisory lock and publishes,
and the others take over when it dies. `NOTIFY` wakes it for rows that another process committed.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any, NoReturn, Protocol

from google.protobuf.message import Message
from opentelemetry import context
from sqlalchemy import (
    Column,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    RowMapping,
    String,
    Table,
    delete,
    event,
    insert,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from libs.chassis.clock import utcnow
from libs.chassis.database import Database, Json, MigrationOperations, Sequence64, UtcDateTime
from libs.chassis.errors import ArtifexError
from libs.chassis.telemetry import extract, inject, meter

_log = logging.getLogger(__name__)
_TABLE = "outbox"
_BATCH = 100
_POLL_SECONDS = 1.0
_BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)


class Publisher(Protocol):
    """The part of the bus that the relay needs."""

    async def publish(self, subject: str, message: bytes | Message, *, key: str) -> None: ...


def _columns() -> list[Column[Any]]:
    return [
        Column("position", Sequence64, autoincrement=True, nullable=False),
        Column("key", String(300), nullable=False),
        Column("subject", String(300), nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("headers", Json, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        # Why the bus will never take this message; such a row stays for a person and blocks nobody.
        Column("refused", String(1000), nullable=True),
    ]


def outbox_table(metadata: MetaData) -> Table:
    """The outbox, for a service's own metadata."""
    return Table(_TABLE, metadata, *_columns(), PrimaryKeyConstraint("position"))


def create_outbox(op: MigrationOperations) -> None:
    """Create the table in a migration: `create_outbox(op)`."""
    op.create_table(_TABLE, *_columns(), PrimaryKeyConstraint("position", name=f"pk_{_TABLE}"))


class Outbox:
    """The outbox of one service; run `relay()` as a background task of every process that adds to it."""

    def __init__(self, database: Database, bus: Publisher, table: Table) -> None:
        self._database = database
        self._bus = bus
        self._table = table
        self._wake = asyncio.Event()
        self._channel = f"{database.schema}_{table.name}"
        self._age = meter("artifex.outbox").create_histogram(
            "artifex.outbox.age", unit="s", description="From the commit of a message to its acknowledgement"
        )

    async def add(self, session: AsyncSession, subject: str, message: Message, *, key: str) -> None:
        """Announce `message` on `subject` when the session's transaction commits, under the trace that is current now.

        `key` names the fact, not the attempt to tell it: the stream keeps one message per key.
        """
        headers: dict[str, str] = {}
        inject(headers)
        await session.execute(
            insert(self._table).values(
                key=key,
                subject=subject,
                payload=message.SerializeToString(),
                headers=headers,
                created_at=utcnow(),
            )
        )
        if not self._database.is_sqlite:
            # Delivered at the commit, once per transaction however many rows it adds.
            await session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": self._channel})
        if not session.info.get("outbox_listens"):
            session.info["outbox_listens"] = True
            event.listen(session.sync_session, "after_commit", lambda _: self.notify())

    def notify(self) -> None:
        """Wake the relay: there is something to publish."""
        self._wake.set()

    async def relay(self) -> NoReturn:
        """Publish committed rows in order, for ever; outages of the database and of the bus are waited out."""
        failures = 0
        while True:
            try:
                if self._database.is_sqlite:
                    await self._relay(None)
                async with self._database.dedicated() as guard:
                    await self._lead(guard)
                    await self._relay(guard)
            except Exception as error:  # noqa: BLE001 - drivers report an outage in many ways; all are waited out
                pause = _BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)]
                failures += 1
                _log.warning("the outbox relay goes on in %.1f s: %r", pause, error)
                await asyncio.sleep(pause)

    async def _lead(self, guard: AsyncConnection) -> None:
        """Wait until this process is the one that relays; it is until `guard` closes."""
        lock = text("SELECT pg_try_advisory_lock(hashtext(:channel))")
        while not (await guard.execute(lock, {"channel": self._channel})).scalar_one():  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)
        raw = await guard.get_raw_connection()
        driver = raw.driver_connection
        assert driver is not None
        await driver.add_listener(self._channel, lambda *_: self.notify())

    async def _relay(self, guard: AsyncConnection | None) -> NoReturn:
        while True:
            self._wake.clear()
            if guard is not None:
                # Fails once the connection, and with it the lead, is lost.
                await guard.execute(text("SELECT 1"))
            while await self._publish_batch() == _BATCH:
                pass
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._wake.wait()

    async def _publish_batch(self) -> int:
        table = self._table
        async with self._database.read() as session:
            query = select(table).where(table.c.refused.is_(None)).order_by(table.c.position).limit(_BATCH)
            rows = (await session.execute(query)).mappings().all()
        # SQLite gives a freed position to the next row, so a row is known by its key as well: another relay may have
        # removed this one, and a new one may lie in its place.
        identity = tuple_(table.c.position, table.c.key)
        sent: list[tuple[int, str]] = []
        try:
            for row in rows:
                refusal = await self._publish(row)
                if refusal is None:
                    sent.append((row["position"], row["key"]))
                    self._age.record((utcnow() - row["created_at"]).total_seconds())
                else:
                    _log.error("the bus refuses %s %s: %s", row["subject"], row["key"], refusal)
                    async with self._database.transaction() as session:
                        mine = identity == (row["position"], row["key"])
                        await session.execute(update(table).where(mine).values(refused=refusal[:1000]))
        finally:
            # Also on the way out of a cancellation: rows that went out need not go out again.
            if sent:
                async with self._database.transaction() as session:
                    await session.execute(delete(table).where(identity.in_(sent)))
        return len(rows)

    async def _publish(self, row: RowMapping) -> str | None:
        """None once the stream has the message, or why it never will."""
        token = context.attach(extract(row["headers"]))
        try:
            await self._bus.publish(row["subject"], row["payload"], key=row["key"])
        except ArtifexError as error:
            if not error.permanent:
                raise
            return error.message
        finally:
            context.detach(token)
        return None
