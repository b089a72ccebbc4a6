"""A render job and its tasks: the facts, apart from how they change (`transitions`) and where they are kept.

A job is rendered in *runs*. The first run bears the job's own name, `renderJobs/<id>`; each retry begins another,
`renderJobs/<id>-<n>`. Work items, results, the segments' folder and the key that stops the workers all carry the run's
name, so that whatever an earlier run left in a queue, in a store or in the hands of a slow worker can neither be
mistaken for this run's nor be undone by stopping that one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from fractions import Fraction

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import messages_pb2 as generator_pb2
from artifex.graph.v1 import work_pb2
from artifex.nodes import Role

COLLECTION = "renderJobs"
_RUN = re.compile(r"renderJobs/([a-z0-9]{1,60})(?:-([0-9]{1,3}))?")


class TaskKind(StrEnum):
    GENERATION = "generation"
    ANALYSIS = "analysis"
    CAPTURE = "capture"
    FRAMES = "frames"
    AUDIO = "audio"
    ASSEMBLY = "assembly"

    @property
    def rendered(self) -> bool:
        """Whether render workers do it: such a task waits for its turn, all others are other services' to plan."""
        return self in (TaskKind.ANALYSIS, TaskKind.CAPTURE, TaskKind.FRAMES, TaskKind.AUDIO)

    @property
    def ahead(self) -> bool:
        """Whether it is done before rendering, and its result is no job's own: a retry keeps it."""
        return self in (TaskKind.GENERATION, TaskKind.ANALYSIS, TaskKind.CAPTURE)


class Priority(IntEnum):
    """How urgent a job is among its tenant's; the smaller, the sooner."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


class TaskState(StrEnum):
    PENDING = "pending"
    READY = "ready"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED)


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


@dataclass
class Task:
    """One unit of work. `id` is unique within its job; `depends_on` holds ids of the same job."""

    id: str
    kind: TaskKind
    position: int
    """Place in the plan: tasks are shown, dispatched and (segments) joined in this order."""
    depends_on: tuple[str, ...] = ()
    first_frame: int = 0
    frame_count: int = 0
    """Of an analysis: how many frames it looks at; zero where it only listens. Of a capture: one."""
    steps_total: int = 0
    """Denoising steps of a generation; zero otherwise."""
    spec: generator_pb2.GenerationSpec | None = None
    generation: str = ""
    """`generations/<id>`, chosen anew with each run."""

    state: TaskState = TaskState.PENDING
    attempt: int = 1
    """Within the run; names the work item, and limits nothing: see `blame` for how often a task is tried."""
    failures: int = 0
    """How often its worker failed at it."""
    losses: int = 0
    """How often its worker, or its work item, disappeared."""
    outages: int = 0
    """How often something that it needs did not answer."""
    avoid: tuple[str, ...] = ()
    """Workers that failed at it."""
    due_time: datetime | None = None
    """Not to be tried before."""
    cost: float = 0.0
    """Worker seconds that its tenant was charged for it: estimated when it was released."""
    frames_done: int = 0
    steps_done: int = 0
    result: work_pb2.Source | None = None
    """The segment, the sound, the movie, or what was generated, captured or found for the node that `node` names."""
    failure: types_pb2.Failure | None = None
    """Why it failed; while it is tried again, why it failed last."""
    worker: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    touch_time: datetime | None = None
    """When the task was dispatched or last heard of."""

    def is_due(self, now: datetime) -> bool:
        """Whether it waits for nothing but its turn."""
        return self.state is TaskState.READY and (self.due_time is None or self.due_time <= now)


@dataclass
class Counters:
    """Sums over a job's tasks, kept with the job so that an event about one task needs only that task."""

    frames_done: int = 0
    frames_total: int = 0
    tasks_done: int = 0
    tasks_total: int = 0
    steps_done: int = 0
    steps_total: int = 0


@dataclass
class Job:
    """A render job. `tasks` may hold only the tasks that a transition concerns; `counters` always covers all."""

    id: str
    tenant: str
    create_user: str
    display_name: str
    document: types_pb2.Blob
    """The canonical document at rest."""
    output_node: str
    output_name: str
    """File name of the movie."""
    sources: tuple[work_pb2.Source, ...]
    """Media found at submit; that of generations is in their tasks' results."""
    frame_rate: Fraction
    frame_count: int
    trace_id: str
    traceparent: str
    create_time: datetime
    priority: Priority = Priority.NORMAL
    chunk_frames: int = 0
    """Frames of the longest chunk."""
    shape: str = ""
    """What kind of graph at what size it is: frames of one shape cost about the same. See `costs`."""
    work: float = 0.0
    """The size of one frame's work, in the units of `costs.frame_work`."""
    frame_seconds: float = 0.0
    """What a frame is expected to cost, in seconds of one worker; follows what its frames have cost so far."""
    tasks: dict[str, Task] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)

    state: JobState = JobState.QUEUED
    run: int = 1
    last_sequence: int = 0
    output_asset: str = ""
    failure: types_pb2.Failure | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    progress_time: datetime | None = None
    """When progress was last announced: announcements are thinned, counters are not."""
    turn_time: datetime | None = None
    """When it had its last turn on the workers, or began to wait for its first."""
    swept: bool = False
    """True once the segments of the ended job were deleted, so that a retry has to render them again."""

    @property
    def name(self) -> str:
        return f"{COLLECTION}/{self.id}"

    @property
    def run_name(self) -> str:
        return run_name(self.id, self.run)

    def ordered_tasks(self) -> list[Task]:
        return sorted(self.tasks.values(), key=lambda task: task.position)


def run_name(job_id: str, run: int) -> str:
    return f"{COLLECTION}/{job_id}" if run == 1 else f"{COLLECTION}/{job_id}-{run}"


def parse_run_name(name: str) -> tuple[str, int] | None:
    """The job's id and the number of the run; None when the name is not one of ours."""
    match = _RUN.fullmatch(name)
    if match is None:
        return None
    return match.group(1), int(match.group(2) or 1)


def segments_prefix(tenant: str, run: str) -> str:
    """The folder that holds a run's segments in the object store, with the slash that ends it."""
    return f"tenants/{tenant}/jobs/{run.removeprefix(COLLECTION + '/')}/"


def segment_key(tenant: str, run: str, digest: str) -> str:
    return segments_prefix(tenant, run) + digest


def analysis_task(node: str) -> str:
    """The id of the task that analyses the clip for a node."""
    return f"analyse:{node}"


def generation_task(node: str) -> str:
    """The id of the task that generates a node's clip."""
    return f"generate:{node}"


def capture_task(node: str, role: Role) -> str:
    """The id of the task that renders the picture with which a node's clip begins or ends."""
    return f"capture-{role}:{node}"


def captured(task: str) -> tuple[str, Role]:
    """The node and the role that such an id names."""
    head, _, node = task.partition(":")
    return node, "first" if head == "capture-first" else "last"


def analysis_result_key(tenant: str, digest: str) -> str:
    """Where lies what an analysis found, by its content: small, and the tenant's, since no job of theirs owns it."""
    return f"tenants/{tenant}/analyses/results/{digest[:2]}/{digest}"


def analysis_index_key(tenant: str, key: str) -> str:
    """Where it is written which content the analysis with this key found."""
    return f"tenants/{tenant}/analyses/keys/{key[:2]}/{key}"


def capture_index_key(tenant: str, key: str) -> str:
    """Where it is written which picture the capture with this key made."""
    return f"tenants/{tenant}/captures/keys/{key[:2]}/{key}"


def document_key(tenant: str, digest: str) -> str:
    """Where a canonical document lies in the object store: apart from media, whose deletion is the media service's."""
    return f"tenants/{tenant}/documents/{digest[:2]}/{digest}"


def count(tasks: Mapping[str, Task]) -> Counters:
    """The counters of a whole set of tasks."""
    total = Counters()
    for task in tasks.values():
        total.frames_done += task.frames_done if task.kind is TaskKind.FRAMES else 0
        total.frames_total += task.frame_count if task.kind is TaskKind.FRAMES else 0
        total.tasks_done += task.state is TaskState.SUCCEEDED
        total.tasks_total += 1
        total.steps_done += task.steps_done
        total.steps_total += task.steps_total
    return total
