"""Jobs and tasks as rows of the graph service's tables, and back."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

from sqlalchemy import Row

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import messages_pb2 as generator_pb2
from artifex.graph.v1 import work_pb2
from services.graph.domain.jobs.job import Counters, Job, JobState, Priority, Task, TaskKind, TaskState

_COUNTERS = tuple(field.name for field in dataclasses.fields(Counters))


def job_of(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        tenant=row.tenant,
        create_user=row.create_user,
        display_name=row.display_name,
        document=types_pb2.Blob.FromString(row.document),
        output_node=row.output_node,
        output_name=row.output_name,
        sources=tuple(work_pb2.AudioWork.FromString(row.sources).sources),
        frame_rate=Fraction(row.frame_rate_numerator, row.frame_rate_denominator),
        frame_count=row.frame_count,
        trace_id=row.trace_id,
        traceparent=row.traceparent,
        create_time=row.create_time,
        priority=Priority(row.priority),
        chunk_frames=row.chunk_frames,
        shape=row.shape,
        work=row.work,
        frame_seconds=row.frame_seconds,
        counters=Counters(**{name: getattr(row, name) for name in _COUNTERS}),
        state=JobState(row.state),
        run=row.run,
        last_sequence=row.last_sequence,
        output_asset=row.output_asset,
        failure=None if row.failure is None else types_pb2.Failure.FromString(row.failure),
        start_time=row.start_time,
        end_time=row.end_time,
        progress_time=row.progress_time,
        turn_time=row.turn_time,
        swept=row.swept,
    )


def job_columns(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "tenant": job.tenant,
        "create_user": job.create_user,
        "display_name": job.display_name,
        "document": job.document.SerializeToString(),
        "output_node": job.output_node,
        "output_name": job.output_name,
        # A list of messages is stored as the message that has just such a list.
        "sources": work_pb2.AudioWork(sources=job.sources).SerializeToString(),
        "frame_rate_numerator": job.frame_rate.numerator,
        "frame_rate_denominator": job.frame_rate.denominator,
        "frame_count": job.frame_count,
        "trace_id": job.trace_id,
        "traceparent": job.traceparent,
        "create_time": job.create_time,
        "priority": int(job.priority),
        "document_digest": job.document.digest,
        "chunk_frames": job.chunk_frames,
        "shape": job.shape,
        "work": job.work,
        **job_state_columns(job),
    }


def job_state_columns(job: Job) -> dict[str, Any]:
    return {
        "state": job.state.value,
        "run": job.run,
        "last_sequence": job.last_sequence,
        "output_asset": job.output_asset,
        "failure": None if job.failure is None else job.failure.SerializeToString(),
        "start_time": job.start_time,
        "end_time": job.end_time,
        "progress_time": job.progress_time,
        "turn_time": job.turn_time,
        "frame_seconds": job.frame_seconds,
        "swept": job.swept,
        **dataclasses.asdict(job.counters),
    }


def task_of(row: Row[Any]) -> Task:
    return Task(
        id=row.id,
        kind=TaskKind(row.kind),
        position=row.position,
        depends_on=tuple(row.depends_on),
        first_frame=row.first_frame,
        frame_count=row.frame_count,
        steps_total=row.steps_total,
        spec=None if row.spec is None else generator_pb2.GenerationSpec.FromString(row.spec),
        generation=row.generation,
        state=TaskState(row.state),
        attempt=row.attempt,
        failures=row.failures,
        losses=row.losses,
        outages=row.outages,
        avoid=tuple(row.avoid),
        due_time=row.due_time,
        cost=row.cost,
        frames_done=row.frames_done,
        steps_done=row.steps_done,
        result=None if row.result is None else work_pb2.Source.FromString(row.result),
        failure=None if row.failure is None else types_pb2.Failure.FromString(row.failure),
        worker=row.worker,
        start_time=row.start_time,
        end_time=row.end_time,
        touch_time=row.touch_time,
    )


def task_columns(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "position": task.position,
        "kind": task.kind.value,
        "depends_on": list(task.depends_on),
        "first_frame": task.first_frame,
        "frame_count": task.frame_count,
        "spec": None if task.spec is None else task.spec.SerializeToString(),
        **task_state_columns(task),
    }


def task_state_columns(task: Task) -> dict[str, Any]:
    return {
        "steps_total": task.steps_total,
        "generation": task.generation,
        "state": task.state.value,
        "attempt": task.attempt,
        "failures": task.failures,
        "losses": task.losses,
        "outages": task.outages,
        "avoid": list(task.avoid),
        "due_time": task.due_time,
        "cost": task.cost,
        "frames_done": task.frames_done,
        "steps_done": task.steps_done,
        "result": None if task.result is None else task.result.SerializeToString(),
        "failure": None if task.failure is None else task.failure.SerializeToString(),
        "worker": task.worker,
        "start_time": task.start_time,
        "end_time": task.end_time,
        "touch_time": task.touch_time,
    }
