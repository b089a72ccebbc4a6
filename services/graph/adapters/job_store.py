"""Jobs in SQL: the `JobStore` port over SQLite and PostgreSQL."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from fractions import Fraction
from typing import Any, TypeVar

from google.protobuf.message import Message
from sqlalchemy import Row, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import messages_pb2 as generator_pb2
from artifex.graph.v1 import messages_pb2, work_pb2
from libs.chassis import idempotency
from libs.chassis.database import Database
from libs.chassis.outbox import Outbox
from services.graph.adapters import tables
from services.graph.domain.jobs.job import Counters, Job, JobState, Task, TaskKind, TaskState
from services.graph.domain.jobs.transitions import Changes
from services.graph.messages import event_message
from services.graph.ports import StaleTask

M = TypeVar("M", bound=Message)
_COUNTERS = tuple(field.name for field in dataclasses.fields(Counters))


class SqlJobTransaction:
    def __init__(self, session: AsyncSession, outbox: Outbox) -> None:
        self._session = session
        self._outbox = outbox

    async def lock(self, job_id: str, tasks: Collection[str] | None = None) -> Job | None:
        # SQLite has no row locks and needs none: the transaction began by taking the only write lock.
        query = select(tables.jobs).where(tables.jobs.c.id == job_id).with_for_update()
        row = (await self._session.execute(query)).one_or_none()
        if row is None:
            return None
        return await _with_tasks(self._session, _job(row), tasks)

    async def insert(self, job: Job, changes: Changes) -> None:
        await self._session.execute(insert(tables.jobs).values(**_job_columns(job)))
        await self._session.execute(
            insert(tables.tasks), [{"job_id": job.id, **_task_columns(task)} for task in job.tasks.values()]
        )
        await self._insert_events(job, changes)

    async def save(self, job: Job, changes: Changes) -> None:
        await self._session.execute(
            update(tables.jobs).where(tables.jobs.c.id == job.id).values(**_job_state_columns(job))
        )
        if changes.tasks:
            # One statement for all: a cancelled job of a long movie changes thousands of tasks.
            statement = update(tables.tasks).where(
                tables.tasks.c.job_id == bindparam("of_job"), tables.tasks.c.id == bindparam("of_task")
            )
            rows = [
                {"of_job": job.id, "of_task": task.id, **_task_state_columns(task)} for task in changes.tasks.values()
            ]
            connection = await self._session.connection()
            await connection.execute(statement, rows)
        await self._insert_events(job, changes)

    async def _insert_events(self, job: Job, changes: Changes) -> None:
        if changes.announcements:
            await self._session.execute(
                insert(tables.events),
                [
                    {
                        "job_id": job.id,
                        "sequence": announcement.sequence,
                        "event": event_message(announcement).SerializeToString(),
                    }
                    for announcement in changes.announcements
                ],
            )

    async def queue(self, subject: str, message: Message, key: str) -> None:
        await self._outbox.add(self._session, subject, message, key=key)

    async def once(
        self, tenant: str, method: str, request_id: str, request: Message, build: Callable[[], Awaitable[M]]
    ) -> M:
        return await idempotency.once(self._session, tables.idempotency, tenant, method, request_id, request, build)


class SqlJobStore:
    """The `JobStore` port. `outbox` publishes what transactions queue."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlJobTransaction]:
        async with self._database.transaction() as session:
            yield SqlJobTransaction(session, self._outbox)

    async def get(self, tenant: str, job_id: str) -> Job | None:
        async with self._database.read() as session:
            query = select(tables.jobs).where(tables.jobs.c.id == job_id, tables.jobs.c.tenant == tenant)
            row = (await session.execute(query)).one_or_none()
            return None if row is None else await _with_tasks(session, _job(row), None)

    async def list_jobs(self, tenant: str, states: Collection[JobState], before: str, limit: int) -> list[Job]:
        query = select(tables.jobs).where(tables.jobs.c.tenant == tenant)
        if states:
            query = query.where(tables.jobs.c.state.in_([state.value for state in states]))
        if before:
            query = query.where(tables.jobs.c.id < before)
        # Job ids are ordered by the time they were made.
        query = query.order_by(tables.jobs.c.id.desc()).limit(limit)
        async with self._database.read() as session:
            return [_job(row) for row in await session.execute(query)]

    async def events(
        self, tenant: str, job_id: str, after: int, limit: int
    ) -> tuple[JobState, int, list[messages_pb2.RenderEvent]] | None:
        async with self._database.read() as session:
            query = select(tables.jobs.c.state, tables.jobs.c.last_sequence).where(
                tables.jobs.c.id == job_id, tables.jobs.c.tenant == tenant
            )
            row = (await session.execute(query)).one_or_none()
            if row is None:
                return None
            # Bounded by the number just read: on PostgreSQL each statement has a snapshot of its own.
            bodies = await session.scalars(
                select(tables.events.c.event)
                .where(
                    tables.events.c.job_id == job_id,
                    tables.events.c.sequence > after,
                    tables.events.c.sequence <= row.last_sequence,
                )
                .order_by(tables.events.c.sequence)
                .limit(limit)
            )
            events = [messages_pb2.RenderEvent.FromString(body) for body in bodies]
            return JobState(row.state), row.last_sequence, events

    async def stale_tasks(self, before: datetime, limit: int) -> list[StaleTask]:
        query = (
            select(tables.tasks.c.job_id, tables.tasks.c.id, tables.tasks.c.kind)
            .where(
                tables.tasks.c.state.in_([TaskState.QUEUED.value, TaskState.RUNNING.value]),
                tables.tasks.c.touch_time < before,
            )
            .order_by(tables.tasks.c.touch_time)
            .limit(limit)
        )
        async with self._database.read() as session:
            return [StaleTask(row.job_id, row.id, TaskKind(row.kind)) for row in await session.execute(query)]

    async def unswept_jobs(self, states: Collection[JobState], before: datetime, limit: int) -> list[Job]:
        query = (
            select(tables.jobs)
            .where(
                tables.jobs.c.state.in_([state.value for state in states]),
                tables.jobs.c.end_time < before,
                tables.jobs.c.swept.is_(False),
            )
            .limit(limit)
        )
        async with self._database.read() as session:
            return [_job(row) for row in await session.execute(query)]

    async def count_by_state(self) -> Mapping[JobState, int]:
        query = select(tables.jobs.c.state, func.count()).group_by(tables.jobs.c.state)
        async with self._database.read() as session:
            return {JobState(state): number for state, number in await session.execute(query)}

    async def outbox_is_empty(self) -> bool:
        async with self._database.read() as session:
            waiting = select(tables.outbox.c.position).where(tables.outbox.c.refused.is_(None)).limit(1)
            return (await session.execute(waiting)).first() is None


async def _with_tasks(session: AsyncSession, job: Job, only: Collection[str] | None) -> Job:
    query = select(tables.tasks).where(tables.tasks.c.job_id == job.id)
    if only is not None:
        query = query.where(tables.tasks.c.id.in_(list(only)))
    for row in await session.execute(query):
        job.tasks[row.id] = _task(row)
    return job


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        tenant=row.tenant,
        create_user=row.create_user,
        display_name=row.display_name,
        document=types_pb2.Blob.FromString(row.document),
        output_node=row.output_node,
        output_name=row.output_name,
        sources=tuple(work_pb2.AudioWork.FromString(row.sources).sources),
        frame_rate=Fraction(row.frame_rate_numerator, row.frame_rate_denominator),
        frame_count=row.frame_count,
        trace_id=row.trace_id,
        traceparent=row.traceparent,
        create_time=row.create_time,
        counters=Counters(**{name: getattr(row, name) for name in _COUNTERS}),
        state=JobState(row.state),
        run=row.run,
        last_sequence=row.last_sequence,
        output_asset=row.output_asset,
        failure=None if row.failure is None else types_pb2.Failure.FromString(row.failure),
        start_time=row.start_time,
        end_time=row.end_time,
        progress_time=row.progress_time,
        swept=row.swept,
    )


def _job_columns(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "tenant": job.tenant,
        "create_user": job.create_user,
        "display_name": job.display_name,
        "document": job.document.SerializeToString(),
        "output_node": job.output_node,
        "output_name": job.output_name,
        # A list of messages is stored as the message that has just such a list.
        "sources": work_pb2.AudioWork(sources=job.sources).SerializeToString(),
        "frame_rate_numerator": job.frame_rate.numerator,
        "frame_rate_denominator": job.frame_rate.denominator,
        "frame_count": job.frame_count,
        "trace_id": job.trace_id,
        "traceparent": job.traceparent,
        "create_time": job.create_time,
        **_job_state_columns(job),
    }


def _job_state_columns(job: Job) -> dict[str, Any]:
    return {
        "state": job.state.value,
        "run": job.run,
        "last_sequence": job.last_sequence,
        "output_asset": job.output_asset,
        "failure": None if job.failure is None else job.failure.SerializeToString(),
        "start_time": job.start_time,
        "end_time": job.end_time,
        "progress_time": job.progress_time,
        "swept": job.swept,
        **dataclasses.asdict(job.counters),
    }


def _task(row: Row[Any]) -> Task:
    return Task(
        id=row.id,
        kind=TaskKind(row.kind),
        position=row.position,
        depends_on=tuple(row.depends_on),
        first_frame=row.first_frame,
        frame_count=row.frame_count,
        steps_total=row.steps_total,
        spec=None if row.spec is None else generator_pb2.GenerationSpec.FromString(row.spec),
        generation=row.generation,
        state=TaskState(row.state),
        attempt=row.attempt,
        frames_done=row.frames_done,
        steps_done=row.steps_done,
        result=None if row.result is None else work_pb2.Source.FromString(row.result),
        failure=None if row.failure is None else types_pb2.Failure.FromString(row.failure),
        worker=row.worker,
        start_time=row.start_time,
        end_time=row.end_time,
        touch_time=row.touch_time,
    )


def _task_columns(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "position": task.position,
        "kind": task.kind.value,
        "depends_on": list(task.depends_on),
        "first_frame": task.first_frame,
        "frame_count": task.frame_count,
        "spec": None if task.spec is None else task.spec.SerializeToString(),
        **_task_state_columns(task),
    }


def _task_state_columns(task: Task) -> dict[str, Any]:
    return {
        "steps_total": task.steps_total,
        "generation": task.generation,
        "state": task.state.value,
        "attempt": task.attempt,
        "frames_done": task.frames_done,
        "steps_done": task.steps_done,
        "result": None if task.result is None else task.result.SerializeToString(),
        "failure": None if task.failure is None else task.failure.SerializeToString(),
        "worker": task.worker,
        "start_time": task.start_time,
        "end_time": task.end_time,
        "touch_time": task.touch_time,
    }
