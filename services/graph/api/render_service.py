"""RenderService: decode, command, encode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc

from artifex.graph.v1 import messages_pb2, service_pb2_grpc
from libs.chassis.objects import ObjectStore
from libs.chassis.principal import current_principal
from services.graph.commands.cancel_render_job import cancel_render_job
from services.graph.commands.create_render_job import CreateRenderJob
from services.graph.commands.get_render_job import get_render_job
from services.graph.commands.list_render_jobs import list_render_jobs
from services.graph.commands.retry_render_job import retry_render_job
from services.graph.commands.watch_render_job import Wakeups, watch_render_job
from services.graph.domain.jobs.job import COLLECTION
from services.graph.ports import JobStore, WorkControl

_Context = grpc.aio.ServicerContext[Any, Any]


class RenderServicer(service_pb2_grpc.RenderServiceServicer):
    def __init__(
        self,
        store: JobStore,
        objects: ObjectStore,
        control: WorkControl,
        wakeups: Wakeups,
        create: CreateRenderJob,
    ) -> None:
        self._store = store
        self._objects = objects
        self._control = control
        self._wakeups = wakeups
        self._create = create

    async def CreateRenderJob(
        self, request: messages_pb2.CreateRenderJobRequest, context: _Context
    ) -> messages_pb2.CreateRenderJobResponse:
        return await self._create(current_principal(), request)

    async def GetRenderJob(
        self, request: messages_pb2.GetRenderJobRequest, context: _Context
    ) -> messages_pb2.GetRenderJobResponse:
        job = await get_render_job(self._store, current_principal(), request.name)
        return messages_pb2.GetRenderJobResponse(render_job=job)

    async def ListRenderJobs(
        self, request: messages_pb2.ListRenderJobsRequest, context: _Context
    ) -> messages_pb2.ListRenderJobsResponse:
        return await list_render_jobs(self._store, current_principal(), request)

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
        self._wakeups.notify(job.name.removeprefix(f"{COLLECTION}/"))
        return messages_pb2.CancelRenderJobResponse(render_job=job)

    async def RetryRenderJob(
        self, request: messages_pb2.RetryRenderJobRequest, context: _Context
    ) -> messages_pb2.RetryRenderJobResponse:
        job = await retry_render_job(self._store, self._objects, current_principal(), request.name)
        self._wakeups.notify(job.name.removeprefix(f"{COLLECTION}/"))
        return messages_pb2.RetryRenderJobResponse(render_job=job)
