"""Work items: what a task asks of the workers, and on which queue.

A work item carries references and never pixels. Its key names run, task and attempt, so that the queue keeps one
however often it is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from google.protobuf.message import Message
from opentelemetry import context

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import work_pb2 as generator_work_pb2
from artifex.graph.v1 import messages_pb2, work_pb2
from artifex.media.v1 import messages_pb2 as media_pb2
from artifex.media.v1 import work_pb2 as media_work_pb2
from artifex.provenance import DETAIL, heard, told
from libs.chassis.telemetry import extract, tracer
from libs.frames.codecs.movies import extension
from services.graph.domain.jobs.changes import Changes
from services.graph.domain.jobs.job import Job, Task, TaskKind, captured
from services.graph.messages import job_state, picture_role, rational
from services.graph.ports import JobTransaction

WORK_KINDS = {
    TaskKind.GENERATION: "generate",
    TaskKind.ANALYSIS: "analyse",
    TaskKind.CAPTURE: "capture",
    TaskKind.FRAMES: "frames",
    TaskKind.AUDIO: "audio",
    TaskKind.ASSEMBLY: "assemble",
}
"""The second part of a work item's subject, `work.<kind>.<priority>`."""

_tracer = tracer(__name__)


@contextmanager
def job_trace(job: Job) -> Iterator[None]:
    """Within the block, spans and messages belong to the trace in which the job was submitted."""
    token = context.attach(extract({"traceparent": job.traceparent}))
    try:
        yield
    finally:
        context.detach(token)


async def queue_changes(transaction: JobTransaction, job: Job, changes: Changes) -> None:
    """Queue the work items that became due, and say so when the job has ended."""
    if changes.dispatch:
        attributes = {"artifex.job": job.name, "artifex.tasks": [task.id for task in changes.dispatch[:20]]}
        with _tracer.start_as_current_span("dispatch tasks", attributes=attributes):
            for task in changes.dispatch:
                subject = f"work.{WORK_KINDS[task.kind]}.{job.priority.name.lower()}"
                await transaction.queue(subject, work_item(job, task), work_key(job, task))
    if changes.ended:
        ended = work_pb2.JobEndedEvent(
            actor=_actor(job),
            job=job.run_name,
            state=messages_pb2.RenderJob.State.Name(job_state(job.state)),
            output_asset=job.output_asset,
        )
        await transaction.queue(f"evt.{job.tenant}.graph.job.ended", ended, f"{job.run_name}/ended")


def work_key(job: Job, task: Task) -> str:
    """What names the work item of a task's present attempt in its queue."""
    return f"{job.run_name}/{task.id}/{task.attempt}/work"


def work_item(job: Job, task: Task) -> Message:
    """The message that a worker needs in order to do the task without asking anybody."""
    if task.kind is TaskKind.GENERATION:
        return generator_work_pb2.GenerateWork(
            actor=_actor(job),
            generation=task.generation,
            spec=task.spec,
            job=job.run_name,
            task=task.id,
            attempt=task.attempt,
            pictures=_pictures(job, task),
        )
    if task.kind is TaskKind.CAPTURE:
        node, role = captured(task.id)
        return work_pb2.CaptureWork(**_evaluation(job, task), node=node, role=picture_role(role))
    if task.kind is TaskKind.ANALYSIS:
        return work_pb2.AnalyseWork(**_evaluation(job, task), node=task.id.partition(":")[2])
    if task.kind is TaskKind.FRAMES:
        return work_pb2.FramesWork(**_evaluation(job, task), first_frame=task.first_frame, frame_count=task.frame_count)
    if task.kind is TaskKind.AUDIO:
        return work_pb2.AudioWork(**_evaluation(job, task))
    return _assemble_work(job, task)


def _evaluation(job: Job, task: Task) -> dict[str, Any]:
    """What every work item tells that render workers do."""
    return {
        "actor": _actor(job),
        "job": job.run_name,
        "task": task.id,
        "attempt": task.attempt,
        "document": job.document,
        "output_node": job.output_node,
        "sources": [work_pb2.Source(node=each.node, blob=each.blob, media=each.media) for each in _sources(job)],
        "avoid": task.avoid,
        "failures": task.failures,
        "analyses": _analyses(job, task),
    }


def _assemble_work(job: Job, task: Task) -> media_work_pb2.AssembleWork:
    segments: list[media_work_pb2.Segment] = []
    audio: media_work_pb2.Segment | None = None
    for part in job.ordered_tasks():
        if part.kind in (TaskKind.FRAMES, TaskKind.AUDIO) and part.result is not None:
            segment = media_work_pb2.Segment(blob=part.result.blob, frame_count=part.frame_count)
            if part.kind is TaskKind.FRAMES:
                segments.append(segment)
            else:
                audio = segment
    return media_work_pb2.AssembleWork(
        actor=_actor(job),
        job=job.run_name,
        task=task.id,
        attempt=task.attempt,
        segments=segments,
        audio=audio,
        container=extension(job.output_name),
        display_name=job.output_name,
        frame_rate=rational(job.frame_rate),
        frame_count=job.frame_count,
        provenance=_provenance(job),
    )


def _provenance(job: Job) -> media_pb2.Provenance:
    """All that the movie follows from: the document, the bytes of what it reads, and what made its generated clips."""
    details = {
        "document_digest": job.document.digest,
        "output_node": job.output_node,
        "chunk_frames": str(job.chunk_frames),
    }
    for source in _sources(job):
        details[f"source.{source.node}"] = source.blob.digest
    for task in job.ordered_tasks():
        if task.generation:
            details[f"generation.{task.id}"] = task.generation
        if task.kind is TaskKind.CAPTURE and task.result is not None:
            details[task.id] = task.result.blob.digest
    made = [clip for source in sorted(_sources(job), key=lambda each: each.node) for clip in heard(source.generations)]
    if made:
        details[DETAIL] = told(made)
    return media_pb2.Provenance(origin="render", source=job.name, trace_id=job.trace_id, details=details)


def _sources(job: Job) -> list[work_pb2.Source]:
    generated = [
        task.result for task in job.ordered_tasks() if task.kind is TaskKind.GENERATION and task.result is not None
    ]
    return [*job.sources, *generated]


def _analyses(job: Job, task: Task) -> list[work_pb2.AnalysisResult]:
    """What was found of the clip for the task."""
    found = [job.tasks[name] for name in task.depends_on if job.tasks[name].kind is TaskKind.ANALYSIS]
    return [
        work_pb2.AnalysisResult(node=other.result.node, blob=other.result.blob)
        for other in found
        if other.result is not None
    ]


def _pictures(job: Job, task: Task) -> list[generator_work_pb2.GivenPicture]:
    """What was captured for a generation."""
    found = [job.tasks[name] for name in task.depends_on if job.tasks[name].kind is TaskKind.CAPTURE]
    return [
        generator_work_pb2.GivenPicture(role=picture_role(captured(other.id)[1]), blob=other.result.blob)
        for other in found
        if other.result is not None
    ]


def _actor(job: Job) -> types_pb2.Actor:
    return types_pb2.Actor(tenant=job.tenant, subject=job.create_user)
