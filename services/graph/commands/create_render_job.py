"""Take a graph and make a job of it."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import messages_pb2, work_pb2
from libs.chassis.clock import utcnow
from libs.chassis.errors import NotFound, PermissionDenied, ResourceExhausted
from libs.chassis.ids import new_id
from libs.chassis.objects import ObjectStore
from libs.chassis.principal import Principal
from libs.chassis.telemetry import current_trace_id, inject, tracer
from services.graph.commands.prepare import Prepared, prepare
from services.graph.dispatch import queue_changes
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import Compiled, compile
from services.graph.domain.documents.document import canonical_json, digest
from services.graph.domain.documents.problems import GraphInvalid, Reason
from services.graph.domain.jobs import transitions
from services.graph.domain.jobs.job import Job, Task, TaskKind, document_key
from services.graph.domain.jobs.planner import plan
from services.graph.messages import job_message
from services.graph.ports import Documents, JobStore, MediaCatalogue

_METHOD = "CreateRenderJob"
_DOCUMENT_TYPE = "application/vnd.artifex.graph+json"
_MAX_SOURCES_BYTES = 800_000
"""Work items name all sources, and a message holds one megabyte."""
_tracer = tracer(__name__)


class _FirstTime(Exception):
    """No answer was given to this request id yet."""


class CreateRenderJob:
    def __init__(
        self,
        store: JobStore,
        objects: ObjectStore,
        media: MediaCatalogue,
        documents: Documents,
        catalogue: Catalogue,
        *,
        chunk_frames: int,
        max_chunks: int,
    ) -> None:
        self._store = store
        self._objects = objects
        self._media = media
        self._documents = documents
        self._catalogue = catalogue
        self._chunk_frames = chunk_frames
        self._max_chunks = max_chunks

    async def __call__(
        self, caller: Principal, request: messages_pb2.CreateRenderJobRequest
    ) -> messages_pb2.CreateRenderJobResponse:
        """The new job with its tasks. When this returns, the job is safe: it runs whatever happens to this process.

        Raises:
            GraphInvalid: the graph cannot be rendered; each problem is a violation.
            NotFound: the stored document, or an asset that the graph names, is not the caller's tenant's.
            PermissionDenied: the graph generates, and the licence does not have it.
            ResourceExhausted: the graph reads more files than a job can name.
            AlreadyExists: the request id was used with another request.
            Unavailable: something that is needed does not answer.
        """
        if request.request_id and (answer := await self._first_answer(caller, request)) is not None:
            return answer
        with _tracer.start_as_current_span("plan render"):
            text = request.document_json or await self._documents.read(request.document, request.revision)
            prepared = await prepare(text, self._catalogue, self._media)
            _refuse(prepared)
            compiled = await asyncio.to_thread(
                compile, prepared.document, self._catalogue, request.output_node, prepared.media
            )
            if compiled.generations and "FEATURE_GENERATION" not in caller.features:
                raise PermissionDenied(
                    f"nodes.{next(iter(compiled.generations))} generates video, which the licence does not contain",
                    reason="ERROR_REASON_FEATURE_NOT_LICENSED",
                    metadata={"feature": "FEATURE_GENERATION"},
                )
            document = await self._store_document(caller.tenant, prepared)
            job = self._job(caller, request, prepared, compiled, document)

        async def insert() -> messages_pb2.CreateRenderJobResponse:
            changes = transitions.begin(job, job.create_time)
            await transaction.insert(job, changes)
            await queue_changes(transaction, job, changes)
            return messages_pb2.CreateRenderJobResponse(render_job=job_message(job))

        async with self._store.transaction() as transaction:
            return await transaction.once(caller.tenant, _METHOD, request.request_id, request, insert)

    async def _first_answer(
        self, caller: Principal, request: messages_pb2.CreateRenderJobRequest
    ) -> messages_pb2.CreateRenderJobResponse | None:
        """What this request id was answered before; without looking at documents and assets, which change."""

        async def refuse() -> messages_pb2.CreateRenderJobResponse:
            raise _FirstTime

        try:
            async with self._store.transaction() as transaction:
                return await transaction.once(caller.tenant, _METHOD, request.request_id, request, refuse)
        except _FirstTime:
            return None

    async def _store_document(self, tenant: str, prepared: Prepared) -> types_pb2.Blob:
        data = canonical_json(prepared.document).encode()
        blob = types_pb2.Blob(digest=digest(prepared.document), size=len(data), media_type=_DOCUMENT_TYPE)
        await self._objects.put_bytes(document_key(tenant, blob.digest), data)
        return blob

    def _job(
        self,
        caller: Principal,
        request: messages_pb2.CreateRenderJobRequest,
        prepared: Prepared,
        compiled: Compiled,
        document: types_pb2.Blob,
    ) -> Job:
        headers: dict[str, str] = {}
        inject(headers)
        output_name = PurePosixPath(compiled.path.replace("\\", "/")).name
        job = Job(
            id=new_id(),
            tenant=caller.tenant,
            create_user=caller.subject,
            display_name=request.display_name or output_name,
            document=document,
            output_node=compiled.output_node,
            output_name=output_name,
            sources=tuple(
                work_pb2.Source(node=node, blob=prepared.assets[node].blob, media=prepared.assets[node].media)
                for node in compiled.assets
            ),
            frame_rate=compiled.fps,
            frame_count=compiled.frame_count,
            trace_id=current_trace_id(),
            traceparent=headers.get("traceparent", ""),
            create_time=utcnow(),
        )
        size = sum(source.ByteSize() for source in job.sources)
        if size > _MAX_SOURCES_BYTES:
            raise ResourceExhausted(
                f"the graph reads {len(job.sources)} media files, more than one work item can name; render it in parts",
                metadata={"limit": "max_sources_bytes", "value": str(_MAX_SOURCES_BYTES)},
            )
        chunk_frames = max(self._chunk_frames, -(-compiled.frame_count // self._max_chunks))
        for position, planned in enumerate(plan(compiled, chunk_frames).tasks):
            spec = planned.generation
            job.tasks[planned.id] = Task(
                id=planned.id,
                kind=TaskKind(planned.kind.value),
                position=position,
                depends_on=planned.depends_on,
                first_frame=planned.first_frame,
                frame_count=planned.frame_count,
                steps_total=spec.steps if spec is not None else 0,
                spec=spec,
                generation=f"generations/{new_id()}" if spec is not None else "",
            )
        return job


def _refuse(prepared: Prepared) -> None:
    """Raise what a graph with these problems deserves, if there are any."""
    problems = prepared.problems
    if not problems:
        return
    if any(problem.reason is not Reason.ASSET_NOT_FOUND for problem in problems):
        raise GraphInvalid(problems)
    # Nothing is wrong with the graph itself: what it names does not exist, for this caller.
    first = problems[0]
    places = "; ".join(f"{problem.path}: {problem.message}" for problem in problems[:10])
    raise NotFound(prepared.references[first.node], message=places, metadata={"node": first.node, "path": first.path})
