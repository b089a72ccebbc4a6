"""The promises of the `JobStore` port, kept by SQLite and PostgreSQL alike."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import messages_pb2, work_pb2
from libs.chassis.database import Database
from libs.chassis.errors import AlreadyExists
from libs.chassis.repeats import Repeat
from libs.chassis.testing import schema_differences
from services.graph.adapters import tables
from services.graph.adapters.job_store import SqlJobStore
from services.graph.commands.record_signal import TaskSignal, record_signal
from services.graph.commands.release_tasks import release_tasks
from services.graph.dispatch import queue_changes
from services.graph.domain.jobs import costs, transitions
from services.graph.domain.jobs.changes import Changes, Signal
from services.graph.domain.jobs.job import Job, JobState, Priority
from services.graph.ports import StaleTask
from tests.unit.services.graph.domain.jobs.made import START, make_job


async def submit(store: SqlJobStore, job: Job) -> Job:
    changes = transitions.begin(job, START)
    async with store.transaction() as transaction:
        await transaction.insert(job, changes)
        await queue_changes(transaction, job, changes)
    return job


async def queued(database: Database) -> list[tuple[str, str]]:
    async with database.read() as session:
        rows = await session.execute(select(tables.outbox.c.subject, tables.outbox.c.key).order_by("position"))
        return [(row.subject, row.key) for row in rows]


def _completed(job: Job, signal: Signal, now: datetime, *, seconds: float) -> Changes:
    frames = job.tasks[signal.task].frame_count
    return transitions.task_completed(job, signal, work_pb2.Source(), now, frame_count=frames, seconds=seconds)


def _started(job: Job, signal: Signal, now: datetime, *, worker: str) -> Changes:
    return transitions.task_started(job, signal, worker, now)


async def test_a_job_comes_back_as_it_was_stored(store: SqlJobStore) -> None:
    job = await submit(store, make_job(generations=2))
    job.failure = types_pb2.Failure(reason="ERROR_REASON_INTERNAL", metadata={"a": "b"})
    job.tasks["audio"].result = None
    async with store.transaction() as transaction:
        await transaction.save(job, Changes(tasks=dict(job.tasks)))
    assert await store.get("studio", job.id) == job


async def test_what_is_made_ahead_comes_with_whatever_task_is_locked(store: SqlJobStore) -> None:
    job = await submit(store, make_job(analyses=1, captures=True))
    async with store.transaction() as transaction:
        locked = await transaction.lock(job.id, ["audio"])
        assert locked is not None
        assert set(locked.tasks) == {"capture-first:g0", "generate:g0", "analyse:mix0", "audio"}
        # First what others wait longest for.
        (waiting,) = await transaction.waiting(START, 9)
        assert [name for name, _ in waiting.tasks] == ["capture-first:g0", "analyse:mix0"]


async def test_another_tenants_job_does_not_exist(store: SqlJobStore) -> None:
    job = await submit(store, make_job())
    assert await store.get("rival", job.id) is None
    assert await store.events("rival", job.id, 0, 10) is None
    assert await store.list_jobs("rival", [], "", 10) == []
    assert await store.get("studio", "01zz") is None


async def test_jobs_are_listed_newest_first_and_by_state(store: SqlJobStore) -> None:
    for number in range(5):
        job = await submit(store, make_job(job_id=f"0{number}"))
        if number % 2:
            async with store.transaction() as transaction:
                await transaction.save(job, transitions.cancel(job, START))
    assert [job.id for job in await store.list_jobs("studio", [], "", 3)] == ["04", "03", "02"]
    assert [job.id for job in await store.list_jobs("studio", [], "02", 3)] == ["01", "00"]
    cancelled = await store.list_jobs("studio", [JobState.CANCELLED], "", 9)
    assert [job.id for job in cancelled] == ["03", "01"]
    assert await store.count_by_state() == {JobState.QUEUED: 3, JobState.CANCELLED: 2}


async def test_a_transaction_that_fails_leaves_nothing(store: SqlJobStore, database: Database) -> None:
    job = make_job()

    async def fail() -> None:
        async with store.transaction() as transaction:
            changes = transitions.begin(job, START)
            await transaction.insert(job, changes)
            await queue_changes(transaction, job, changes)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await store.get("studio", job.id) is None
    assert await queued(database) == []
    assert await store.outbox_is_empty()


async def test_work_is_queued_with_the_job_and_at_its_turn(store: SqlJobStore, database: Database) -> None:
    await submit(store, make_job(priority=Priority.HIGH))
    generation = ("work.generate.high", "renderJobs/01jb/generate:g0/1/work")
    assert await queued(database) == [generation]
    assert not await store.outbox_is_empty()
    assert await release_tasks(store, 1, {}, START) == 1
    assert await queued(database) == [generation, ("work.audio.high", "renderJobs/01jb/audio/1/work")]
    assert await release_tasks(store, 1, {}, START) == 0


async def test_many_who_give_turns_hand_out_each_task_once_and_no_more_than_there_are_places(
    store: SqlJobStore, database: Database
) -> None:
    for number in range(3):
        job = make_job(job_id=f"0{number}", tenant=f"t{number}", generations=0, chunks=8, audio=False)
        await submit(store, job)
    released = await asyncio.gather(*(release_tasks(store, 3, {}, START) for _ in range(5)))
    assert sum(released) == 6
    keys = [key for _, key in await queued(database)]
    assert len(set(keys)) == len(keys) == 6
    assert await store.out() == {"t0": 2, "t1": 2, "t2": 2}


async def test_a_tenant_is_charged_for_what_its_tasks_cost(store: SqlJobStore) -> None:
    job = await submit(store, make_job(generations=0, chunks=4, audio=False))
    await release_tasks(store, 1, {}, START)
    (task, _) = (await store.get("studio", job.id) or job).ordered_tasks()[:2]
    assert task.cost == 24 * costs.DEFAULT_FRAME_SECONDS
    done = partial(_completed, seconds=12.0)
    await record_signal(store, TaskSignal("studio", job.run_name, task.id, 1), done, whole_job=True)
    async with store.transaction() as transaction:
        ledger = await transaction.ledger()
    assert ledger.times["studio"] == pytest.approx(12.0 + task.cost)
    # By the frame and by the unit of work.
    assert await store.rates("studio", job.shape) == (0.5, 0.25)
    assert await store.rates("rival", job.shape) == (None, None)


async def test_tasks_wait_for_their_time(store: SqlJobStore) -> None:
    job = await submit(store, make_job(generations=0, chunks=1, audio=False))
    job.tasks["frames:0"].due_time = START + timedelta(seconds=5)
    async with store.transaction() as transaction:
        await transaction.save(job, Changes(tasks=dict(job.tasks)))
    assert not await store.any_due(START)
    assert await release_tasks(store, 4, {}, START) == 0
    assert await store.any_due(START + timedelta(seconds=5))
    assert await release_tasks(store, 4, {}, START + timedelta(seconds=5)) == 1


async def test_migrations_make_the_tables(database: Database) -> None:
    assert await schema_differences(database, tables.metadata) == []


async def test_events_have_no_gaps_however_many_write_at_once(store: SqlJobStore) -> None:
    job = await submit(store, make_job(chunks=8, generations=0))
    await release_tasks(store, 9, {}, START)

    async def report(task: str) -> None:
        signal = TaskSignal("studio", job.run_name, task, 1)
        for number in range(4):
            started = partial(_started, worker=f"{task}/{number}")
            await record_signal(store, signal, started, whole_job=False)

    await asyncio.gather(*(report(f"frames:{index}") for index in range(8)))
    found = await store.events("studio", job.id, 0, 1000)
    assert found is not None
    state, last, events = found
    assert state is JobState.RUNNING
    assert [event.sequence for event in events] == list(range(1, last + 1))
    assert last == 1 + 8 * 4
    later = await store.events("studio", job.id, last - 2, 1000)
    assert later is not None
    assert [event.sequence for event in later[2]] == [last - 1, last]


async def test_a_signal_of_another_tenant_moves_nothing(store: SqlJobStore) -> None:
    job = await submit(store, make_job())
    before = await store.get("studio", job.id)
    signal = TaskSignal("rival", job.run_name, "audio", 1)
    moved = await record_signal(store, signal, partial(_started, worker="w"), whole_job=True)
    assert moved is None
    assert await store.get("studio", job.id) == before


async def test_silent_tasks_are_found(store: SqlJobStore) -> None:
    job = await submit(store, make_job(generations=0, chunks=1))
    assert await store.stale_tasks(START + timedelta(hours=1), 10) == []
    await release_tasks(store, 2, {}, START)
    assert await store.stale_tasks(START, 10) == []
    found = await store.stale_tasks(START + timedelta(seconds=1), 10)
    assert {task.task_id for task in found} == {"frames:0", "audio"}
    assert all(isinstance(task, StaleTask) and task.job_id == job.id for task in found)
    async with store.transaction() as transaction:
        await transaction.save(job, transitions.cancel(job, START))
    assert await store.stale_tasks(START + timedelta(seconds=1), 10) == []


async def test_ended_jobs_with_segments_are_found(store: SqlJobStore) -> None:
    job = await submit(store, make_job())
    async with store.transaction() as transaction:
        await transaction.save(job, transitions.cancel(job, START))
    later = START + timedelta(seconds=1)
    assert [found.id for found in await store.unswept_jobs([JobState.CANCELLED], later, 10)] == [job.id]
    assert await store.unswept_jobs([JobState.FAILED], later, 10) == []
    job.swept = True
    async with store.transaction() as transaction:
        await transaction.save(job, Changes())
    assert await store.unswept_jobs([JobState.CANCELLED], later, 10) == []


async def test_a_request_id_is_answered_once(store: SqlJobStore) -> None:
    built = 0

    async def build() -> int:
        nonlocal built
        built += 1
        return built

    def encode(number: int) -> messages_pb2.GetRenderJobResponse:
        return messages_pb2.GetRenderJobResponse(render_job=messages_pb2.RenderJob(name=f"renderJobs/{number}"))

    async def ask(name: str) -> str:
        request = messages_pb2.GetRenderJobRequest(name=name)
        async with store.transaction() as transaction:
            repeat = Repeat[int, messages_pb2.GetRenderJobResponse]("M", "id-1", request, encode)
            answer = await transaction.once("studio", repeat, build)
        return answer.render_job.name

    answers = await asyncio.gather(ask("renderJobs/a"), ask("renderJobs/a"))
    assert set(answers) == {"renderJobs/1"}
    with pytest.raises(AlreadyExists):
        await ask("renderJobs/b")
