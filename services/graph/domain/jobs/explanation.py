"""Why a job waits, or what is done for it: sentences made of facts, each with its remedy.

Pure: what is known is given, and nothing is said that does not follow from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from artifex.common.v1 import types_pb2
from services.graph.domain.jobs import blame, shares
from services.graph.domain.jobs.blame import Blame
from services.graph.domain.jobs.job import Job, JobState, Priority, Task, TaskKind, TaskState, captured
from services.graph.domain.jobs.shares import Waiting
from services.graph.domain.jobs.workers import Farm, Worker, WorkerState

_NAMED = 3
"""So many workers are named; of more only their number is told."""


class Kind(StrEnum):
    RENDERING = "rendering"
    STARTING = "starting"
    NO_WORKER = "no_worker"
    WORKERS_RESTING = "workers_resting"
    WORKERS_BUSY = "workers_busy"
    OVER_SHARE = "over_share"
    BEHIND_ANOTHER_JOB = "behind_another_job"
    WAITING_FOR_GENERATION = "waiting_for_generation"
    WAITING_FOR_ANALYSIS = "waiting_for_analysis"
    WAITING_FOR_ASSEMBLY = "waiting_for_assembly"
    RETRYING = "retrying"
    WORKER_LOST = "worker_lost"
    BUS_AWAY = "bus_away"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Reason:
    """One thing that is true of the job now."""

    kind: Kind
    message: str
    remedy: str = ""
    tasks: Sequence[str] = ()
    workers: Sequence[str] = ()
    until: datetime | None = None
    failure: types_pb2.Failure | None = None


@dataclass(frozen=True)
class Facts:
    """What is known at one moment."""

    job: Job
    """With all its tasks."""
    farm: Farm
    bus_answers: bool
    out: Mapping[str, int]
    """By tenant, how many tasks are handed to render workers and not done."""
    waiting: Sequence[Waiting]
    """Of each tenant the job that is next in turn."""
    weights: Mapping[str, float]


def explain(facts: Facts) -> list[Reason]:
    """All reasons, the most telling first; never none."""
    if facts.job.state.ended:
        return [_ended(facts.job)]
    running, due = _analyses(facts.job)
    reasons = [
        *_bus(facts),
        *_rendering(facts),
        *_elsewhere(facts.job),
        *running,
        *_waiting(facts),
        *due,
        *_retrying(facts),
    ]
    # Between two transactions there may be nothing to tell, such as while a result is on its way.
    return reasons or [Reason(Kind.STARTING, "its next step begins within a moment")]


def _ended(job: Job) -> Reason:
    if job.state is JobState.SUCCEEDED:
        return Reason(Kind.SUCCEEDED, f"the movie is done: {job.output_asset}")
    if job.state is JobState.CANCELLED:
        remedy = f"`artifex jobs retry {job.id}` runs it again"
        return Reason(Kind.CANCELLED, "it was cancelled", remedy)
    failure = job.failure or types_pb2.Failure()
    retry = f"`artifex jobs retry {job.id}` goes on from what is rendered"
    remedies = {
        Blame.USER: "change the graph or its media, and render it anew",
        Blame.WORKER: f"if the graph or its media are at fault, change them; else {retry}",
        Blame.SYSTEM: f"when it answers again, {retry}",
    }
    fault = blame.blame_of(failure)
    task = [failure.metadata["task"]] if "task" in failure.metadata else []
    return Reason(Kind.FAILED, f"it failed: {failure.message}", remedies[fault], tasks=task, failure=failure)


def _bus(facts: Facts) -> list[Reason]:
    if facts.bus_answers:
        return []
    return [Reason(Kind.BUS_AWAY, "the message bus does not answer: work and results wait", "look after nats-server")]


def _rendering(facts: Facts) -> list[Reason]:
    job, farm = facts.job, facts.farm
    states = {worker.id: worker.state(farm.now) for worker in farm.workers}
    running = [task for task in job.ordered_tasks() if task.kind.rendered and task.state is TaskState.RUNNING]
    lost = [task for task in running if states.get(task.worker) is WorkerState.LOST]
    at_work = [task for task in running if task not in lost and task.kind is not TaskKind.ANALYSIS]
    reasons = []
    if at_work:
        names = _distinct(task.worker for task in at_work)
        done, total = job.counters.frames_done, job.counters.frames_total
        message = f"{_tasks(at_work)} {_are(at_work)} rendered by {_named(names)}"
        # Of sound alone there are no frames.
        message += f"; {done} of {total} frames are done" if total else ""
        reasons.append(Reason(Kind.RENDERING, message, tasks=_ids(at_work), workers=names))
    if lost:
        names = _distinct(task.worker for task in lost)
        message = f"{_named(names)} fell silent at {_tasks(lost)}: another worker begins anew within seconds"
        reasons.append(Reason(Kind.WORKER_LOST, message, tasks=_ids(lost), workers=names))
    return reasons


def _elsewhere(job: Job) -> list[Reason]:
    """What waits for the services that generate and join."""
    reasons = []
    for task in job.ordered_tasks():
        if task.state not in (TaskState.QUEUED, TaskState.RUNNING) or task.kind.rendered:
            continue
        begun = task.state is TaskState.RUNNING
        if task.kind is TaskKind.GENERATION:
            shot = task.id.partition(":")[2]
            how = f"is at step {task.steps_done} of {task.steps_total}" if begun else "waits for the generator"
            remedy = "" if begun else "look whether the generator and its models are up, should it last"
            message = f'the clip of node "{shot}" must be generated first: it {how}'
            reasons.append(Reason(Kind.WAITING_FOR_GENERATION, message, remedy, tasks=[task.id]))
        else:
            how = "are being joined to a movie" if begun else "wait to be joined by the media service"
            remedy = "" if begun else "look whether the media service is up, should it last"
            reasons.append(
                Reason(Kind.WAITING_FOR_ASSEMBLY, f"all parts are rendered and {how}", remedy, tasks=[task.id])
            )
    return reasons


def _analyses(job: Job) -> tuple[list[Reason], list[Reason]]:
    """What waits for a look at the whole clip: by analyses that run, and by those that wait for their turn."""
    running: list[Reason] = []
    due: list[Reason] = []
    for task in job.ordered_tasks():
        if task.kind is not TaskKind.ANALYSIS or task.state is TaskState.PENDING or task.state.ended:
            continue
        begun = task.state is TaskState.RUNNING
        waiting = [other for other in job.ordered_tasks() if task.id in other.depends_on and not other.state.ended]
        how = "it waits for its turn"
        if begun:
            seen = f", {task.frames_done} of {task.frame_count} frames are seen" if task.frame_count else ""
            how = f"{task.worker or 'a worker'} is at it{seen}"
        message = f"{_tasks(waiting)} {_wait(waiting)} for {_tasks([task])}, which needs the whole clip first: {how}"
        reason = Reason(
            Kind.WAITING_FOR_ANALYSIS,
            message,
            tasks=[task.id, *_ids(waiting)],
            workers=[task.worker] if begun and task.worker else (),
        )
        (running if begun else due).append(reason)
    return running, due


def _waiting(facts: Facts) -> list[Reason]:
    """Why tasks that could be rendered are not."""
    job, farm = facts.job, facts.farm
    rendered = [task for task in job.ordered_tasks() if task.kind.rendered]
    handed = [task for task in rendered if task.state is TaskState.QUEUED]
    ready = [task for task in rendered if task.is_due(farm.now)]
    waiting = [*handed, *ready]
    if not waiting:
        return []
    if not farm.present():
        return [_nobody(farm, waiting)]
    idle = [worker for worker in farm.present() if worker.state(farm.now) is WorkerState.IDLE]
    reasons = []
    if handed and (idle or not ready):
        reasons.append(_handed(handed, idle))
    if ready:
        reasons.append(_in_line(facts, ready, waiting))
        # The workers being shared, the tenant's own order is what is left to explain.
        ahead = next((each for each in facts.waiting if each.tenant == job.tenant and each.job != job.id), None)
        if ahead is not None:
            reasons.append(_behind(job, ahead, ready))
    if farm.resting():
        reasons.append(_resting(farm, []))
    return reasons


def _nobody(farm: Farm, waiting: Sequence[Task]) -> Reason:
    if farm.resting():
        return _resting(farm, waiting)
    message = f"{_tasks(waiting)} {_wait(waiting)}: no render worker is there"
    lost = farm.lost()
    if lost:
        latest = max(lost, key=lambda worker: worker.heard_time)
        message += f"; {latest.id} was heard of {_ago(farm.now, latest.heard_time)} ago"
    remedy = "start one with `python -m services.graph worker`, or look why it ends"
    return Reason(Kind.NO_WORKER, message, remedy, tasks=_ids(waiting), workers=[worker.id for worker in lost])


def _resting(farm: Farm, waiting: Sequence[Task]) -> Reason:
    resting = farm.resting()
    first = min((worker for worker in resting if worker.rest_until), key=lambda worker: worker.rest_until or farm.now)
    names = [worker.id for worker in resting]
    # Said last, where others work on.
    whose = "all render workers rest" if waiting else f"{_named(names)} {'rests' if len(names) == 1 else 'rest'}"
    message = f"{whose} after failures: {first.rest_reason}"
    remedy = f"{first.id} takes work again in {_in(farm.now, first.rest_until)}; look at its log and its machine"
    return Reason(Kind.WORKERS_RESTING, message, remedy, tasks=_ids(waiting), workers=names, until=first.rest_until)


def _handed(handed: Sequence[Task], idle: Sequence[Worker]) -> Reason:
    if idle:
        names = [worker.id for worker in idle]
        message = f"{_tasks(handed)} {_are(handed)} handed to the workers; {_named(names)} {_are(idle)} free to begin"
        return Reason(Kind.STARTING, message, tasks=_ids(handed), workers=names)
    message = f"{_tasks(handed)} {_are(handed)} next in line: all render workers are busy"
    return Reason(Kind.WORKERS_BUSY, message, "wait, or start more workers", tasks=_ids(handed))


def _in_line(facts: Facts, ready: Sequence[Task], waiting: Sequence[Task]) -> Reason:
    tenant, places = facts.job.tenant, facts.farm.places()
    window = shares.window(places)
    mine, all_out = facts.out.get(tenant, 0), sum(facts.out.values())
    others = {each.tenant for each in facts.waiting if each.tenant != tenant}
    part = shares.fair_part(window, tenant, others, facts.weights)
    if others and mine >= part:
        count = "another tenant waits" if len(others) == 1 else f"{len(others)} other tenants wait"
        message = (
            f"{_tasks(ready)} {_wait(ready)}: {count} too, and this tenant has {mine} of {window} places in the line "
            f"to the workers, its share being {part:.3g}"
        )
        remedy = "it goes on as the others have had theirs; more workers make every share larger"
        return Reason(Kind.OVER_SHARE, message, remedy, tasks=_ids(ready))
    if all_out >= window:
        message = (
            f"{_tasks(waiting)} {_wait(waiting)}: all {places} places of {len(facts.farm.present())} render workers "
            f"are taken, {mine} of {all_out} tasks in the line to them being this tenant's"
        )
        return Reason(Kind.WORKERS_BUSY, message, "wait, or start more workers", tasks=_ids(waiting))
    return Reason(Kind.STARTING, f"{_tasks(ready)} {_are(ready)} next in turn", tasks=_ids(ready))


def _behind(job: Job, ahead: Waiting, ready: Sequence[Task]) -> Reason:
    if ahead.priority < job.priority:
        why = f"its priority is {ahead.priority.name.lower()}, this one's {job.priority.name.lower()}"
    elif ahead.priority > job.priority:
        why = "it has waited longest for a turn"
    else:
        why = "it was submitted before this one" if ahead.create_time <= job.create_time else "it waited longer"
    remedy = "" if job.priority is Priority.HIGH else "`artifex render --priority high` goes before the tenant's others"
    message = f"renderJobs/{ahead.job} of the same tenant goes first: {why}"
    return Reason(Kind.BEHIND_ANOTHER_JOB, message, remedy, tasks=_ids(ready))


def _retrying(facts: Facts) -> list[Reason]:
    return [
        _tried_again(facts.farm.now, task)
        for task in facts.job.ordered_tasks()
        if task.failure is not None and task.state in (TaskState.READY, TaskState.QUEUED, TaskState.RUNNING)
    ]


def _tried_again(now: datetime, task: Task) -> Reason:
    assert task.failure is not None
    outage = blame.blame_of(task.failure) is Blame.SYSTEM
    remedy = "look after what does not answer" if outage else ""
    if outage:
        which = "for as long as it takes"
    else:
        which = f"attempt {task.failures + 1} of {blame.ATTEMPTS}, on another worker if there is one"
    pending = task.state is TaskState.READY and task.due_time is not None and task.due_time > now
    if pending:
        when = f"tried again in {_in(now, task.due_time)}"
    elif task.state is TaskState.RUNNING:
        when = f"being tried again by {task.worker}"
    else:
        when = "tried again when it is its turn"
    message = f"{_tasks([task])}: {when} ({which}); before: {task.failure.message}"
    until = task.due_time if pending else None
    workers = task.avoid if not outage else ()
    return Reason(Kind.RETRYING, message, remedy, tasks=[task.id], workers=workers, until=until, failure=task.failure)


def _tasks(tasks: Sequence[Task]) -> str:
    """What some tasks are, for people."""
    looks = [task for task in tasks if task.kind is TaskKind.ANALYSIS]
    chunks = [task for task in tasks if task.kind is TaskKind.FRAMES]
    parts = []
    if looks:
        node = looks[0].id.partition(":")[2]
        parts.append(f"{len(looks)} analyses" if len(looks) > 1 else f'the analysis for node "{node}"')
    for task in tasks:
        if task.kind is TaskKind.CAPTURE:
            node, role = captured(task.id)
            parts.append(f'the {role} picture for node "{node}"')
    if chunks:
        parts.append(f"{len(chunks)} chunks of frames" if len(chunks) > 1 else blame.place(chunks[0]))
    if any(task.kind is TaskKind.AUDIO for task in tasks):
        parts.append("the sound")
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _are(things: Sequence[object]) -> str:
    return "is" if len(things) == 1 and not _is_range(things[0]) else "are"


def _wait(tasks: Sequence[Task]) -> str:
    return "waits" if len(tasks) == 1 and not _is_range(tasks[0]) else "wait"


def _is_range(thing: object) -> bool:
    return isinstance(thing, Task) and thing.kind is TaskKind.FRAMES


def _ids(tasks: Sequence[Task]) -> list[str]:
    return [task.id for task in tasks]


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name))


def _named(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return f"{len(names)} workers"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "a worker"


def _in(now: datetime, then: datetime | None) -> str:
    seconds = max(0.0, (then - now).total_seconds()) if then is not None else 0.0
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def _ago(now: datetime, then: datetime) -> str:
    return f"{(now - then).total_seconds():.0f} s"
