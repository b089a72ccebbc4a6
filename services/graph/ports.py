"""What the graph service needs from outside, with the promises that its commands rely on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from google.protobuf.message import Message

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import messages_pb2 as generator_pb2
from artifex.graph.v1 import messages_pb2
from artifex.media.v1 import messages_pb2 as media_pb2
from libs.chassis.repeats import Repeat, Response, Result
from services.graph.domain.jobs.changes import Changes
from services.graph.domain.jobs.job import Job, JobState, TaskKind
from services.graph.domain.jobs.shares import Ledger, Waiting
from services.graph.domain.jobs.workers import Farm


@dataclass(frozen=True)
class StaleTask:
    """A task that should be worked on, and of which nothing was heard for a while."""

    job_id: str
    task_id: str
    kind: TaskKind
    attempt: int


class JobTransaction(Protocol):
    """One transaction: all of it happens, or nothing."""

    async def lock(self, job_id: str, tasks: Collection[str] | None = None) -> Job | None:
        """The job, held until the transaction ends: a second transaction that locks it waits for the first.

        With all its tasks, or only those whose ids are in `tasks` and those that are done ahead of rendering. None when
        there is no such job.
        """
        ...

    async def insert(self, job: Job, changes: Changes) -> None:
        """Store a new job with its tasks and first announcements. A known id raises."""
        ...

    async def save(self, job: Job, changes: Changes) -> None:
        """Store the job, the changed tasks and the announcements of a job that this transaction has locked; settle
        what tasks were charged, and learn from what they cost.

        Since a sequence number is given out under the lock, who reads events reads them without gaps.
        """
        ...

    async def queue(self, subject: str, message: Message, key: str) -> None:
        """Publish the message once the transaction is committed, sooner or later, at least once.

        It travels under the trace that is current now. Messages with the same key are one, as long as the bus remembers
        it (a quarter of an hour).
        """
        ...

    async def once(
        self, tenant: str, repeat: Repeat[Result, Response], build: Callable[[], Awaitable[Result]]
    ) -> Response:
        """The answer to what `build` returned for the first request with this id; empty ids build anew each time.

        Raises:
            AlreadyExists: the id was used with another request.
        """
        ...

    async def ledger(self) -> Ledger:
        """What the tenants have had of the workers, held until the transaction ends: one at a time gives turns."""
        ...

    async def save_ledger(self, before: Mapping[str, float], ledger: Ledger) -> None:
        """Store a ledger that came from `ledger` with the tenants' times `before`. After the last `save`."""
        ...

    async def waiting(self, now: datetime, limit: int) -> list[Waiting]:
        """Of each tenant the `limit` jobs that are next in turn, each with at most `limit` of its tasks for render
        workers that wait for nothing else."""
        ...

    async def out(self) -> Mapping[str, int]:
        """By tenant, how many tasks are handed to render workers and not done."""
        ...


class JobStore(Protocol):
    """Where jobs, tasks and events are kept. Reads see committed transactions only."""

    def transaction(self) -> AbstractAsyncContextManager[JobTransaction]:
        """Commits at the end of the block, rolls back when it raises."""
        ...

    async def get(self, tenant: str, job_id: str) -> Job | None:
        """The tenant's job with all its tasks; None for another tenant's as for one that does not exist."""
        ...

    async def list_jobs(self, tenant: str, states: Collection[JobState], before: str, limit: int) -> list[Job]:
        """The tenant's jobs, without tasks, newest first, from the one made before job id `before` on.

        An empty `before` begins with the newest; empty `states` takes all.
        """
        ...

    async def events(
        self, tenant: str, job_id: str, after: int, limit: int
    ) -> tuple[JobState, int, list[messages_pb2.RenderEvent]] | None:
        """The job's state, its last sequence number, and the events that follow `after`, all of one moment."""
        ...

    async def stale_tasks(self, before: datetime, limit: int) -> list[StaleTask]:
        """Queued and running tasks of jobs that have not ended, unheard of since `before`; oldest first."""
        ...

    async def any_due(self, now: datetime) -> bool:
        """Whether any task waits for nothing but to be handed out."""
        ...

    async def due_elsewhere(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        """Jobs and tasks that are due and whose work is not the render workers'."""
        ...

    async def out(self) -> Mapping[str, int]:
        """By tenant, how many tasks are handed to render workers and not done."""
        ...

    async def waiting_for_turns(self, now: datetime) -> list[Waiting]:
        """Of each tenant the job that is next in turn on the render workers, with its next task."""
        ...

    async def rates(self, tenant: str, shape: str) -> tuple[float | None, float | None]:
        """What the tenant's frames have cost, in worker seconds: a frame of this shape, and a unit of work of any
        shape (see `costs`). None for what was never measured."""
        ...

    async def chunk_frames_before(self, tenant: str, document: str, output_node: str) -> int:
        """The length of chunks with which the tenant rendered this document (by digest) last; zero when never."""
        ...

    async def unswept_jobs(self, states: Collection[JobState], before: datetime, limit: int) -> list[Job]:
        """Jobs (without tasks) that ended in one of these states before `before` and still have their segments."""
        ...

    async def count_by_state(self) -> Mapping[JobState, int]:
        """How many jobs of all tenants are in each state."""
        ...

    async def outbox_is_empty(self) -> bool:
        """True when nothing waits to be published."""
        ...


class MediaCatalogue(Protocol):
    """The assets of the caller's tenant."""

    async def find(self, names: Sequence[str]) -> dict[str, media_pb2.Asset]:
        """The assets by name (`assets/{asset}`), without those that the caller's tenant does not have.

        Raises:
            Unavailable: the catalogue does not answer.
        """
        ...


class Documents(Protocol):
    """Stored graph documents, as far as the caller may read them."""

    async def read(self, name: str, revision: int) -> str:
        """The JSON text of `projects/{project}/documents/{document}`; the newest revision when `revision` is zero.

        Raises:
            NotFound: the caller's tenant has no such document or revision.
            Unavailable: the store does not answer.
        """
        ...


class AnalysisStore(Protocol):
    """What was found of whole clips, kept by tenant."""

    async def find(self, tenant: str, key: str) -> types_pb2.Blob | None:
        """What the analysis with this key found, if it was ever run and its result is there.

        Raises:
            Unavailable: the store does not answer.
        """
        ...


class Generations(Protocol):
    """What the generator knows of shots, for the caller."""

    async def plan(
        self, spec: generator_pb2.GenerationSpec, pictures: Sequence[generator_pb2.PlannedPicture]
    ) -> generator_pb2.PlanGenerationResponse:
        """What generating it would be and take, and the clip where it was made before; spends nothing.

        Raises:
            InvalidArgument: there can be no such shot.
            PermissionDenied: the caller may not generate.
            Unavailable: the generator, or its models, do not answer.
        """
        ...


class CaptureStore(Protocol):
    """Pictures that generations go on from, kept by tenant."""

    async def find(self, tenant: str, key: str) -> types_pb2.Blob | None:
        """The picture of the capture with this key, if it was ever rendered and is there.

        Raises:
            Unavailable: the store does not answer.
        """
        ...


class WorkControl(Protocol):
    """Stops work wherever it runs."""

    async def cancel(self, key: str) -> None:
        """From now on work under this name (`renderJobs/x`, `generations/y`) stops, and queued work is dropped.

        Raises:
            Unavailable: the message could not be handed over.
        """
        ...


class WorkQueue(Protocol):
    """A look into the work queues."""

    async def held(self, kind: str) -> Set[str] | None:
        """The keys of all work items of the kind that are queued or being worked on; None when those are too many.

        Raises:
            Unavailable: the queue does not answer.
        """
        ...


class Workers(Protocol):
    """The render workers, by what they tell of themselves."""

    def farm(self) -> Farm:
        """All that were heard of lately, as of now."""
        ...

    async def reachable(self) -> bool:
        """Whether workers could be heard at all: false while the bus is away."""
        ...
