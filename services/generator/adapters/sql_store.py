"""Generations in SQL: the `Store` port over SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from google.protobuf.message import Message
from sqlalchemy import Row, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from artifex.common.v1.types_pb2 import Blob, Failure
from artifex.generator.v1.messages_pb2 import GenerationPlan, GenerationProvenance, GenerationSpec
from artifex.generator.v1.work_pb2 import GenerateWork
from artifex.media.v1.messages_pb2 import MediaInfo
from libs.chassis import idempotency
from libs.chassis.database import Database, insert_into
from libs.chassis.outbox import Outbox
from services.generator.adapters import tables
from services.generator.domain.generation import Generation, Place, Priority, State
from services.generator.ports import Response

_M = TypeVar("_M", bound=Message)
_table = tables.generations


class SqlUnit:
    def __init__(self, session: AsyncSession, outbox: Outbox) -> None:
        self._session = session
        self._outbox = outbox

    async def lock(self, tenant: str, generation: str) -> Generation | None:
        # SQLite has no row locks and needs none: the transaction began by taking the only write lock.
        query = select(_table).where(_table.c.tenant == tenant, _table.c.id == generation).with_for_update()
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else _generation(row)

    async def insert(self, generation: Generation) -> bool:
        statement = insert_into(self._session, _table).values(**_columns(generation))
        added = await self._session.execute(statement.on_conflict_do_nothing().returning(_table.c.id))
        return added.scalar_one_or_none() is not None

    async def save(self, generation: Generation) -> None:
        generation.revision += 1
        mine = (_table.c.tenant == generation.tenant) & (_table.c.id == generation.id)
        await self._session.execute(update(_table).where(mine).values(**_columns(generation)))

    async def announce(self, subject: str, message: Message, *, key: str) -> None:
        await self._outbox.add(self._session, subject, message, key=key)

    async def once(
        self, tenant: str, method: str, request_id: str, request: Message, build: Callable[[], Awaitable[Response]]
    ) -> Response:
        return await idempotency.once(self._session, tables.idempotency, tenant, method, request_id, request, build)


class SqlStore:
    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlUnit]:
        async with self._database.transaction() as session:
            yield SqlUnit(session, self._outbox)

    async def get(self, tenant: str, generation: str) -> Generation | None:
        query = select(_table).where(_table.c.tenant == tenant, _table.c.id == generation)
        async with self._database.read() as session:
            row = (await session.execute(query)).one_or_none()
        return None if row is None else _generation(row)

    async def list(self, tenant: str, before: str, limit: int) -> Sequence[Generation]:
        # Ids are ordered by the time they were made.
        query = select(_table).where(_table.c.tenant == tenant).order_by(_table.c.id.desc()).limit(limit)
        if before:
            query = query.where(_table.c.id < before)
        async with self._database.read() as session:
            return [_generation(row) for row in (await session.execute(query)).all()]

    async def place(self, generation: Generation) -> Place:
        own = (_table.c.tenant == generation.tenant) & (_table.c.id == generation.id)
        since = generation.queue_time or generation.create_time
        waiting = and_(
            _table.c.state == State.QUEUED.value,
            or_(
                _table.c.priority > int(generation.priority),
                and_(_table.c.priority == int(generation.priority), _table.c.queued_at < since),
            ),
        )
        # One that runs may have nothing left; one that waits and has nothing was never reckoned.
        unknown = case((and_(_table.c.state == State.QUEUED.value, _table.c.seconds_left == 0), 1), else_=0)
        query = select(
            func.count(), func.coalesce(func.sum(_table.c.seconds_left), 0.0), func.coalesce(func.sum(unknown), 0)
        ).where(or_(waiting, _table.c.state == State.RUNNING.value), ~own)
        async with self._database.read() as session:
            ahead, seconds, unknowns = (await session.execute(query)).one()
        return Place(ahead, None if unknowns else float(seconds))

    async def unended_of(self, tenant: str, job: str) -> Sequence[str]:
        unended = [state.value for state in State if not state.ended]
        query = select(_table.c.id).where(_table.c.tenant == tenant, _table.c.job == job, _table.c.state.in_(unended))
        async with self._database.read() as session:
            return (await session.execute(query)).scalars().all()

    async def find_equal(self, tenant: str, content_key: str) -> Generation | None:
        query = (
            select(_table)
            .where(
                _table.c.tenant == tenant,
                _table.c.content_key == content_key,
                _table.c.state == State.SUCCEEDED.value,
            )
            .limit(1)
        )
        async with self._database.read() as session:
            row = (await session.execute(query)).one_or_none()
        return None if row is None else _generation(row)


def _columns(generation: Generation) -> dict[str, Any]:
    return {
        "tenant": generation.tenant,
        "id": generation.id,
        "subject": generation.subject,
        "spec": generation.spec.SerializeToString(),
        "job": generation.job,
        "task": generation.task,
        "attempt": generation.attempt,
        "state": generation.state.value,
        "steps_done": generation.steps_done,
        "result": _encode(generation.result),
        "media": _encode(generation.media),
        "output_asset": generation.output_asset,
        "failure": _encode(generation.failure),
        "weights_digest": generation.weights_digest,
        "random_weights": generation.random_weights,
        "device": generation.device,
        "content_key": generation.content_key,
        "trace_id": generation.trace_id,
        "created_at": generation.create_time,
        "started_at": generation.start_time,
        "ended_at": generation.end_time,
        "revision": generation.revision,
        "pictures": _encode(GenerateWork(pictures=generation.pictures)) if generation.pictures else None,
        "priority": int(generation.priority),
        "plan": _encode(generation.plan),
        "queued_at": generation.queue_time,
        "pauses": generation.pauses,
        "windows": generation.windows,
        "seconds_left": generation.seconds_left,
        "device_seconds": generation.device_seconds,
        "preview": _encode(generation.preview),
        "provenance": _encode(generation.provenance),
    }


def _generation(row: Row[Any]) -> Generation:
    return Generation(
        tenant=row.tenant,
        id=row.id,
        subject=row.subject,
        spec=GenerationSpec.FromString(row.spec),
        job=row.job,
        task=row.task,
        attempt=row.attempt,
        state=State(row.state),
        steps_done=row.steps_done,
        result=_decode(Blob, row.result),
        media=_decode(MediaInfo, row.media),
        output_asset=row.output_asset,
        failure=_decode(Failure, row.failure),
        weights_digest=row.weights_digest,
        random_weights=row.random_weights,
        device=row.device,
        content_key=row.content_key,
        trace_id=row.trace_id,
        create_time=row.created_at,
        start_time=row.started_at,
        end_time=row.ended_at,
        revision=row.revision,
        pictures=tuple(GenerateWork.FromString(row.pictures or b"").pictures),
        priority=Priority(row.priority),
        plan=_decode(GenerationPlan, row.plan),
        queue_time=row.queued_at,
        pauses=row.pauses,
        windows=row.windows,
        seconds_left=row.seconds_left,
        device_seconds=row.device_seconds,
        preview=_decode(Blob, row.preview),
        provenance=_decode(GenerationProvenance, row.provenance),
    )


def _encode(message: Message | None) -> bytes | None:
    return None if message is None else message.SerializeToString()


def _decode(kind: type[_M], data: bytes | None) -> _M | None:
    return None if data is None else kind.FromString(data)
