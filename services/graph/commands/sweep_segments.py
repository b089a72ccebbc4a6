"""Delete the segments that nobody needs any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from libs.chassis.objects import ObjectStore
from services.graph.domain.jobs.changes import Changes
from services.graph.domain.jobs.job import Job, JobState, run_name, segments_prefix
from services.graph.ports import JobStore

_BATCH = 50


async def delete_segments(objects: ObjectStore, job: Job) -> None:
    """Delete the segments of all runs of a job."""
    for run in range(1, job.run + 1):
        await objects.delete_prefix(segments_prefix(job.tenant, run_name(job.id, run)))


async def sweep_segments(
    store: JobStore, objects: ObjectStore, now: datetime, *, settle: timedelta, failed_kept: timedelta
) -> int:
    """Delete what ended jobs left behind; the number of jobs that were swept.

    Succeeded and cancelled jobs are swept once more `settle` after their end, for a worker that was slow or died
    between storing a segment and saying so. Those of failed jobs are kept for `failed_kept`, for a retry.
    """
    swept = 0
    for states, before in (
        ((JobState.SUCCEEDED, JobState.CANCELLED), now - settle),
        ((JobState.FAILED,), now - failed_kept),
    ):
        for seen in await store.unswept_jobs(states, before, _BATCH):
            async with store.transaction() as transaction:
                job = await transaction.lock(seen.id, [])
                if job is None or job.run != seen.run or job.swept or not job.state.ended:
                    continue
                # First the mark, then the deletion: a retry in between begins from nothing instead of from ruins.
                job.swept = True
                await transaction.save(job, Changes())
            await delete_segments(objects, seen)
            swept += 1
    return swept
