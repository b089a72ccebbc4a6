"""Lost work is queued again, and what ended jobs leave behind is deleted, no more and no less."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from artifex.common.v1 import types_pb2
from libs.chassis.errors import FailedPrecondition, Unavailable
from libs.chassis.objects import ObjectStore
from libs.chassis.principal import Principal
from services.graph.adapters.job_store import SqlJobStore
from services.graph.commands.release_tasks import release_tasks
from services.graph.commands.requeue_lost_tasks import requeue_lost_tasks
from services.graph.commands.retry_render_job import retry_render_job
from services.graph.commands.sweep_segments import sweep_segments
from services.graph.domain.jobs import transitions
from services.graph.domain.jobs.changes import Signal
from services.graph.domain.jobs.job import Job, JobState, TaskState, segment_key
from tests.unit.services.graph.domain.jobs.made import START, complete, hand_out, make_job

CALLER = Principal("studio", "ada", "ROLE_ARTIST")
SILENT = timedelta(seconds=30)
LATER = START + timedelta(seconds=31)


class Queue:
    """A `WorkQueue` with given items."""

    def __init__(self, **held: set[str] | None) -> None:
        self._held = held

    async def held(self, kind: str) -> set[str] | None:
        if kind not in self._held:
            raise Unavailable("the bus is away")
        return self._held[kind]


async def stored(store: SqlJobStore, job: Job) -> Job:
    """Stores a job whose tasks are handed out, their messages all published."""
    changes = transitions.begin(job, START)
    hand_out(job)
    async with store.transaction() as transaction:
        await transaction.insert(job, changes)
    return job


async def state(store: SqlJobStore, job: Job) -> Job:
    found = await store.get(job.tenant, job.id)
    assert found is not None
    return found


async def requeue(store: SqlJobStore, queue: Queue) -> int:
    return await requeue_lost_tasks(store, queue, LATER, silent_for=SILENT)


async def test_a_silent_task_is_queued_again_when_its_queue_has_it_not(store: SqlJobStore) -> None:
    job = await stored(store, make_job(generations=0, chunks=2))
    held = {f"{job.run_name}/frames:1/1/work", f"{job.run_name}/frames:0/2/work"}
    assert await requeue(store, Queue(frames=held, audio={f"{job.run_name}/audio/1/work"})) == 1
    tasks = (await state(store, job)).tasks
    assert (tasks["frames:0"].attempt, tasks["frames:1"].attempt, tasks["audio"].attempt) == (2, 1, 1)
    assert not await store.outbox_is_empty()


async def test_nothing_is_lost_while_it_may_be_in_a_queue(store: SqlJobStore) -> None:
    await stored(store, make_job(generations=0, chunks=1))
    # A queue too long to be read, and a bus that is away.
    assert await requeue(store, Queue(frames=None, audio=None)) == 0
    assert await requeue(store, Queue()) == 0
    early = START + timedelta(seconds=29)
    assert await requeue_lost_tasks(store, Queue(frames=set(), audio=set()), early, silent_for=SILENT) == 0


async def test_nothing_is_lost_while_it_waits_for_its_turn_or_in_the_outbox(store: SqlJobStore) -> None:
    job = make_job(generations=0)
    changes = transitions.begin(job, START)
    async with store.transaction() as transaction:
        await transaction.insert(job, changes)
    queue = Queue(frames=set(), audio=set())
    assert await requeue(store, queue) == 0
    assert await release_tasks(store, 9, {}, START) == 4
    assert await requeue(store, queue) == 0


async def failed_with_one_segment(store: SqlJobStore, objects: ObjectStore) -> Job:
    job = await stored(store, make_job(generations=0, chunks=2, audio=False))
    changes = complete(job, "frames:0")
    failure = types_pb2.Failure(reason="ERROR_REASON_MEDIA_TRUNCATED")
    more = transitions.task_failed(job, Signal(1, "frames:1", 1), failure, START)
    changes.tasks |= more.tasks
    changes.announcements += more.announcements
    async with store.transaction() as transaction:
        await transaction.save(job, changes)
    await objects.put_bytes(key(job, "frames:0"), b"segment")
    return job


def key(job: Job, task: str) -> str:
    result = job.tasks[task].result
    assert result is not None
    return segment_key(job.tenant, job.run_name, result.blob.digest)


async def test_a_retry_takes_the_segments_along(store: SqlJobStore, objects: ObjectStore) -> None:
    job = await failed_with_one_segment(store, objects)
    old = key(job, "frames:0")
    await retry_render_job(store, objects, CALLER, job.name)
    again = await state(store, job)
    assert again.tasks["frames:0"].state is TaskState.SUCCEEDED
    assert again.tasks["frames:1"].state is TaskState.READY
    assert key(again, "frames:0") != old
    assert await objects.exists(key(again, "frames:0"))
    assert not await objects.exists(old)


async def test_of_two_who_retry_at_once_one_is_told_that_the_job_has_moved_on(
    store: SqlJobStore, objects: ObjectStore
) -> None:
    job = await failed_with_one_segment(store, objects)
    outcomes = await asyncio.gather(
        *(retry_render_job(store, objects, CALLER, job.name) for _ in range(2)), return_exceptions=True
    )
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert isinstance(refused, FailedPrecondition)
    assert refused.reason == "ERROR_REASON_STATE_CONFLICT"
    assert refused.metadata == {"resource": job.name, "state": "STATE_QUEUED"}
    assert (await state(store, job)).run == 2


async def test_a_segment_that_is_gone_is_rendered_again(store: SqlJobStore, objects: ObjectStore) -> None:
    job = await failed_with_one_segment(store, objects)
    await objects.delete(key(job, "frames:0"))
    await retry_render_job(store, objects, CALLER, job.name)
    assert (await state(store, job)).tasks["frames:0"].state is TaskState.READY


@pytest.mark.parametrize(("age", "swept"), [(59, 0), (61, 1)])
async def test_failed_jobs_keep_their_segments_for_a_while(
    store: SqlJobStore, objects: ObjectStore, age: int, swept: int
) -> None:
    job = await failed_with_one_segment(store, objects)
    segment = key(job, "frames:0")
    now = START + timedelta(seconds=age)
    for expected in (swept, 0):
        done = await sweep_segments(store, objects, now, settle=timedelta(0), failed_kept=timedelta(seconds=60))
        assert done == expected
    assert await objects.exists(segment) == (not swept)
    assert (await state(store, job)).state is JobState.FAILED
