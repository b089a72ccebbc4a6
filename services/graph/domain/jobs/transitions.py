"""How a render job moves: pure functions from a job and something that happened to the job's next state.

    job    QUEUED ──first task starts──▶ RUNNING ──all tasks succeeded──▶ SUCCEEDED
              │                            │ ├──a task failed──▶ FAILED ──┐
              └──────────cancel────────────┴─┴──────▶ CANCELLED ──────────┤
              ▲────────────────────────── retry (a new run) ──────────────┘

    task   PENDING ──dependencies met──▶ READY ──its turn──▶ QUEUED ──▶ RUNNING ──▶ SUCCEEDED | FAILED | CANCELLED
                                           ▲                   ▲──requeue──┘ │
                                           └──────────tried again────────────┘

What render workers do waits in READY for its turn (see `shares`); generations and assemblies, which other services plan
among themselves, are queued as soon as they are ready.

Every function may be called with anything, any number of times and in any order, since the queue redelivers and
reorders: a signal that is stale (an earlier run, an ended task, an ended job) changes nothing and returns empty
`Changes`. Renders are deterministic, so the first completion of a task wins, whichever attempt it comes from; a failure
counts only for the attempt that is current.

The job given is changed in place. `Changes` tells what to store, to dispatch, to announce and to stop, all of which
belongs in the one transaction that stores the job.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import work_pb2
from libs.chassis.errors import FailedPrecondition
from services.graph.domain.jobs import blame, costs
from services.graph.domain.jobs.blame import Blame
from services.graph.domain.jobs.changes import Announcement, Changes, Settlement, Signal
from services.graph.domain.jobs.job import Counters, Job, JobState, Task, TaskKind, TaskState, count

ANNOUNCE_INTERVAL = timedelta(seconds=0.25)
"""Progress of one job is announced no more often than this."""


Transition = Callable[[Job, Signal, datetime], Changes]
"""One of the functions below, bound to what a worker said."""


def release(job: Job, charges: Mapping[str, float], now: datetime) -> Changes:
    """It is the turn of these tasks, each charged with its estimated cost: hand them to the workers."""
    changes = Changes()
    for task_id, cost in charges.items():
        task = job.tasks.get(task_id)
        if task is None or job.state.ended or not task.is_due(now):
            continue
        _update(job, changes, task, now, state=TaskState.QUEUED, due_time=None, cost=cost)
        changes.dispatch.append(task)
    if changes.dispatch:
        job.turn_time = now
    return changes


def begin(job: Job, now: datetime) -> Changes:
    """Start a new job: everything that waits for nothing is dispatched."""
    changes = Changes(tasks=dict(job.tasks))
    job.counters = count(job.tasks)
    _dispatch_ready(job, changes, now)
    _announce(job, changes, now)
    return changes


def task_started(job: Job, signal: Signal, worker: str, now: datetime) -> Changes:
    """A worker took the task, or took it over from one that was lost."""
    changes = Changes()
    task = _active(job, signal)
    if task is None or task.attempt != signal.attempt:
        return changes
    if task.state is TaskState.RUNNING and task.worker == worker:
        return changes
    losses = task.losses
    if task.kind.rendered and task.state is TaskState.RUNNING and task.worker:
        losses += 1
        if losses > blame.LOSSES_ALLOWED:
            return _fail(job, changes, task, blame.lost_too_often(task, losses), worker, now)
    start = task.start_time or now
    _update(job, changes, task, now, state=TaskState.RUNNING, worker=worker, start_time=start, losses=losses)
    _mark_running(job, now)
    _announce(job, changes, now, task)
    return changes


def task_progressed(
    job: Job, signal: Signal, now: datetime, *, frames_done: int = 0, steps_done: int = 0, steps_total: int = 0
) -> Changes:
    """A worker is alive and has come this far. Progress never goes back within a run."""
    changes = Changes()
    task = _active(job, signal)
    if task is None or task.attempt != signal.attempt:
        return changes
    _update(
        job,
        changes,
        task,
        now,
        state=TaskState.RUNNING,
        start_time=task.start_time or now,
        frames_done=min(max(task.frames_done, frames_done), task.frame_count),
        steps_total=steps_total or task.steps_total,
        steps_done=max(task.steps_done, steps_done),
    )
    _mark_running(job, now)
    if job.progress_time is None or now - job.progress_time >= ANNOUNCE_INTERVAL:
        job.progress_time = now
        _announce(job, changes, now, task)
    return changes


def task_completed(
    job: Job,
    signal: Signal,
    result: work_pb2.Source,
    now: datetime,
    *,
    frame_count: int = 0,
    seconds: float = 0.0,
    worker: str = "",
    output_asset: str = "",
) -> Changes:
    """The task's result is safe. Dispatches what has waited for it; ends the job with its last task.

    `seconds` is what it took a worker, zero when that is not known.
    """
    changes = Changes()
    task = _active(job, signal, tried_again=True)
    if task is None or signal.attempt > task.attempt:
        return changes
    if task.kind is TaskKind.FRAMES and frame_count != task.frame_count:
        failure = types_pb2.Failure(
            reason="ERROR_REASON_INTERNAL",
            message=f"frames {task.first_frame} to {task.first_frame + task.frame_count - 1}: "
            f"{frame_count} frames were rendered instead of {task.frame_count}",
            metadata={"task": task.id},
        )
        return _fail(job, changes, task, failure, worker, now)
    if task.kind.rendered and seconds > 0:
        changes.settled.append(Settlement(task, task.cost, seconds))
    if task.kind is TaskKind.FRAMES and seconds > 0:
        job.frame_seconds = costs.learnt(job.frame_seconds or None, seconds / task.frame_count)
    _update(
        job,
        changes,
        task,
        now,
        state=TaskState.SUCCEEDED,
        failure=None,
        cost=seconds or task.cost,
        result=result,
        worker=worker or task.worker,
        start_time=task.start_time or now,
        end_time=now,
        frames_done=task.frame_count if task.kind is TaskKind.FRAMES else task.frames_done,
        steps_done=task.steps_total,
    )
    _mark_running(job, now)
    if task.kind is TaskKind.ASSEMBLY:
        job.output_asset = output_asset
    _announce(job, changes, now, task)
    if all(other.state is TaskState.SUCCEEDED for other in job.tasks.values()):
        _end(job, changes, JobState.SUCCEEDED, now)
    else:
        _dispatch_ready(job, changes, now)
    return changes


def task_failed(
    job: Job, signal: Signal, failure: types_pb2.Failure, now: datetime, *, worker: str = "", settled: bool = False
) -> Changes:
    """An attempt at the task failed: it is tried again as far as `blame` has it, or the job fails and is stopped.

    `settled` means that whoever failed has made sure that no other attempt does better.
    """
    changes = Changes()
    task = _active(job, signal)
    if task is None or task.attempt != signal.attempt:
        return changes
    fault = blame.blame_of(failure)
    failures = task.failures + 1
    if fault is Blame.SYSTEM and task.kind is not TaskKind.GENERATION:
        outages = task.outages + 1
        pause = blame.outage_pause(outages)
        return _again(job, changes, task, blame.placed(task, failure), now, pause, outages=outages)
    # The services that generate and join have tried by themselves as often as it is worth.
    if fault is Blame.WORKER and task.kind.rendered and not settled and failures < blame.ATTEMPTS:
        pause = blame.retry_pause(failures)
        avoid = tuple(dict.fromkeys((*task.avoid, worker or task.worker)))
        placed = blame.placed(task, failure, failures)
        return _again(job, changes, task, placed, now, pause, failures=failures, avoid=avoid)
    return _fail(job, changes, task, blame.placed(task, failure, failures), worker, now)


def cancel(job: Job, now: datetime) -> Changes:
    """Stop the job. One that has ended stays as it is."""
    changes = Changes()
    if not job.state.ended:
        _stop_unfinished(job, changes, now)
        _end(job, changes, JobState.CANCELLED, now)
    return changes


def retry(job: Job, kept: Collection[str], now: datetime, new_generation: Callable[[], str]) -> Changes:
    """Begin another run of a job that failed or was cancelled.

    Results of generations, captures and analyses are kept; those of frames and audio if their ids are in `kept`, that
    is if their segments are in the new run's folder. All else is done again.

    Raises:
        FailedPrecondition: the job has not ended, or has succeeded.
    """
    if job.state not in (JobState.FAILED, JobState.CANCELLED):
        raise FailedPrecondition(
            f"{job.name} is {job.state}: only a job that failed or was cancelled can be retried",
            reason="ERROR_REASON_STATE_CONFLICT",
            metadata={"resource": job.name, "state": f"STATE_{job.state.name}"},
        )
    changes = Changes()
    job.run += 1
    job.state = JobState.QUEUED
    job.failure = None
    job.output_asset = ""
    job.end_time = None
    job.swept = False
    for task in job.ordered_tasks():
        if task.state is TaskState.SUCCEEDED and (task.kind.ahead or task.id in kept):
            continue
        _update(
            job,
            changes,
            task,
            now,
            state=TaskState.PENDING,
            # The run's name keeps its work items apart from those of the one before.
            attempt=1,
            failures=0,
            losses=0,
            outages=0,
            avoid=(),
            due_time=None,
            cost=0.0,
            frames_done=0,
            steps_done=0,
            result=None,
            failure=None,
            worker="",
            start_time=None,
            end_time=None,
            generation=new_generation() if task.kind is TaskKind.GENERATION else "",
        )
    _dispatch_ready(job, changes, now)
    _announce(job, changes, now)
    return changes


def requeue(job: Job, task_id: str, now: datetime) -> Changes:
    """The task's work item is lost: queue another, or give up after too many."""
    changes = Changes()
    task = job.tasks.get(task_id)
    if job.state.ended or task is None or task.state not in (TaskState.QUEUED, TaskState.RUNNING):
        return changes
    losses = task.losses + 1
    if losses > blame.LOSSES_ALLOWED:
        return _fail(job, changes, task, blame.lost_too_often(task, losses), task.worker, now)
    _update(job, changes, task, now, state=TaskState.QUEUED, attempt=task.attempt + 1, losses=losses, worker="")
    changes.dispatch.append(task)
    _announce(job, changes, now, task)
    return changes


def _active(job: Job, signal: Signal, *, tried_again: bool = False) -> Task | None:
    """The task a signal speaks of, if it is being worked on in the job's current run.

    With `tried_again` also one that waits for another attempt, spoken of by an earlier one.
    """
    if job.state.ended or signal.run != job.run:
        return None
    task = job.tasks.get(signal.task)
    if task is None:
        return None
    late = tried_again and task.state is TaskState.READY and signal.attempt < task.attempt
    return task if late or task.state in (TaskState.QUEUED, TaskState.RUNNING) else None


def _update(job: Job, changes: Changes, task: Task, now: datetime, **fields: object) -> None:
    before = count({task.id: task})
    for name, value in fields.items():
        setattr(task, name, value)
    task.touch_time = now
    after = count({task.id: task})
    for counter in dataclasses.fields(Counters):
        total = getattr(job.counters, counter.name) + getattr(after, counter.name) - getattr(before, counter.name)
        setattr(job.counters, counter.name, total)
    changes.tasks[task.id] = task


def _mark_running(job: Job, now: datetime) -> None:
    job.start_time = job.start_time or now
    job.state = JobState.RUNNING


def _dispatch_ready(job: Job, changes: Changes, now: datetime) -> None:
    for task in job.ordered_tasks():
        if task.state is not TaskState.PENDING or not all(
            job.tasks[dependency].state is TaskState.SUCCEEDED for dependency in task.depends_on
        ):
            continue
        if task.kind.rendered:
            _update(job, changes, task, now, state=TaskState.READY)
            job.turn_time = now
        else:
            _update(job, changes, task, now, state=TaskState.QUEUED)
            changes.dispatch.append(task)


def _again(
    job: Job,
    changes: Changes,
    task: Task,
    failure: types_pb2.Failure,
    now: datetime,
    pause: timedelta,
    **counts: object,
) -> Changes:
    """Let the task wait for another turn, as another attempt."""
    _update(
        job,
        changes,
        task,
        now,
        state=TaskState.READY,
        attempt=task.attempt + 1,
        failure=failure,
        due_time=now + pause,
        **counts,
    )
    _announce(job, changes, now, task)
    return changes


def _fail(job: Job, changes: Changes, task: Task, failure: types_pb2.Failure, worker: str, now: datetime) -> Changes:
    worker = worker or task.worker
    _update(job, changes, task, now, state=TaskState.FAILED, failure=failure, worker=worker, end_time=now)
    _announce(job, changes, now, task)
    _stop_unfinished(job, changes, now)
    job.failure = failure
    _end(job, changes, JobState.FAILED, now)
    return changes


def _stop_unfinished(job: Job, changes: Changes, now: datetime) -> None:
    changes.stop.append(job.run_name)
    for task in job.ordered_tasks():
        if not task.state.ended:
            if task.generation and task.state is not TaskState.PENDING:
                changes.stop.append(task.generation)
            if task.kind.rendered and task.state is TaskState.QUEUED:
                changes.settled.append(Settlement(task, task.cost, 0.0))
            _update(job, changes, task, now, state=TaskState.CANCELLED, end_time=now)


def _end(job: Job, changes: Changes, state: JobState, now: datetime) -> None:
    job.state = state
    job.end_time = now
    changes.ended = True
    _announce(job, changes, now)


def _announce(job: Job, changes: Changes, now: datetime, task: Task | None = None) -> None:
    job.last_sequence += 1
    changes.announcements.append(
        Announcement(
            sequence=job.last_sequence,
            time=now,
            state=job.state,
            counters=dataclasses.replace(job.counters),
            task=dataclasses.replace(task) if task is not None else None,
            failure=job.failure,
            output_asset=job.output_asset,
        )
    )
