"""A render worker: takes work items one at a time, renders in a child process, stores segments, and says so.

It holds no database and no state that matters: killed at any moment, its work item goes to another worker, which
renders the same bytes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections import OrderedDict
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from opentelemetry import trace

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import work_pb2
from libs.chassis.bus import Bus, Control, Delivery
from libs.chassis.errors import ArtifexError, Internal, NotFound
from libs.chassis.ids import new_id
from libs.chassis.interruption import Interrupted, unless_set
from libs.chassis.objects import LocalCache, ObjectMissing, ObjectStore, blob_key, hash_file
from libs.chassis.rpc.failures import to_failure
from libs.chassis.sandbox import SandboxCrashed, SandboxPool
from libs.chassis.telemetry import meter, tracer
from services.graph.domain.jobs.job import document_key, segment_key
from services.graph.messages import placed_failure
from services.graph.worker.progress import ProgressReporter

WORK_SUBJECTS = ["work.frames.*", "work.audio.*"]
DURABLE = "graph-workers"

_CRASHES_ALLOWED = 2
_REMEMBERED = 1000
_log = logging.getLogger(__name__)
_tracer = tracer(__name__)

Work = work_pb2.FramesWork | work_pb2.AudioWork


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
        *,
        threads: int,
    ) -> None:
        self._bus = bus
        self._control = control
        self._objects = objects
        self._cache = cache
        self._children = children
        self._scratch = scratch
        self._threads = threads
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._done: OrderedDict[tuple[str, str], types_pb2.Blob] = OrderedDict()
        numbers = meter("artifex.graph.worker")
        self._frames = numbers.create_counter("artifex.frames.rendered", description="Frames rendered and stored")
        self._seconds = numbers.create_histogram(
            "artifex.chunk.duration", unit="s", description="From taking a work item to its stored result"
        )

    async def handle(self, delivery: Delivery) -> None:
        """Do one work item. Returning means that it is settled: done, failed for good and said so, or not wanted."""
        audio = delivery.subject.split(".")[1] == "audio"
        work: Work = delivery.parse(work_pb2.AudioWork) if audio else delivery.parse(work_pb2.FramesWork)
        try:
            await self._do(work, delivery)
        except Interrupted:
            _log.info("%s of %s is not wanted any more", work.task, work.job)
        except ArtifexError as error:
            if isinstance(error, SandboxCrashed) and delivery.attempt <= _CRASHES_ALLOWED and not delivery.last_attempt:
                # A crash may be the file's fault or the machine's; only the same end again and again tells.
                raise Internal(str(error), reason=error.reason) from error
            if error.permanent or delivery.last_attempt:
                await self._publish_failure(work, error)
            if not error.permanent or isinstance(error, SandboxCrashed):
                raise
        except Exception as error:
            if delivery.last_attempt:
                await self._publish_failure(work, error)
            raise

    async def _do(self, work: Work, delivery: Delivery) -> None:
        self._check_wanted(work)
        started = work_pb2.TaskStartedEvent(
            actor=work.actor, job=work.job, task=work.task, attempt=work.attempt, worker=self.name
        )
        telling = self._publish(work, "started", started, f"started/{self.name}/{delivery.attempt}")
        await unless_set(telling, self._control.event(work.job))
        blob = await self._known_result(work) or await self._render(work)
        frames = work.frame_count if isinstance(work, work_pb2.FramesWork) else 0
        completed = work_pb2.TaskCompletedEvent(
            actor=work.actor,
            job=work.job,
            task=work.task,
            attempt=work.attempt,
            result=blob,
            frame_count=frames,
            worker=self.name,
        )
        await self._publish(work, "completed", completed, "completed")

    async def _known_result(self, work: Work) -> types_pb2.Blob | None:
        """What this worker stored for the same work, when only the acknowledgement was lost."""
        done = self._done.get((work.job, work.task))
        if done is None or not await self._objects.exists(self._key(work, done)):
            return None
        return done

    async def _render(self, work: Work) -> types_pb2.Blob:
        audio = isinstance(work, work_pb2.AudioWork)
        output = self._scratch / f"{new_id()}{'.m4a' if audio else '.mp4'}"
        with _tracer.start_as_current_span(
            "render audio" if audio else "render frames",
            attributes={"artifex.job": work.job, "artifex.task": work.task, "artifex.worker": self.name},
        ) as span:
            begin = time.monotonic()
            try:
                # Interrupting it kills the child.
                await unless_set(self._evaluate(work, output), self._control.event(work.job))
                if isinstance(work, work_pb2.FramesWork):
                    _describe(span, work, time.monotonic() - begin)
                blob = await self._store(work, output, "audio/mp4" if audio else "video/mp4")
            finally:
                output.unlink(missing_ok=True)
            self._seconds.record(time.monotonic() - begin, {"kind": "audio" if audio else "frames"})
        if isinstance(work, work_pb2.FramesWork):
            self._frames.add(work.frame_count)
        self._done[work.job, work.task] = blob
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
        return blob

    async def _evaluate(self, work: Work, output: Path) -> None:
        async with AsyncExitStack() as stack:
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
            }
            if isinstance(work, work_pb2.FramesWork):
                request |= {
                    "kind": "frames",
                    "first_frame": work.first_frame,
                    "frame_count": work.frame_count,
                    "threads": self._threads,
                }
            event = work_pb2.TaskProgressedEvent(actor=work.actor, job=work.job, task=work.task, attempt=work.attempt)
            reporter = ProgressReporter(self._bus, event, f"{work.job}/{work.task}/{work.attempt}/progressed")
            progress = await stack.enter_async_context(reporter)
            await self._children.call(request, on_progress=progress.update)

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

    async def _publish_failure(self, work: Work, error: Exception) -> None:
        failed = work_pb2.TaskFailedEvent(
            actor=work.actor,
            job=work.job,
            task=work.task,
            attempt=work.attempt,
            failure=placed_failure(to_failure(error), work),
            worker=self.name,
        )
        await self._publish(work, "failed", failed, "failed")

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
