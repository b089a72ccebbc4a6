"""Move a job by what a worker says of one of its tasks."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from libs.chassis.clock import utcnow
from services.graph.dispatch import queue_changes
from services.graph.domain.jobs.changes import Signal
from services.graph.domain.jobs.job import Job, parse_run_name
from services.graph.domain.jobs.transitions import Transition
from services.graph.ports import JobStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskSignal:
    """Whom a message of a worker is about."""

    tenant: str
    run: str
    """The run's name, as the work item had it."""
    task: str
    attempt: int


async def record_signal(
    store: JobStore,
    signal: TaskSignal,
    transition: Transition,
    *,
    whole_job: bool,
) -> Job | None:
    """Apply a transition in one transaction; safe to repeat, in any order.

    `whole_job` loads all tasks, which every transition needs that may end a task. Returns the job as it is now; None if
    the message is about no job of ours, such as a generation that nobody's render waits for.
    """
    parsed = parse_run_name(signal.run)
    if parsed is None:
        return None
    job_id, run = parsed
    async with store.transaction() as transaction:
        job = await transaction.lock(job_id, None if whole_job else [signal.task])
        if job is None or job.tenant != signal.tenant:
            _log.warning("a worker speaks of %s, which tenant %s does not have", signal.run, signal.tenant)
            return None
        changes = transition(job, Signal(run, signal.task, signal.attempt), utcnow())
        if changes:
            await transaction.save(job, changes)
            await queue_changes(transaction, job, changes)
    return job
