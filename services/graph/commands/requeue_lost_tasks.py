"""Find tasks whose work items are gone, and queue them anew."""

from __future__ import annotations

import logging
from collections.abc import Set
from datetime import datetime, timedelta

from libs.chassis.errors import Unavailable
from services.graph.dispatch import WORK_KINDS, job_trace, queue_changes, work_key
from services.graph.domain.jobs import transitions
from services.graph.domain.jobs.job import TaskKind
from services.graph.ports import JobStore, WorkQueue

_BATCH = 500
_log = logging.getLogger(__name__)


async def requeue_lost_tasks(store: JobStore, queue: WorkQueue, now: datetime, *, silent_for: timedelta) -> int:
    """Queue another attempt of every task that is handed out, silent, and in no queue; the number of such tasks.

    A worker that dies is no loss: the queue hands its item to another within seconds. Lost is an item that the queue
    does not have, be it that its disk died or that a worker dropped it in error.
    """
    stale = await store.stale_tasks(now - silent_for, _BATCH)
    if not stale or not await store.outbox_is_empty():
        return 0
    held: dict[TaskKind, Set[str]] = {}
    try:
        for kind in {task.kind for task in stale}:
            # In a queue too long to be read, what is lost waits until it is shorter.
            if (keys := await queue.held(WORK_KINDS[kind])) is not None:
                held[kind] = keys
    except Unavailable:
        return 0
    requeued = 0
    for task in stale:
        if task.kind not in held:
            continue
        async with store.transaction() as transaction:
            job = await transaction.lock(task.job_id)
            if job is None:
                continue
            known = job.tasks[task.task_id]
            heard = known.touch_time is not None and known.touch_time >= now - silent_for
            if heard or known.attempt != task.attempt or work_key(job, known) in held[task.kind]:
                continue
            changes = transitions.requeue(job, task.task_id, now)
            if not changes:
                continue
            with job_trace(job):
                await transaction.save(job, changes)
                await queue_changes(transaction, job, changes)
            requeued += 1
            _log.warning("task %s of %s was lost and is queued again", task.task_id, job.name)
    return requeued
