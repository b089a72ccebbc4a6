"""Show one job."""

from __future__ import annotations

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.graph.domain.jobs.job import COLLECTION, Job
from services.graph.ports import JobStore


async def get_render_job(store: JobStore, caller: Principal, name: str) -> Job:
    """The job with its tasks.

    Raises:
        NotFound: the caller's tenant has no such job.
    """
    job = await store.get(caller.tenant, name.removeprefix(f"{COLLECTION}/"))
    if job is None:
        raise NotFound(name)
    return job
