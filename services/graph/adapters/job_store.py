"""Jobs in SQL: the `JobStore` port over SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import ColumnElement, Row, and_, bindparam, case, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from artifex.graph.v1 import messages_pb2
from libs.chassis.database import Database, insert_into
from libs.chassis.outbox import Outbox
from libs.chassis.unit import SqlUnit
from services.graph.adapters import tables
from services.graph.adapters.job_rows import (
    job_columns,
    job_of,
    job_state_columns,
    task_columns,
    task_of,
    task_state_columns,
)
from services.graph.domain.jobs import costs
from services.graph.domain.jobs.changes import Changes
from services.graph.domain.jobs.job import Job, JobState, Priority, TaskKind, TaskState
from services.graph.domain.jobs.shares import Ledger, Waiting, contenders
from services.graph.messages import event_message
from services.graph.ports import StaleTask

_RENDERED = [kind.value for kind in TaskKind if kind.rendered]
_TURNS = {TaskKind.CAPTURE.value: 0, TaskKind.ANALYSIS.value: 1, TaskKind.AUDIO.value: 2, TaskKind.FRAMES.value: 3}
_ELSEWHERE = [kind.value for kind in TaskKind if not kind.rendered]
_OUT = [TaskState.QUEUED.value, TaskState.RUNNING.value]


class SqlJobTransaction(SqlUnit):
    def __init__(self, session: AsyncSession, outbox: Outbox, weights: Mapping[str, float]) -> None:
        super().__init__(session, tables.idempotency)
        self._outbox = outbox
        self._weights = weights

    async def lock(self, job_id: str, tasks: Collection[str] | None = None) -> Job | None:
        # SQLite has no row locks and needs none: the transaction began by taking the only write lock.
        query = select(tables.jobs).where(tables.jobs.c.id == job_id).with_for_update()
        row = (await self._session.execute(query)).one_or_none()
        if row is None:
            return None
        return await _with_tasks(self._session, job_of(row), tasks)

    async def insert(self, job: Job, changes: Changes) -> None:
        await self._session.execute(insert(tables.jobs).values(**job_columns(job)))
        await self._session.execute(
            insert(tables.tasks), [{"job_id": job.id, **task_columns(task)} for task in job.tasks.values()]
        )
        await self._insert_events(job, changes)

    async def save(self, job: Job, changes: Changes) -> None:
        await self._session.execute(
            update(tables.jobs).where(tables.jobs.c.id == job.id).values(**job_state_columns(job))
        )
        if changes.tasks:
            # One statement for all: a cancelled job of a long movie changes thousands of tasks.
            statement = update(tables.tasks).where(
                tables.tasks.c.job_id == bindparam("of_job"), tables.tasks.c.id == bindparam("of_task")
            )
            rows = [
                {"of_job": job.id, "of_task": task.id, **task_state_columns(task)} for task in changes.tasks.values()
            ]
            connection = await self._session.connection()
            await connection.execute(statement, rows)
        await self._insert_events(job, changes)
        # The shares last: all who lock both lock the job first.
        for settled in changes.settled:
            await self._charge(job.tenant, (settled.seconds - settled.charged) / self._weights.get(job.tenant, 1.0))
            if settled.task.kind is TaskKind.FRAMES and settled.seconds > 0:
                frame = settled.seconds / settled.task.frame_count
                await self._learn(job.tenant, job.shape, frame)
                if job.work:
                    await self._learn(job.tenant, costs.ANY_SHAPE, frame / job.work)

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

    async def ledger(self) -> Ledger:
        clock = await self._session.scalar(select(tables.turns.c.clock).with_for_update())
        times = {row.tenant: row.virtual_time for row in await self._all(select(tables.shares))}
        return Ledger(clock or 0.0, times)

    async def save_ledger(self, before: Mapping[str, float], ledger: Ledger) -> None:
        await self._session.execute(update(tables.turns).values(clock=ledger.clock))
        for tenant, time in sorted(ledger.times.items()):
            if time != before.get(tenant):
                await self._charge(tenant, time - before.get(tenant, 0.0))

    async def _charge(self, tenant: str, amount: float) -> None:
        row = {"tenant": tenant, "virtual_time": amount}
        # Added in the database: others settle tasks of the same tenant at the same time.
        total = {"virtual_time": tables.shares.c.virtual_time + amount}
        statement = insert_into(self._session, tables.shares).values(row)
        await self._session.execute(statement.on_conflict_do_update(index_elements=["tenant"], set_=total))

    async def _learn(self, tenant: str, shape: str, measured: float) -> None:
        row = {"tenant": tenant, "shape": shape, "seconds": costs.learnt(None, measured)}
        known = tables.rates.c.seconds
        following = {"seconds": known + costs.LEARNING * (measured - known)}
        statement = insert_into(self._session, tables.rates).values(row)
        await self._session.execute(statement.on_conflict_do_update(index_elements=["tenant", "shape"], set_=following))

    async def waiting(self, now: datetime, limit: int) -> list[Waiting]:
        jobs, tasks = tables.jobs, tables.tasks
        due = _due(now) & tasks.c.kind.in_(_RENDERED)
        query = select(
            jobs.c.id,
            jobs.c.tenant,
            jobs.c.priority,
            jobs.c.create_time,
            jobs.c.turn_time,
            jobs.c.frame_seconds,
            jobs.c.frame_count,
        ).where(
            jobs.c.state.in_([JobState.QUEUED.value, JobState.RUNNING.value]),
            select(tasks.c.id).where(tasks.c.job_id == jobs.c.id, due).exists(),
        )
        rows = {row.id: row for row in await self._all(query)}
        found = [
            Waiting(row.id, row.tenant, Priority(row.priority), row.create_time, row.turn_time or row.create_time)
            for row in rows.values()
        ]
        return [
            replace(job, tasks=await self._next_tasks(rows[job.job], due, limit))
            for job in contenders(found, limit, now)
        ]

    async def _next_tasks(self, job: Row[Any], due: ColumnElement[bool], limit: int) -> list[tuple[str, float]]:
        tasks = tables.tasks
        # First what others wait for; then the sound: it is one long task, and begun after the frames it would keep the
        # movie waiting.
        turn = case(_TURNS, value=tasks.c.kind)
        query = (
            select(tasks.c.id, tasks.c.kind, tasks.c.frame_count)
            .where(tasks.c.job_id == job.id, due)
            .order_by(turn, tasks.c.position)
            .limit(limit)
        )
        return [
            (row.id, costs.estimate(TaskKind(row.kind), job.frame_seconds, row.frame_count, job.frame_count))
            for row in await self._all(query)
        ]

    async def out(self) -> dict[str, int]:
        return await _out(self._session)


class SqlJobStore:
    """The `JobStore` port. `outbox` publishes what transactions queue; `weights` are the tenants' (see `shares`)."""

    def __init__(self, database: Database, outbox: Outbox, weights: Mapping[str, float] | None = None) -> None:
        self._database = database
        self._outbox = outbox
        self._weights = dict(weights or {})

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlJobTransaction]:
        async with self._database.transaction() as session:
            yield SqlJobTransaction(session, self._outbox, self._weights)

    async def get(self, tenant: str, job_id: str) -> Job | None:
        async with self._database.read() as session:
            query = select(tables.jobs).where(tables.jobs.c.id == job_id, tables.jobs.c.tenant == tenant)
            row = (await session.execute(query)).one_or_none()
            return None if row is None else await _with_tasks(session, job_of(row), None)

    async def list_jobs(self, tenant: str, states: Collection[JobState], before: str, limit: int) -> list[Job]:
        query = select(tables.jobs).where(tables.jobs.c.tenant == tenant)
        if states:
            query = query.where(tables.jobs.c.state.in_([state.value for state in states]))
        if before:
            query = query.where(tables.jobs.c.id < before)
        # Job ids are ordered by the time they were made.
        query = query.order_by(tables.jobs.c.id.desc()).limit(limit)
        async with self._database.read() as session:
            return [job_of(row) for row in await session.execute(query)]

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
            select(tables.tasks.c.job_id, tables.tasks.c.id, tables.tasks.c.kind, tables.tasks.c.attempt)
            .where(
                tables.tasks.c.state.in_(_OUT),
                tables.tasks.c.touch_time < before,
            )
            .order_by(tables.tasks.c.touch_time)
            .limit(limit)
        )
        async with self._database.read() as session:
            rows = await session.execute(query)
            return [StaleTask(row.job_id, row.id, TaskKind(row.kind), row.attempt) for row in rows]

    async def any_due(self, now: datetime) -> bool:
        async with self._database.read() as session:
            return (await session.execute(select(tables.tasks.c.id).where(_due(now)).limit(1))).first() is not None

    async def due_elsewhere(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        tasks = tables.tasks
        query = select(tasks.c.job_id, tasks.c.id).where(_due(now), tasks.c.kind.in_(_ELSEWHERE)).limit(limit)
        async with self._database.read() as session:
            return [(row.job_id, row.id) for row in await session.execute(query)]

    async def out(self) -> dict[str, int]:
        async with self._database.read() as session:
            return await _out(session)

    async def waiting_for_turns(self, now: datetime) -> list[Waiting]:
        async with self._database.read() as session:
            return await SqlJobTransaction(session, self._outbox, self._weights).waiting(now, 1)

    async def rates(self, tenant: str, shape: str) -> tuple[float | None, float | None]:
        table = tables.rates
        query = select(table.c.shape, table.c.seconds).where(
            table.c.tenant == tenant, table.c.shape.in_([shape, costs.ANY_SHAPE])
        )
        async with self._database.read() as session:
            known = {row.shape: row.seconds for row in await session.execute(query)}
            return known.get(shape), known.get(costs.ANY_SHAPE)

    async def chunk_frames_before(self, tenant: str, document: str, output_node: str) -> int:
        jobs = tables.jobs
        query = (
            select(jobs.c.chunk_frames)
            .where(jobs.c.tenant == tenant, jobs.c.document_digest == document, jobs.c.output_node == output_node)
            .order_by(jobs.c.id.desc())
            .limit(1)
        )
        async with self._database.read() as session:
            return await session.scalar(query) or 0

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
            return [job_of(row) for row in await session.execute(query)]

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
        # What is made ahead of rendering always: work items name its results.
        ahead = tables.tasks.c.kind.in_([kind.value for kind in TaskKind if kind.ahead])
        query = query.where(or_(tables.tasks.c.id.in_(list(only)), ahead))
    for row in await session.execute(query):
        job.tasks[row.id] = task_of(row)
    return job


async def _out(session: AsyncSession) -> dict[str, int]:
    """How many tasks of each tenant are handed to render workers and not done."""
    jobs, tasks = tables.jobs, tables.tasks
    query = (
        select(jobs.c.tenant, func.count().label("number"))
        .join(tasks, tasks.c.job_id == jobs.c.id)
        .where(tasks.c.state.in_(_OUT), tasks.c.kind.in_(_RENDERED))
        .group_by(jobs.c.tenant)
    )
    return {row.tenant: row.number for row in await session.execute(query)}


def _due(now: datetime) -> ColumnElement[bool]:
    tasks = tables.tasks
    return and_(tasks.c.state == TaskState.READY.value, or_(tasks.c.due_time.is_(None), tasks.c.due_time <= now))
