"""Run again what failed or was cancelled."""

from __future__ import annotations

import asyncio
import logging

from libs.chassis.clock import utcnow
from libs.chassis.errors import FailedPrecondition, NotFound
from libs.chassis.ids import new_id
from libs.chassis.objects import ObjectMissing, ObjectStore
from libs.chassis.principal import Principal
from services.graph.dispatch import job_trace, queue_changes
from services.graph.domain.jobs import transitions
from services.graph.domain.jobs.job import (
    COLLECTION,
    Job,
    JobState,
    Task,
    TaskKind,
    TaskState,
    run_name,
    segment_key,
    segments_prefix,
)
from services.graph.ports import JobStore

_CONCURRENT_COPIES = 16
_log = logging.getLogger(__name__)


async def retry_render_job(store: JobStore, objects: ObjectStore, caller: Principal, name: str) -> Job:
    """The job, queued once more under its old trace.

    Raises:
        NotFound: the caller's tenant has no such job.
        FailedPrecondition: the job neither failed nor was cancelled, or somebody else retried it at the same moment.
    """
    job_id = name.removeprefix(f"{COLLECTION}/")
    seen = await store.get(caller.tenant, job_id)
    if seen is None:
        raise NotFound(name)
    kept = await _keep_segments(objects, seen)
    async with store.transaction() as transaction:
        job = await transaction.lock(job_id)
        if job is None:
            raise NotFound(name)
        if job.run != seen.run:
            raise FailedPrecondition(
                f"{name} has been retried meanwhile",
                metadata={"resource": name, "state": f"STATE_{job.state.name}"},
            )
        changes = transitions.retry(job, kept, utcnow(), lambda: f"generations/{new_id()}")
        with job_trace(job):
            await transaction.save(job, changes)
            await queue_changes(transaction, job, changes)
    await objects.delete_prefix(segments_prefix(job.tenant, seen.run_name))
    return job


async def _keep_segments(objects: ObjectStore, job: Job) -> set[str]:
    """Copy the segments of a failed job into the next run's folder; the ids of the tasks whose segments are there.

    The old folder is not used further: a slow worker, or the clean-up after the run that failed, may still change it.
    """
    if job.state is not JobState.FAILED or job.swept:
        return set()
    following = run_name(job.id, job.run + 1)
    limit = asyncio.Semaphore(_CONCURRENT_COPIES)

    async def keep(task: Task, digest: str) -> str | None:
        async with limit:
            try:
                await objects.copy(
                    segment_key(job.tenant, job.run_name, digest), segment_key(job.tenant, following, digest)
                )
            except ObjectMissing:
                _log.info("%s of %s is rendered again: its segment is gone", task.id, job.name)
                return None
            return task.id

    kept = await asyncio.gather(
        *(
            keep(task, task.result.blob.digest)
            for task in job.ordered_tasks()
            if task.kind in (TaskKind.FRAMES, TaskKind.AUDIO)
            and task.state is TaskState.SUCCEEDED
            and task.result is not None
        )
    )
    return {task_id for task_id in kept if task_id is not None}
