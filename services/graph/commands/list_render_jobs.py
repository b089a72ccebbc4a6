"""List the tenant's jobs, newest first."""

from __future__ import annotations

from artifex.graph.v1 import messages_pb2
from libs.chassis.paging import read_page
from libs.chassis.principal import Principal
from services.graph.messages import job_message, parse_job_state
from services.graph.ports import JobStore

_METHOD = "ListRenderJobs"


async def list_render_jobs(
    store: JobStore, caller: Principal, request: messages_pb2.ListRenderJobsRequest
) -> messages_pb2.ListRenderJobsResponse:
    """One page of jobs, without their tasks.

    Raises:
        InvalidArgument: the page token is not one of this call's.
    """
    # A token is bound to the filter it was made with: under another one its place means nothing.
    states = sorted({parse_job_state(value) for value in request.states if value})
    method = ":".join([_METHOD, *states])
    page = await read_page(
        method,
        caller.tenant,
        request,
        lambda before, limit: store.list_jobs(caller.tenant, states, before, limit),
        lambda job: job.id,
    )
    jobs = [job_message(job) for job in page.items]
    return messages_pb2.ListRenderJobsResponse(render_jobs=jobs, next_page_token=page.next_token)
