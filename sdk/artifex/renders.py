"""Render jobs: a graph in, a movie out."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence

from artifex.errors import ApiError, JobCancelled, JobFailed
from artifex.graph.v1 import messages_pb2 as graph
from artifex.graph.v1 import service_pb2_grpc as graph_grpc
from artifex.transport import Silence, Transport

ENDED = (graph.RenderJob.STATE_SUCCEEDED, graph.RenderJob.STATE_FAILED, graph.RenderJob.STATE_CANCELLED)


class Renders:
    """The tenant's render jobs."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stub = graph_grpc.RenderServiceStub(transport.channel)

    async def create(
        self,
        document_json: str = "",
        *,
        document: str = "",
        revision: int = 0,
        display_name: str = "",
        output_node: str = "",
        priority: graph.Priority.ValueType = graph.PRIORITY_UNSPECIFIED,
        chunk_frames: int = 0,
        request_id: str = "",
    ) -> graph.RenderJob:
        """Queue a render of a document's text, or of a stored document by name. Returns once the job is safe: it then
        ends even when the caller goes away. Raises GraphInvalid with every problem.

        `priority` counts among the tenant's own jobs. `chunk_frames` is for getting a movie's bytes again: its
        provenance has the number; zero lets the studio choose.
        """
        request = graph.CreateRenderJobRequest(
            revision=revision,
            display_name=display_name,
            output_node=output_node,
            priority=priority,
            chunk_frames=chunk_frames,
            request_id=request_id or str(uuid.uuid4()),
        )
        if document:
            request.document = document
        else:
            request.document_json = document_json
        answer = await self._transport.unary(
            self._stub.CreateRenderJob, request, name="RenderService/CreateRenderJob", timeout=60
        )
        return answer.render_job

    async def get(self, name: str) -> graph.RenderJob:
        answer = await self._transport.unary(
            self._stub.GetRenderJob, graph.GetRenderJobRequest(name=name), name="RenderService/GetRenderJob"
        )
        return answer.render_job

    async def list(self, states: Sequence[graph.RenderJob.State.ValueType] = ()) -> AsyncIterator[graph.RenderJob]:
        """Jobs without their tasks, newest first, fetched page by page."""
        pages = self._transport.pages(
            self._stub.ListRenderJobs, graph.ListRenderJobsRequest(states=states), name="RenderService/ListRenderJobs"
        )
        async for page in pages:
            for job in page.render_jobs:
                yield job

    async def watch(
        self, name: str, *, after_sequence: int = 0, patience: float = 120.0
    ) -> AsyncIterator[graph.RenderEvent]:
        """The job's events in order, each once, until the job has ended. A broken stream is taken up again after the
        last event seen; gives up when nobody answers for `patience` seconds after it broke."""
        silence, settled, ended = Silence(patience), False, False
        while True:
            silent = True
            silence.asks()
            try:
                request = graph.WatchRenderJobRequest(name=name, after_sequence=after_sequence)
                messages = self._transport.stream(
                    self._stub.WatchRenderJob, request, name="RenderService/WatchRenderJob"
                )
                async for message in messages:
                    silent = False
                    silence.ends()
                    if message.event.sequence > after_sequence:
                        after_sequence = message.event.sequence
                        yield message.event
                    # Not yet the end of the stream: a job that was taken up again has ends in its past.
                    ended = message.event.state in ENDED
                if ended:
                    return
                # The stream ended before the job did: the server is being drained. Or the caller has seen the end
                # before, which one more look proves, since the end may have been recorded after the stream.
                if silent and (await self.get(name)).state in ENDED:
                    if settled:
                        return
                    settled = True
            except ApiError as error:
                silence.goes_on(error)
            await asyncio.sleep(silence.pause())

    async def wait(self, name: str) -> graph.RenderJob:
        """The job once it has succeeded. Raises JobFailed or JobCancelled when it ends otherwise."""
        async for _ in self.watch(name):
            pass
        job = await self.get(name)
        raise_unless_succeeded(job)
        return job

    async def cancel(self, name: str) -> graph.RenderJob:
        """Stop the job's work; one that has ended stays as it is."""
        answer = await self._transport.unary(
            self._stub.CancelRenderJob, graph.CancelRenderJobRequest(name=name), name="RenderService/CancelRenderJob"
        )
        return answer.render_job

    async def explain(self, name: str) -> graph.ExplainRenderJobResponse:
        """Why the job waits, or what is done for it now; the most telling reason first."""
        return await self._transport.unary(
            self._stub.ExplainRenderJob,
            graph.ExplainRenderJobRequest(name=name),
            name="RenderService/ExplainRenderJob",
        )

    async def retry(self, name: str) -> graph.RenderJob:
        """Run a job again that failed or was cancelled; what a failed one has rendered is kept."""
        answer = await self._transport.unary(
            self._stub.RetryRenderJob,
            graph.RetryRenderJobRequest(name=name),
            name="RenderService/RetryRenderJob",
            repeatable=False,
        )
        return answer.render_job


def raise_unless_succeeded(job: graph.RenderJob) -> None:
    """Turn a job that ended without a movie into its exception."""
    if job.state == graph.RenderJob.STATE_SUCCEEDED:
        return
    kind = JobCancelled if job.state == graph.RenderJob.STATE_CANCELLED else JobFailed
    word = graph.RenderJob.State.Name(job.state).removeprefix("STATE_").lower()
    message = f"{job.name} {word}" + (f": {job.failure.message}" if job.failure.message else "")
    raise kind(message, name=job.name, reason=job.failure.reason, metadata=dict(job.failure.metadata))
