"""A render worker: takes work items one at a time, renders in a child process, stores segments, and says so.

It holds no database and no state that matters: killed at any moment, its work item goes to another worker, which
renders the same bytes. What it cannot do it reports, and whether that is tried again is not its to say.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from opentelemetry import trace

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import work_pb2
from libs.chassis.bus import Bus, Control, Declined, Delivery
from libs.chassis.errors import ArtifexError, NotFound
from libs.chassis.ids import new_id
from libs.chassis.interruption import Interrupted, unless_set
from libs.chassis.objects import LocalCache, ObjectMissing, ObjectStore, blob_key, hash_file
from libs.chassis.rpc.failures import to_failure
from libs.chassis.sandbox import SandboxCrashed, SandboxPool
from libs.chassis.telemetry import meter, tracer
from services.graph.domain.jobs.blame import Blame, blame_of
from services.graph.domain.jobs.job import document_key, segment_key
from services.graph.messages import parse_picture_role
from services.graph.worker.analysing import ClipAnalyses, Work
from services.graph.worker.capturing import FrameCaptures
from services.graph.worker.conduct import Conduct
from services.graph.worker.probing import Culprit, Progress, find_culprit
from services.graph.worker.progress import ProgressReporter

WORK_SUBJECTS = ["work.analyse.*", "work.capture.*", "work.frames.*", "work.audio.*"]
DURABLE = "graph-workers"

_LEFT_TO_OTHERS = 4
"""So often a worker leaves what it failed at to others; then there are none."""
_LEFT_SECONDS = 0.25
_PLACE = ("node", "frame", "inputs")
"""Metadata of an error that tell where it happened."""
_REMEMBERED = 1000
_log = logging.getLogger(__name__)
_tracer = tracer(__name__)

_WORK: dict[str, type[Work]] = {
    "analyse": work_pb2.AnalyseWork,
    "capture": work_pb2.CaptureWork,
    "frames": work_pb2.FramesWork,
    "audio": work_pb2.AudioWork,
}
"""By kind, the second part of the subject."""


@dataclass(frozen=True)
class FrameStore:
    """Where the evaluators keep frames between renders, and how much of them."""

    folder: Path
    max_bytes: int

    def request(self) -> dict[str, Any] | None:
        """As the child takes it."""
        return {"path": str(self.folder), "bytes": self.max_bytes} if self.max_bytes else None


class RenderWorker:
    """Handles the messages on `WORK_SUBJECTS`."""

    def __init__(
        self,
        bus: Bus,
        control: Control,
        objects: ObjectStore,
        cache: LocalCache,
        children: SandboxPool,
        scratch: Path,
        conduct: Conduct,
        *,
        name: str,
        threads: int,
        frame_cache: FrameStore,
    ) -> None:
        """`name` is what tasks name the worker by: host and process."""
        self._bus = bus
        self._control = control
        self._objects = objects
        self._cache = cache
        self._children = children
        self._scratch = scratch
        self._conduct = conduct
        self._threads = threads
        self._frame_cache = frame_cache
        self._analyses = ClipAnalyses(objects, children)
        self._captures = FrameCaptures(objects, children)
        self.name = name
        self._done: OrderedDict[tuple[str, str], types_pb2.Blob] = OrderedDict()
        numbers = meter("artifex.graph.worker")
        self._frames = numbers.create_counter("artifex.frames.rendered", description="Frames rendered and stored")
        self._seconds = numbers.create_histogram(
            "artifex.chunk.duration", unit="s", description="From taking a work item to its stored result"
        )

    async def handle(self, delivery: Delivery) -> None:
        """Do one work item. Returning means that it is settled: done, failed and said so, or not wanted."""
        work: Work = delivery.parse(_WORK[delivery.subject.split(".")[1]])
        if self.name in work.avoid and delivery.attempt <= _LEFT_TO_OTHERS:
            raise Declined(_LEFT_SECONDS)
        progress = work_pb2.TaskProgressedEvent(actor=work.actor, job=work.job, task=work.task, attempt=work.attempt)
        try:
            await self._do(work, delivery, progress)
        except Interrupted:
            _log.info("%s of %s is not wanted any more", work.task, work.job)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must hear of it
            await self._tell_failure(work, error, progress.frames_done)
        else:
            self._conduct.did()

    async def _do(self, work: Work, delivery: Delivery, progress: work_pb2.TaskProgressedEvent) -> None:
        self._check_wanted(work)
        started = work_pb2.TaskStartedEvent(
            actor=work.actor, job=work.job, task=work.task, attempt=work.attempt, worker=self.name
        )
        telling = self._publish(work, "started", started, f"started/{self.name}/{delivery.attempt}")
        await unless_set(telling, self._control.event(work.job))
        known = await self._known_result(work)
        blob, seconds = (known, 0.0) if known is not None else await self._render(work, progress)
        frames = work.frame_count if isinstance(work, work_pb2.FramesWork) else 0
        completed = work_pb2.TaskCompletedEvent(
            actor=work.actor,
            job=work.job,
            task=work.task,
            attempt=work.attempt,
            result=blob,
            frame_count=frames,
            worker=self.name,
            seconds=seconds,
        )
        await self._publish(work, "completed", completed, "completed")

    async def _known_result(self, work: Work) -> types_pb2.Blob | None:
        """What this worker stored for the same work, when only the acknowledgement was lost."""
        done = self._done.get((work.job, work.task))
        if done is None or not await self._objects.exists(self._key(work, done)):
            return None
        return done

    async def describe(self) -> list[str]:
        """The node types that this worker evaluates, with their versions. Makes the evaluator ready, too."""
        answer = await self._children.call({"kind": "describe"})
        return list(answer["node_types"])

    async def _render(self, work: Work, progress: work_pb2.TaskProgressedEvent) -> tuple[types_pb2.Blob, float]:
        """The stored result, and what it cost in seconds of the evaluator."""
        if isinstance(work, work_pb2.AnalyseWork):
            return await self._analyse(work, progress)
        if isinstance(work, work_pb2.CaptureWork):
            return await self._capture(work)
        audio = isinstance(work, work_pb2.AudioWork)
        output = self._scratch / new_id()
        with _tracer.start_as_current_span(
            "render audio" if audio else "render frames",
            attributes={"artifex.job": work.job, "artifex.task": work.task, "artifex.worker": self.name},
        ) as span:
            begin = time.monotonic()
            try:
                # Interrupting it kills the child.
                key = f"{work.job}/{work.task}/{work.attempt}/progressed"
                async with ProgressReporter(self._bus, progress, key) as reporter:
                    evaluating = self._evaluate(work, output, reporter.update)
                    media_type, seconds = await unless_set(evaluating, self._control.event(work.job))
                if isinstance(work, work_pb2.FramesWork):
                    _describe(span, work, time.monotonic() - begin)
                blob = await self._store(work, output, media_type)
            finally:
                output.unlink(missing_ok=True)
            self._seconds.record(time.monotonic() - begin, {"kind": "audio" if audio else "frames"})
        if isinstance(work, work_pb2.FramesWork):
            self._frames.add(work.frame_count)
        self._done[work.job, work.task] = blob
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
        return blob, seconds

    async def _analyse(
        self, work: work_pb2.AnalyseWork, progress: work_pb2.TaskProgressedEvent
    ) -> tuple[types_pb2.Blob, float]:
        output = self._scratch / new_id()
        attributes = {"artifex.job": work.job, "artifex.task": work.task, "artifex.worker": self.name}
        with _tracer.start_as_current_span("analyse clip", attributes=attributes):
            try:
                key = f"{work.job}/{work.task}/{work.attempt}/progressed"
                async with AsyncExitStack() as stack, ProgressReporter(self._bus, progress, key) as reporter:
                    request = await self._request(stack, work, output)
                    making = self._analyses.make(work, request, reporter.update)
                    return await unless_set(making, self._control.event(work.job))
            finally:
                output.unlink(missing_ok=True)

    async def _capture(self, work: work_pb2.CaptureWork) -> tuple[types_pb2.Blob, float]:
        output = self._scratch / new_id()
        attributes = {"artifex.job": work.job, "artifex.task": work.task, "artifex.worker": self.name}
        with _tracer.start_as_current_span("capture frame", attributes=attributes):
            try:
                async with AsyncExitStack() as stack:
                    making = self._captures.make(work, await self._request(stack, work, output))
                    return await unless_set(making, self._control.event(work.job))
            finally:
                output.unlink(missing_ok=True)

    async def _evaluate(self, work: Work, output: Path, tell: Progress, *, watch: bool = False) -> tuple[str, float]:
        """Render into a file; answers its media type and the seconds it took.

        With `watch` the child tells of each node before it begins.
        """
        async with AsyncExitStack() as stack:
            request = await self._request(stack, work, output)
            if watch:
                request["watch"] = True
            answer = await self._children.call(request, on_progress=tell)
            return str(answer["media_type"]), float(answer["seconds"])

    async def _request(self, stack: AsyncExitStack, work: Work, output: Path) -> dict[str, Any]:
        """What the child is asked for; its media stay where they are until the stack is closed."""
        request: dict[str, Any] = {
            "kind": "audio",
            "document": await self._document(work),
            "output_node": work.output_node,
            "output": str(output),
            "sources": {
                source.node: {
                    "path": str(await self._source(stack, work, source)),
                    "media": json_format.MessageToDict(source.media),
                    "digest": source.blob.digest,
                }
                for source in work.sources
            },
            "analysed": await self._analyses.given(work),
        }
        if isinstance(work, work_pb2.AnalyseWork):
            request |= {"kind": "analyse", "node": work.node, "threads": self._threads}
        elif isinstance(work, work_pb2.CaptureWork):
            role = parse_picture_role(work.role)
            request |= {"kind": "capture", "node": work.node, "role": role, "threads": self._threads}
        elif isinstance(work, work_pb2.FramesWork):
            request |= {
                "kind": "frames",
                "first_frame": work.first_frame,
                "frame_count": work.frame_count,
                "threads": self._threads,
                "frame_cache": self._frame_cache.request(),
            }
        return request

    async def _document(self, work: Work) -> str:
        pieces = [piece async for piece in self._objects.get(document_key(work.actor.tenant, work.document.digest))]
        return b"".join(pieces).decode()

    async def _source(self, stack: AsyncExitStack, work: Work, source: work_pb2.Source) -> Path:
        try:
            return await stack.enter_async_context(self._cache.path(blob_key(work.actor.tenant, source.blob.digest)))
        except ObjectMissing as error:
            raise NotFound(
                f"nodes.{source.node}",
                message=f"the media that nodes.{source.node} reads was deleted",
                metadata={"node": source.node},
            ) from error

    async def _store(self, work: Work, output: Path, media_type: str) -> types_pb2.Blob:
        digest = await asyncio.to_thread(hash_file, output)
        size = (await asyncio.to_thread(output.stat)).st_size
        blob = types_pb2.Blob(digest=digest, size=size, media_type=media_type)
        key = self._key(work, blob)
        await self._objects.put_file(key, output)
        if self._control.is_cancelled(work.job):
            # The job's folder may have been swept already.
            await self._objects.delete(key)
            raise Interrupted
        return blob

    def _key(self, work: Work, blob: types_pb2.Blob) -> str:
        return segment_key(work.actor.tenant, work.job, blob.digest)

    async def _tell_failure(self, work: Work, error: Exception, frames_done: int) -> None:
        failure = to_failure(error)
        _log.warning("%s of %s failed: %s", work.task, work.job, failure.message)
        if isinstance(error, ArtifexError):
            # Where it happened, which is also told of faults of ours.
            failure.metadata.update({key: error.metadata[key] for key in _PLACE if key in error.metadata})
        culprit = None
        if isinstance(error, SandboxCrashed) and isinstance(work, work_pb2.FramesWork) and work.failures:
            try:
                culprit = await unless_set(self._find_culprit(work, frames_done), self._control.event(work.job))
            except Interrupted:
                return
        if culprit is not None:
            failure.message = culprit.error.message
            failure.metadata.update({"frame": str(culprit.frame), "failures": str(culprit.failures)})
            if culprit.nodes:
                failure.metadata["node"] = ", ".join(culprit.nodes)
        elif blame_of(failure) is Blame.WORKER:
            self._conduct.failed_at(work.job, work.task, failure.message)
        failed = work_pb2.TaskFailedEvent(
            actor=work.actor,
            job=work.job,
            task=work.task,
            attempt=work.attempt,
            failure=failure,
            worker=self.name,
            settled=culprit is not None,
        )
        await self._publish(work, "failed", failed, "failed")

    async def _find_culprit(self, work: work_pb2.FramesWork, frames_done: int) -> Culprit | None:
        """The frame that ends the evaluator. Those behind what was done last come first."""

        async def render_alone(frame: int, tell: Progress) -> None:
            alone = work_pb2.FramesWork()
            alone.CopyFrom(work)
            alone.first_frame, alone.frame_count = frame, 1
            output = self._scratch / new_id()
            try:
                await self._evaluate(alone, output, tell, watch=True)
            finally:
                output.unlink(missing_ok=True)

        last = work.first_frame + work.frame_count
        with _tracer.start_as_current_span("find the frame", attributes={"artifex.task": work.task}):
            return await find_culprit(range(work.first_frame + frames_done, last), render_alone)

    async def _publish(
        self,
        work: Work,
        verb: str,
        event: work_pb2.TaskStartedEvent | work_pb2.TaskCompletedEvent | work_pb2.TaskFailedEvent,
        key: str,
    ) -> None:
        subject = f"evt.{work.actor.tenant}.graph.task.{verb}"
        await self._bus.publish(subject, event, key=f"{work.job}/{work.task}/{work.attempt}/{key}")

    def _check_wanted(self, work: Work) -> None:
        if self._control.is_cancelled(work.job):
            raise Interrupted


def _describe(span: trace.Span, work: work_pb2.FramesWork, seconds: float) -> None:
    span.set_attribute("artifex.first_frame", work.first_frame)
    span.set_attribute("artifex.frames", work.frame_count)
    span.set_attribute("artifex.fps", round(work.frame_count / seconds, 3) if seconds else 0.0)
