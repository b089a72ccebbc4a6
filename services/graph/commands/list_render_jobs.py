"""List the tenant's jobs, newest first."""

from __future__ import annotations

from collections.abc import Collection

from libs.chassis.principal import Principal
from services.graph.domain.jobs.job import Job, JobState
from services.graph.ports import JobStore


async def list_render_jobs(
    store: JobStore, caller: Principal, *, states: Collection[JobState], before: str, limit: int
) -> list[Job]:
    """At most `limit` jobs made before the one with id `before` ("": the newest), without their tasks.

    Only those in one of `states`; all when there are none.
    """
    return await store.list_jobs(caller.tenant, states, before, limit)
