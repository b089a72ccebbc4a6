"""What the graph service hears, and what it does about it.

    evt.*.graph.task.*             render workers: an analysis, a capture, a chunk or the sound was started, came
                                   further, is done, failed
    evt.*.generator.generation.*   the generator, of generations that a job waits for
    evt.*.media.assembly.*         the media service, of the movie
    evt.*.graph.job.ended          this service itself: stops what still runs and deletes what nobody needs
    dead.work.*                    work items that no worker survived

It publishes `evt.<tenant>.graph.job.ended` and work items through the outbox (see `dispatch`).

Every handler is one transaction and may run any number of times, in any order, in any replica.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import work_pb2 as generator_work_pb2
from artifex.graph.v1 import work_pb2
from artifex.media.v1 import work_pb2 as media_work_pb2
from artifex.provenance import told
from libs.chassis.bus import Delivery
from libs.chassis.objects import ObjectStore
from services.graph.commands.record_signal import TaskSignal, record_signal
from services.graph.commands.sweep_segments import delete_segments
from services.graph.commands.watch_render_job import Wakeups
from services.graph.domain.jobs import transitions
from services.graph.domain.jobs.job import (
    Job,
    JobState,
    TaskState,
    analysis_task,
    capture_task,
    parse_run_name,
    segment_key,
)
from services.graph.messages import WorkItem
from services.graph.ports import JobStore, WorkControl

RESULT_SUBJECTS = ["evt.*.graph.task.*", "evt.*.generator.generation.*", "evt.*.media.assembly.*"]
ENDED_SUBJECTS = ["evt.*.graph.job.ended"]
DEAD_SUBJECTS = [f"dead.work.{kind}.*" for kind in ("analyse", "capture", "frames", "audio", "generate", "assemble")]

_DEAD_WORK: dict[str, type[WorkItem]] = {
    "analyse": work_pb2.AnalyseWork,
    "capture": work_pb2.CaptureWork,
    "frames": work_pb2.FramesWork,
    "audio": work_pb2.AudioWork,
    "generate": generator_work_pb2.GenerateWork,
    "assemble": media_work_pb2.AssembleWork,
}


class ResultHandler:
    """Moves jobs by what workers report."""

    def __init__(self, store: JobStore, objects: ObjectStore, wakeups: Wakeups) -> None:
        self._store = store
        self._objects = objects
        self._wakeups = wakeups
        self._handlers: dict[str, Callable[[str, Delivery], Awaitable[None]]] = {
            "graph.task.started": self._task_started,
            "graph.task.progressed": self._task_progressed,
            "graph.task.completed": self._task_completed,
            "graph.task.failed": partial(self._failed, work_pb2.TaskFailedEvent),
            "generator.generation.started": self._generation_started,
            "generator.generation.progressed": self._generation_progressed,
            "generator.generation.completed": self._generation_completed,
            "generator.generation.failed": partial(self._failed, generator_work_pb2.GenerationFailedEvent),
            "media.assembly.started": self._assembly_started,
            "media.assembly.completed": self._assembly_completed,
            "media.assembly.failed": partial(self._failed, media_work_pb2.AssemblyFailedEvent),
        }

    async def handle(self, delivery: Delivery) -> None:
        """A message on one of `RESULT_SUBJECTS`; verbs unknown here are other versions' and are ignored."""
        _, tenant, what = delivery.subject.split(".", 2)
        handler = self._handlers.get(what)
        if handler is not None:
            await handler(tenant, delivery)

    async def handle_dead(self, delivery: Delivery) -> None:
        """A message on one of `DEAD_SUBJECTS`: nobody will do this work, so its job fails."""
        work = delivery.parse(_DEAD_WORK[delivery.subject.split(".")[2]])
        failure = types_pb2.Failure(
            reason=delivery.headers.get("Artifex-Dead-Reason", "ERROR_REASON_INTERNAL"),
            message=delivery.headers.get("Artifex-Dead-Message", "no worker could do it"),
        )
        signal = TaskSignal(work.actor.tenant, work.job, work.task, work.attempt)
        await self._move(signal, lambda job, at, now: transitions.task_failed(job, at, failure, now, settled=True))

    async def _move(
        self, signal: TaskSignal, transition: transitions.Transition, *, whole_job: bool = True
    ) -> Job | None:
        job = await record_signal(self._store, signal, transition, whole_job=whole_job)
        if job is not None:
            self._wakeups.notify(job.id)
        return job

    async def _task_started(self, tenant: str, delivery: Delivery) -> None:
        event = delivery.parse(work_pb2.TaskStartedEvent)
        await self._move(
            TaskSignal(tenant, event.job, event.task, event.attempt),
            lambda job, at, now: transitions.task_started(job, at, event.worker, now),
            whole_job=False,
        )

    async def _task_progressed(self, tenant: str, delivery: Delivery) -> None:
        event = delivery.parse(work_pb2.TaskProgressedEvent)
        await self._move(
            TaskSignal(tenant, event.job, event.task, event.attempt),
            lambda job, at, now: transitions.task_progressed(job, at, now, frames_done=event.frames_done),
            whole_job=False,
        )

    async def _task_completed(self, tenant: str, delivery: Delivery) -> None:
        event = delivery.parse(work_pb2.TaskCompletedEvent)
        # What was found or captured is no job's own, and is for one node.
        lasting = event.task.startswith((analysis_task(""), capture_task("", "first"), capture_task("", "last")))
        result = work_pb2.Source(node=event.task.partition(":")[2] if lasting else "", blob=event.result)
        job = await self._move(
            TaskSignal(tenant, event.job, event.task, event.attempt),
            lambda job, at, now: transitions.task_completed(
                job, at, result, now, frame_count=event.frame_count, seconds=event.seconds, worker=event.worker
            ),
        )
        if not lasting and job is not None and _is_litter(job, event.job):
            await self._objects.delete(segment_key(tenant, event.job, event.result.digest))

    async def _generation_started(self, tenant: str, delivery: Delivery) -> None:
        event = delivery.parse(generator_work_pb2.GenerationStartedEvent)
        await self._move(
            TaskSignal(tenant, event.job, event.task, event.attempt),
            lambda job, at, now: transitions.task_started(job, at, "generator", now),
            whole_job=False,
        )

    async def _generation_progressed(self, tenant: str, delivery: Delivery) -> None:
        event = delivery.parse(generator_work_pb2.GenerationProgressedEvent)
        await self._move(
            TaskSignal(tenant, event.job, event.task, event.attempt),
            lambda job, at, now: transitions.task_progressed(
                job, at, now, steps_done=event.steps_done, steps_total=event.steps_total
            ),
            whole_job=False,
        )

    async def _generation_completed(self, tenant: str, delivery: Delivery) -> None:
        event = delivery.parse(generator_work_pb2.GenerationCompletedEvent)
        node = event.task.partition(":")[2]
        made = [event.provenance] if event.HasField("provenance") else []
        result = work_pb2.Source(node=node, blob=event.result, media=event.media, generations=told(made))
        await self._move(
            TaskSignal(tenant, event.job, event.task, event.attempt),
            lambda job, at, now: transitions.task_completed(job, at, result, now),
        )

    async def _assembly_started(self, tenant: str, delivery: Delivery) -> None:
        event = delivery.parse(media_work_pb2.AssemblyStartedEvent)
        await self._move(
            TaskSignal(tenant, event.job, event.task, event.attempt),
            lambda job, at, now: transitions.task_started(job, at, "media", now),
            whole_job=False,
        )

    async def _assembly_completed(self, tenant: str, delivery: Delivery) -> None:
        event = delivery.parse(media_work_pb2.AssemblyCompletedEvent)
        result = work_pb2.Source(blob=event.asset.blob, media=event.asset.media)
        await self._move(
            TaskSignal(tenant, event.job, event.task, event.attempt),
            lambda job, at, now: transitions.task_completed(job, at, result, now, output_asset=event.asset.name),
        )

    async def _failed(
        self,
        kind: type[work_pb2.TaskFailedEvent]
        | type[generator_work_pb2.GenerationFailedEvent]
        | type[media_work_pb2.AssemblyFailedEvent],
        tenant: str,
        delivery: Delivery,
    ) -> None:
        event = delivery.parse(kind)
        worker, settled = "", False
        if isinstance(event, work_pb2.TaskFailedEvent):
            worker, settled = event.worker, event.settled
        await self._move(
            TaskSignal(tenant, event.job, event.task, event.attempt),
            lambda job, at, now: transitions.task_failed(job, at, event.failure, now, worker=worker, settled=settled),
        )


class EndHandler:
    """Clears up after a job that has ended."""

    def __init__(self, store: JobStore, objects: ObjectStore, control: WorkControl) -> None:
        self._store = store
        self._objects = objects
        self._control = control

    async def handle(self, delivery: Delivery) -> None:
        """A message on one of `ENDED_SUBJECTS`."""
        event = delivery.parse(work_pb2.JobEndedEvent)
        parsed = parse_run_name(event.job)
        job = await self._store.get(event.actor.tenant, parsed[0]) if parsed is not None else None
        if job is None or job.run_name != event.job or not job.state.ended:
            return
        if job.state is not JobState.SUCCEEDED:
            await self._control.cancel(job.run_name)
            for task in job.ordered_tasks():
                if task.generation and task.state is TaskState.CANCELLED:
                    await self._control.cancel(task.generation)
        if job.state is not JobState.FAILED:
            # A failed job keeps its segments for a while: a retry goes on from them.
            await delete_segments(self._objects, job)


def _is_litter(job: Job, run: str) -> bool:
    """Whether a segment of this run, reported only now, has no reader any more."""
    return run != job.run_name or job.state in (JobState.SUCCEEDED, JobState.CANCELLED)
