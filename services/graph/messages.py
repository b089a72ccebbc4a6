"""Jobs, tasks and events of the domain as the messages of the API."""

from __future__ import annotations

from fractions import Fraction

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import work_pb2 as generator_work_pb2
from artifex.graph.v1 import messages_pb2, work_pb2
from artifex.media.v1 import work_pb2 as media_work_pb2
from libs.chassis.clock import to_timestamp
from services.graph.domain.jobs.job import Counters, Job, JobState, Task
from services.graph.domain.jobs.transitions import Announcement

WorkItem = work_pb2.FramesWork | work_pb2.AudioWork | generator_work_pb2.GenerateWork | media_work_pb2.AssembleWork


def rational(value: Fraction) -> types_pb2.Rational:
    return types_pb2.Rational(numerator=value.numerator, denominator=value.denominator)


def job_state(state: JobState) -> messages_pb2.RenderJob.State.ValueType:
    return messages_pb2.RenderJob.State.Value(f"STATE_{state.name}")


def parse_job_state(value: messages_pb2.RenderJob.State.ValueType) -> JobState:
    return JobState[messages_pb2.RenderJob.State.Name(value).removeprefix("STATE_")]


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


def placed_failure(failure: types_pb2.Failure, work: WorkItem) -> types_pb2.Failure:
    """The failure with its place in the movie; the same whether a worker tells of it or the queue gave the work up."""
    placed = types_pb2.Failure()
    placed.CopyFrom(failure)
    place = work.task
    placed.metadata["task"] = work.task
    if isinstance(work, work_pb2.FramesWork):
        last = work.first_frame + work.frame_count - 1
        place = f"frames {work.first_frame} to {last}"
        placed.metadata["first_frame"] = str(work.first_frame)
        placed.metadata["last_frame"] = str(last)
    placed.message = f"{place}: {failure.message}"
    return placed
