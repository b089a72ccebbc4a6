"""Take a graph and make a job of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import PurePosixPath

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import work_pb2
from artifex.provenance import DETAIL
from libs.chassis.clock import utcnow
from libs.chassis.errors import NotFound, PermissionDenied, ResourceExhausted
from libs.chassis.ids import new_id
from libs.chassis.objects import ObjectStore
from libs.chassis.principal import Principal
from libs.chassis.repeats import Repeat, Response
from libs.chassis.telemetry import current_trace_id, inject, tracer
from services.graph.commands.prepare import Prepared, prepare
from services.graph.dispatch import queue_changes
from services.graph.domain.compile.analyses import analyses_of, keys_of
from services.graph.domain.compile.captures import capture_keys, captures_of
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import Compiled, compile_checked
from services.graph.domain.documents.document import canonical_json, digest
from services.graph.domain.documents.problems import GraphInvalid, Problem, Reason
from services.graph.domain.jobs import costs, transitions
from services.graph.domain.jobs.job import Job, Priority, Task, TaskState, analysis_task, capture_task, document_key
from services.graph.domain.jobs.planner import plan
from services.graph.ports import AnalysisStore, CaptureStore, Documents, JobStore, MediaCatalogue

_DOCUMENT_TYPE = "application/vnd.artifex.graph+json"
_MAX_SOURCES_BYTES = 800_000
"""Work items name all sources, and a message holds one megabyte."""
_tracer = tracer(__name__)


class _FirstTime(Exception):
    """No answer was given to this request id yet."""


@dataclass(frozen=True)
class RenderOrder:
    """What is to be rendered, and how urgently."""

    document_json: str = ""
    document: str = ""
    """Name of a stored document, where there is no `document_json`."""
    revision: int = 0
    """Of the stored document; zero for the newest."""
    output_node: str = ""
    """May be empty when the document has just one."""
    display_name: str = ""
    priority: Priority = Priority.NORMAL
    chunk_frames: int = 0
    """Zero: by what such frames have cost."""


@dataclass(frozen=True)
class _Chunks:
    """How a movie is cut, and what is known of its frames' cost."""

    frames: int
    shape: str
    work: float
    frame_seconds: float


class CreateRenderJob:
    def __init__(
        self,
        store: JobStore,
        objects: ObjectStore,
        analyses: AnalysisStore,
        captures: CaptureStore,
        media: MediaCatalogue,
        documents: Documents,
        catalogue: Catalogue,
        *,
        chunk_frames: int,
        max_chunks: int,
    ) -> None:
        """`chunk_frames` is for orders that name none; zero leaves it to what frames have cost. There are at most
        `max_chunks` full chunks, which grow for longer movies."""
        self._store = store
        self._objects = objects
        self._analyses = analyses
        self._captures = captures
        self._media = media
        self._documents = documents
        self._catalogue = catalogue
        self._chunk_frames = chunk_frames
        self._max_chunks = max_chunks

    async def __call__(self, caller: Principal, order: RenderOrder, repeat: Repeat[Job, Response]) -> Response:
        """The new job with its tasks, as `repeat` encodes it. When this returns, the job is safe: it runs whatever
        happens to this process.

        Raises:
            GraphInvalid: the graph cannot be rendered; each problem is a violation.
            NotFound: the stored document, or an asset that the graph names, is not the caller's tenant's.
            PermissionDenied: the graph generates, and the licence does not have it.
            ResourceExhausted: the graph reads more files than a job can name.
            AlreadyExists: the request id was used with another request.
            Unavailable: something that is needed does not answer.
        """
        if repeat.request_id and (answer := await self._first_answer(caller, repeat)) is not None:
            return answer
        with _tracer.start_as_current_span("plan render"):
            text = order.document_json or await self._documents.read(order.document, order.revision)
            prepared = await prepare(text, self._catalogue, self._media)
            _refuse(prepared)
            compiled = await asyncio.to_thread(compile_checked, prepared.checked, order.output_node, prepared.media)
            _refuse_monitor(compiled)
            if compiled.generations and "FEATURE_GENERATION" not in caller.features:
                raise PermissionDenied(
                    f"nodes.{next(iter(compiled.generations))} generates video, which the licence does not contain",
                    reason="ERROR_REASON_FEATURE_NOT_LICENSED",
                    metadata={"feature": "FEATURE_GENERATION"},
                )
            document = await self._store_document(caller.tenant, prepared)
            chunks = await self._chunks(caller.tenant, order, prepared, compiled, document.digest)
            job = self._job(caller, order, prepared, compiled, document, chunks)
            await self._skip_known_analyses(job, prepared, compiled)
            await self._skip_known_captures(job, prepared, compiled)

        async def insert() -> Job:
            changes = transitions.begin(job, job.create_time)
            await transaction.insert(job, changes)
            await queue_changes(transaction, job, changes)
            return job

        async with self._store.transaction() as transaction:
            return await transaction.once(caller.tenant, repeat, insert)

    async def _first_answer(self, caller: Principal, repeat: Repeat[Job, Response]) -> Response | None:
        """What this request id was answered before; without looking at documents and assets, which change."""

        async def refuse() -> Job:
            raise _FirstTime

        try:
            async with self._store.transaction() as transaction:
                return await transaction.once(caller.tenant, repeat, refuse)
        except _FirstTime:
            return None

    async def _store_document(self, tenant: str, prepared: Prepared) -> types_pb2.Blob:
        data = canonical_json(prepared.document).encode()
        blob = types_pb2.Blob(digest=digest(prepared.document), size=len(data), media_type=_DOCUMENT_TYPE)
        await self._objects.put_bytes(document_key(tenant, blob.digest), data)
        return blob

    async def _chunks(
        self, tenant: str, order: RenderOrder, prepared: Prepared, compiled: Compiled, document: str
    ) -> _Chunks:
        unused = set(compiled.unused)
        types = [spec.type for node, spec in prepared.document.nodes.items() if node not in unused]
        shape = costs.shape(types, compiled.width, compiled.height)
        work = costs.frame_work(compiled.width, compiled.height, len(types))
        of_shape, of_work = await self._store.rates(tenant, shape)
        seconds = of_shape if of_shape is not None else (of_work or 0.0) * work
        frames = (
            order.chunk_frames
            or self._chunk_frames
            # A document that was rendered before is cut as it was then: the same document gives the same bytes.
            or await self._store.chunk_frames_before(tenant, document, compiled.output_node)
            or (costs.chunk_frames(seconds, compiled.frame_count) if seconds else costs.DEFAULT_CHUNK_FRAMES)
        )
        return _Chunks(max(frames, -(-compiled.frame_count // self._max_chunks)), shape, work, seconds)

    async def _skip_known_analyses(self, job: Job, prepared: Prepared, compiled: Compiled) -> None:
        """What was found of the same clip before need not be looked for again."""
        keys = await asyncio.to_thread(lambda: keys_of(compiled, analyses_of(compiled), prepared.contents))
        for node, key in keys.items():
            blob = await self._analyses.find(job.tenant, key)
            if blob is not None:
                _skip(job, analysis_task(node), node, blob)

    async def _skip_known_captures(self, job: Job, prepared: Prepared, compiled: Compiled) -> None:
        """A picture that was rendered before is the same."""
        keys = await asyncio.to_thread(lambda: capture_keys(compiled, captures_of(compiled), prepared.contents))
        for place, key in keys.items():
            blob = await self._captures.find(job.tenant, key)
            if blob is not None:
                _skip(job, capture_task(*place), place.node, blob)

    def _job(
        self,
        caller: Principal,
        order: RenderOrder,
        prepared: Prepared,
        compiled: Compiled,
        document: types_pb2.Blob,
        chunks: _Chunks,
    ) -> Job:
        headers: dict[str, str] = {}
        inject(headers)
        output_name = PurePosixPath(compiled.path.replace("\\", "/")).name
        job = Job(
            id=new_id(),
            tenant=caller.tenant,
            create_user=caller.subject,
            display_name=order.display_name or output_name,
            document=document,
            output_node=compiled.output_node,
            output_name=output_name,
            sources=tuple(
                work_pb2.Source(
                    node=node,
                    blob=prepared.assets[node].blob,
                    media=prepared.assets[node].media,
                    generations=prepared.assets[node].provenance.details.get(DETAIL, ""),
                )
                for node in compiled.assets
            ),
            frame_rate=compiled.fps,
            frame_count=compiled.frame_count,
            trace_id=current_trace_id(),
            traceparent=headers.get("traceparent", ""),
            create_time=utcnow(),
            priority=order.priority,
            chunk_frames=chunks.frames,
            shape=chunks.shape,
            work=chunks.work,
            frame_seconds=chunks.frame_seconds,
        )
        size = sum(source.ByteSize() for source in job.sources)
        if size > _MAX_SOURCES_BYTES:
            raise ResourceExhausted(
                f"the graph reads {len(job.sources)} media files, more than one work item can name; render it in parts",
                metadata={"limit": "max_sources_bytes", "value": str(_MAX_SOURCES_BYTES)},
            )
        for position, planned in enumerate(plan(compiled, chunks.frames).tasks):
            spec = planned.generation
            job.tasks[planned.id] = Task(
                id=planned.id,
                kind=planned.kind,
                position=position,
                depends_on=planned.depends_on,
                first_frame=planned.first_frame,
                frame_count=planned.frame_count,
                steps_total=spec.steps if spec is not None else 0,
                spec=spec,
                generation=f"generations/{new_id()}" if spec is not None else "",
            )
        return job


def _skip(job: Job, task_id: str, node: str, blob: types_pb2.Blob) -> None:
    task = job.tasks[task_id]
    task.state = TaskState.SUCCEEDED
    task.result = work_pb2.Source(node=node, blob=blob)
    task.end_time = job.create_time


def _refuse_monitor(compiled: Compiled) -> None:
    """Raise for an output that writes nothing."""
    if compiled.sink.monitor:
        message = f"a {compiled.sink.schema.type} only shows; name an output that writes a file"
        raise GraphInvalid([Problem(compiled.output_node, f"nodes.{compiled.output_node}", Reason.NO_OUTPUT, message)])


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
