"""Hand tasks that are due to the workers, as many as they have places for."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from services.graph.dispatch import job_trace, queue_changes
from services.graph.domain.jobs import shares, transitions
from services.graph.domain.jobs.job import Job
from services.graph.ports import JobStore, JobTransaction

_BATCH = 500
_log = logging.getLogger(__name__)


async def release_tasks(store: JobStore, places: int, weights: Mapping[str, float], now: datetime) -> int:
    """Give render workers with so many places their next tasks, and other services theirs; the number of tasks.

    One transaction, so that a task is handed out once however many replicas do this at the same time. See
    `domain/jobs/shares.py` for whose turn it is.
    """
    if not await store.any_due(now):
        return 0
    released = 0
    for job_id, task_id in await store.due_elsewhere(now, _BATCH):
        async with store.transaction() as transaction:
            # Whoever joins a movie is told of all its parts.
            job = await transaction.lock(job_id)
            released += await _release(transaction, job, {task_id: 0.0}, now)
    if shares.window(places) <= sum((await store.out()).values()):
        return released
    async with store.transaction() as transaction:
        ledger = await transaction.ledger()
        free = shares.window(places) - sum((await transaction.out()).values())
        if free <= 0:
            return released
        before = dict(ledger.times)
        turns = shares.pick(await transaction.waiting(now, free), ledger, weights, free, now)
        jobs: dict[str, dict[str, float]] = defaultdict(dict)
        for turn in turns:
            jobs[turn.job][turn.task] = turn.cost
        for job_id, costs in jobs.items():
            released += await _release(transaction, await transaction.lock(job_id, list(costs)), costs, now)
        await transaction.save_ledger(before, ledger)
    if released:
        _log.debug("%d tasks are handed out, %d places", released, places)
    return released


async def _release(transaction: JobTransaction, job: Job | None, costs: Mapping[str, float], now: datetime) -> int:
    if job is None:
        return 0
    changes = transitions.release(job, costs, now)
    if changes:
        with job_trace(job):
            await transaction.save(job, changes)
            await queue_changes(transaction, job, changes)
    return len(changes.dispatch)
