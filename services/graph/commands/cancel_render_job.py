"""Stop a job."""

from __future__ import annotations

import logging

from libs.chassis.clock import utcnow
from libs.chassis.errors import NotFound, Unavailable
from libs.chassis.principal import Principal
from services.graph.dispatch import queue_changes
from services.graph.domain.jobs import transitions
from services.graph.domain.jobs.job import COLLECTION, Job
from services.graph.ports import JobStore, WorkControl

_log = logging.getLogger(__name__)


async def cancel_render_job(store: JobStore, control: WorkControl, caller: Principal, name: str) -> Job:
    """The job, cancelled; one that has ended is returned as it is.

    Raises:
        NotFound: the caller's tenant has no such job.
    """
    async with store.transaction() as transaction:
        job = await transaction.lock(name.removeprefix(f"{COLLECTION}/"))
        if job is None or job.tenant != caller.tenant:
            raise NotFound(name)
        changes = transitions.cancel(job, utcnow())
        if changes:
            await transaction.save(job, changes)
            await queue_changes(transaction, job, changes)
    for key in changes.stop:
        try:
            await control.cancel(key)
        except Unavailable:
            # The event that the transaction queued does the same as soon as the bus is back.
            _log.warning("the workers of %s will be stopped when the bus is back", key)
    return job
