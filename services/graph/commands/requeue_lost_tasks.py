"""Find tasks whose work items are gone, and queue them anew."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from libs.chassis.errors import Unavailable
from services.graph.dispatch import WORK_KINDS, job_trace, queue_changes
from services.graph.domain.jobs import transitions
from services.graph.domain.jobs.job import TaskKind
from services.graph.ports import JobStore, WorkQueue

_log = logging.getLogger(__name__)
_BATCH = 500


async def requeue_lost_tasks(
    store: JobStore, queue: WorkQueue, now: datetime, *, silent_for: timedelta, max_attempts: int
) -> int:
    """Queue another attempt of every task that is due, silent, and in no queue; the number of such tasks.

    A worker that dies is no loss: the queue hands its item to another within seconds. Lost is an item that the queue
    does not have, be it that its disk died or that a worker dropped it in error. That is certain only when the queue
    holds no item of that kind at all, which comes to pass in every queue sooner or later.
    """
    stale = await store.stale_tasks(now - silent_for, _BATCH)
    if not stale or not await store.outbox_is_empty():
        return 0
    lost_kinds: set[TaskKind] = set()
    try:
        for kind in {task.kind for task in stale}:
            if await queue.pending(WORK_KINDS[kind]) == 0:
                lost_kinds.add(kind)
    except Unavailable:
        return 0
    requeued = 0
    for task in stale:
        if task.kind not in lost_kinds:
            continue
        async with store.transaction() as transaction:
            job = await transaction.lock(task.job_id)
            if job is None:
                continue
            known = job.tasks[task.task_id]
            if known.touch_time is not None and known.touch_time >= now - silent_for:
                continue
            changes = transitions.requeue(job, task.task_id, now, max_attempts)
            if not changes:
                continue
            with job_trace(job):
                await transaction.save(job, changes)
                await queue_changes(transaction, job, changes)
            requeued += 1
            _log.warning("task %s of %s was lost and is queued again", task.task_id, job.name)
    return requeued
