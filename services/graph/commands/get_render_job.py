"""Show one job."""

from __future__ import annotations

from artifex.graph.v1 import messages_pb2
from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.graph.domain.jobs.job import COLLECTION
from services.graph.messages import job_message
from services.graph.ports import JobStore


async def get_render_job(store: JobStore, caller: Principal, name: str) -> messages_pb2.RenderJob:
    """The job with its tasks.

    Raises:
        NotFound: the caller's tenant has no such job.
    """
    job = await store.get(caller.tenant, name.removeprefix(f"{COLLECTION}/"))
    if job is None:
        raise NotFound(name)
    return job_message(job)
