"""Jobs, tasks and events of the domain as the messages of the API."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import work_pb2 as generator_work_pb2
from artifex.graph.v1 import messages_pb2, work_pb2
from artifex.media.v1 import work_pb2 as media_work_pb2
from artifex.nodes import Role
from libs.chassis.clock import to_timestamp
from services.graph.domain.jobs.changes import Announcement
from services.graph.domain.jobs.explanation import Reason
from services.graph.domain.jobs.job import Counters, Job, JobState, Priority, Task
from services.graph.domain.jobs.workers import Worker

PRESENCE_GROUP = "render"
"""Under which render workers tell of themselves on the bus."""

WorkItem = (
    work_pb2.AnalyseWork
    | work_pb2.CaptureWork
    | work_pb2.FramesWork
    | work_pb2.AudioWork
    | generator_work_pb2.GenerateWork
    | media_work_pb2.AssembleWork
)


def rational(value: Fraction) -> types_pb2.Rational:
    return types_pb2.Rational(numerator=value.numerator, denominator=value.denominator)


def picture_role(role: Role) -> generator_work_pb2.GivenPicture.Role.ValueType:
    return generator_work_pb2.GivenPicture.Role.Value(f"ROLE_{role.upper()}")


def parse_picture_role(value: generator_work_pb2.GivenPicture.Role.ValueType) -> Role:
    return "first" if value == generator_work_pb2.GivenPicture.ROLE_FIRST else "last"


def job_state(state: JobState) -> messages_pb2.RenderJob.State.ValueType:
    return messages_pb2.RenderJob.State.Value(f"STATE_{state.name}")


def parse_job_state(value: messages_pb2.RenderJob.State.ValueType) -> JobState:
    return JobState[messages_pb2.RenderJob.State.Name(value).removeprefix("STATE_")]


def parse_priority(value: messages_pb2.Priority.ValueType) -> Priority:
    if value == messages_pb2.PRIORITY_UNSPECIFIED:
        return Priority.NORMAL
    return Priority[messages_pb2.Priority.Name(value).removeprefix("PRIORITY_")]


def progress_message(counters: Counters) -> messages_pb2.Progress:
    return messages_pb2.Progress(
        frames_done=counters.frames_done,
        frames_total=counters.frames_total,
        tasks_done=counters.tasks_done,
        tasks_total=counters.tasks_total,
        steps_done=counters.steps_done,
        steps_total=counters.steps_total,
    )


def task_message(task: Task) -> messages_pb2.RenderTask:
    return messages_pb2.RenderTask(
        id=task.id,
        kind=messages_pb2.RenderTask.Kind.Value(f"KIND_{task.kind.name}"),
        state=messages_pb2.RenderTask.State.Value(f"STATE_{task.state.name}"),
        attempt=task.attempt,
        first_frame=task.first_frame,
        frame_count=task.frame_count,
        start_time=to_timestamp(task.start_time) if task.start_time else None,
        end_time=to_timestamp(task.end_time) if task.end_time else None,
        failure=task.failure,
        worker=task.worker,
        due_time=to_timestamp(task.due_time) if task.due_time else None,
    )


def job_message(job: Job) -> messages_pb2.RenderJob:
    """The whole job, with the tasks that it holds."""
    return messages_pb2.RenderJob(
        name=job.name,
        display_name=job.display_name,
        state=job_state(job.state),
        progress=progress_message(job.counters),
        tasks=[task_message(task) for task in job.ordered_tasks()],
        output_asset=job.output_asset,
        failure=job.failure,
        create_time=to_timestamp(job.create_time),
        start_time=to_timestamp(job.start_time) if job.start_time else None,
        end_time=to_timestamp(job.end_time) if job.end_time else None,
        create_user=f"users/{job.create_user}",
        trace_id=job.trace_id,
        document_digest=job.document.digest,
        frame_count=job.frame_count,
        frame_rate=rational(job.frame_rate),
        priority=messages_pb2.Priority.Value(f"PRIORITY_{job.priority.name}"),
        chunk_frames=job.chunk_frames,
    )


def event_message(announcement: Announcement) -> messages_pb2.RenderEvent:
    return messages_pb2.RenderEvent(
        sequence=announcement.sequence,
        time=to_timestamp(announcement.time),
        state=job_state(announcement.state),
        progress=progress_message(announcement.counters),
        task=task_message(announcement.task) if announcement.task is not None else None,
        failure=announcement.failure,
        output_asset=announcement.output_asset,
    )


def worker_message(worker: Worker, now: datetime) -> messages_pb2.Worker:
    resting = worker.rest_until is not None and worker.rest_until > now
    return messages_pb2.Worker(
        name=f"workers/{worker.id}",
        host=worker.host,
        state=messages_pb2.Worker.State.Value(f"STATE_{worker.state(now).name}"),
        slots=worker.slots,
        busy=worker.busy,
        kinds=worker.kinds,
        memory_bytes=worker.memory_bytes,
        threads=worker.threads,
        cores=worker.cores,
        cpu_features=worker.cpu_features,
        version=worker.version,
        node_types=worker.node_types,
        start_time=to_timestamp(worker.start_time),
        heard_time=to_timestamp(worker.heard_time),
        tasks_done=worker.tasks_done,
        tasks_failed=worker.tasks_failed,
        rest_until_time=to_timestamp(worker.rest_until) if resting and worker.rest_until else None,
        rest_reason=worker.rest_reason if resting else "",
    )


def worker_id(worker: messages_pb2.Worker) -> str:
    """Host and process, as tasks name the worker."""
    return worker.name.removeprefix("workers/")


def reason_message(reason: Reason) -> messages_pb2.JobReason:
    return messages_pb2.JobReason(
        kind=messages_pb2.JobReason.Kind.Value(f"KIND_{reason.kind.name}"),
        message=reason.message,
        remedy=reason.remedy,
        tasks=reason.tasks,
        workers=reason.workers,
        until_time=to_timestamp(reason.until) if reason.until else None,
        failure=reason.failure,
    )
