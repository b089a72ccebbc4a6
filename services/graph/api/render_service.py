"""RenderService: decode, command, encode."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc

from artifex.graph.v1 import messages_pb2, service_pb2_grpc
from libs.chassis.objects import ObjectStore
from libs.chassis.paging import read_page
from libs.chassis.principal import current_principal
from libs.chassis.repeats import Repeat
from services.graph.commands.cancel_render_job import cancel_render_job
from services.graph.commands.create_render_job import CreateRenderJob, RenderOrder
from services.graph.commands.explain_render_job import explain_render_job
from services.graph.commands.get_render_job import get_render_job
from services.graph.commands.list_render_jobs import list_render_jobs
from services.graph.commands.list_workers import list_workers
from services.graph.commands.retry_render_job import retry_render_job
from services.graph.commands.watch_render_job import Wakeups, watch_render_job
from services.graph.domain.jobs.job import Job
from services.graph.domain.jobs.workers import Worker
from services.graph.messages import (
    job_message,
    job_state,
    parse_job_state,
    parse_priority,
    reason_message,
    worker_message,
)
from services.graph.ports import JobStore, WorkControl, Workers

_Context = grpc.aio.ServicerContext[Any, Any]


class RenderServicer(service_pb2_grpc.RenderServiceServicer):
    def __init__(
        self,
        store: JobStore,
        objects: ObjectStore,
        control: WorkControl,
        wakeups: Wakeups,
        workers: Workers,
        create: CreateRenderJob,
        weights: Mapping[str, float],
    ) -> None:
        self._store = store
        self._objects = objects
        self._control = control
        self._wakeups = wakeups
        self._workers = workers
        self._create = create
        self._weights = weights

    async def CreateRenderJob(
        self, request: messages_pb2.CreateRenderJobRequest, context: _Context
    ) -> messages_pb2.CreateRenderJobResponse:
        order = RenderOrder(
            document_json=request.document_json,
            document=request.document,
            revision=request.revision,
            output_node=request.output_node,
            display_name=request.display_name,
            priority=parse_priority(request.priority),
            chunk_frames=request.chunk_frames,
        )
        repeat = Repeat[Job, messages_pb2.CreateRenderJobResponse](
            method="CreateRenderJob",
            request_id=request.request_id,
            request=request,
            encode=lambda job: messages_pb2.CreateRenderJobResponse(render_job=job_message(job)),
        )
        answer = await self._create(current_principal(), order, repeat)
        self._wakeups.anything.set()
        return answer

    async def GetRenderJob(
        self, request: messages_pb2.GetRenderJobRequest, context: _Context
    ) -> messages_pb2.GetRenderJobResponse:
        job = await get_render_job(self._store, current_principal(), request.name)
        return messages_pb2.GetRenderJobResponse(render_job=job_message(job))

    async def ListRenderJobs(
        self, request: messages_pb2.ListRenderJobsRequest, context: _Context
    ) -> messages_pb2.ListRenderJobsResponse:
        caller = current_principal()
        # A token is bound to the filter it was made with: under another one its place means nothing.
        states = sorted({parse_job_state(value) for value in request.states if value})
        page = await read_page(
            ":".join(["ListRenderJobs", *states]),
            caller.tenant,
            request,
            lambda before, limit: list_render_jobs(self._store, caller, states=states, before=before, limit=limit),
            lambda job: job.id,
        )
        jobs = [job_message(job) for job in page.items]
        return messages_pb2.ListRenderJobsResponse(render_jobs=jobs, next_page_token=page.next_token)

    async def WatchRenderJob(
        self, request: messages_pb2.WatchRenderJobRequest, context: _Context
    ) -> AsyncIterator[messages_pb2.WatchRenderJobResponse]:
        events = watch_render_job(self._store, self._wakeups, current_principal(), request.name, request.after_sequence)
        async for event in events:
            yield messages_pb2.WatchRenderJobResponse(event=event)

    async def CancelRenderJob(
        self, request: messages_pb2.CancelRenderJobRequest, context: _Context
    ) -> messages_pb2.CancelRenderJobResponse:
        job = await cancel_render_job(self._store, self._control, current_principal(), request.name)
        self._wakeups.notify(job.id)
        return messages_pb2.CancelRenderJobResponse(render_job=job_message(job))

    async def ExplainRenderJob(
        self, request: messages_pb2.ExplainRenderJobRequest, context: _Context
    ) -> messages_pb2.ExplainRenderJobResponse:
        explained = await explain_render_job(
            self._store, self._workers, self._weights, current_principal(), request.name
        )
        return messages_pb2.ExplainRenderJobResponse(
            state=job_state(explained.state), reasons=[reason_message(reason) for reason in explained.reasons]
        )

    async def RetryRenderJob(
        self, request: messages_pb2.RetryRenderJobRequest, context: _Context
    ) -> messages_pb2.RetryRenderJobResponse:
        job = await retry_render_job(self._store, self._objects, current_principal(), request.name)
        self._wakeups.notify(job.id)
        return messages_pb2.RetryRenderJobResponse(render_job=job_message(job))

    async def ListWorkers(
        self, request: messages_pb2.ListWorkersRequest, context: _Context
    ) -> messages_pb2.ListWorkersResponse:
        async def read(after: str, limit: int) -> list[tuple[Worker, messages_pb2.Worker]]:
            farm = list_workers(self._workers, after=after, limit=limit)
            return [(worker, worker_message(worker, farm.now)) for worker in farm.workers]

        page = await read_page("ListWorkers", current_principal().tenant, request, read, lambda found: found[0].id)
        workers = [message for _, message in page.items]
        return messages_pb2.ListWorkersResponse(workers=workers, next_page_token=page.next_token)
