"""List the tenant's jobs, newest first."""

from __future__ import annotations

from artifex.graph.v1 import messages_pb2
from libs.chassis.paging import decode_page_token, encode_page_token, page_size
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
    size = page_size(request.page_size)
    # A token is bound to the filter it was made with: under another one its place means nothing.
    states = sorted({parse_job_state(value) for value in request.states if value})
    method = ":".join([_METHOD, *states])
    before = decode_page_token(method, request.page_token, caller.tenant)
    jobs = await store.list_jobs(caller.tenant, states, before, size + 1)
    response = messages_pb2.ListRenderJobsResponse(render_jobs=[job_message(job) for job in jobs[:size]])
    if len(jobs) > size:
        response.next_page_token = encode_page_token(method, jobs[size - 1].id, caller.tenant)
    return response
