"""What the graph service needs from outside, with the promises that its commands rely on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from artifex.graph.v1 import messages_pb2
from artifex.media.v1 import messages_pb2 as media_pb2
from services.graph.domain.jobs.job import Job, JobState, TaskKind
from services.graph.domain.jobs.transitions import Changes

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class StaleTask:
    """A task that should be worked on, and of which nothing was heard for a while."""

    job_id: str
    task_id: str
    kind: TaskKind


class JobTransaction(Protocol):
    """One transaction: all of it happens, or nothing."""

    async def lock(self, job_id: str, tasks: Collection[str] | None = None) -> Job | None:
        """The job, held until the transaction ends: a second transaction that locks it waits for the first.

        With all its tasks, or only those whose ids are in `tasks`. None when there is no such job.
        """
        ...

    async def insert(self, job: Job, changes: Changes) -> None:
        """Store a new job with its tasks and first announcements. A known id raises."""
        ...

    async def save(self, job: Job, changes: Changes) -> None:
        """Store the job, the changed tasks and the announcements of a job that this transaction has locked.

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
        self, tenant: str, method: str, request_id: str, request: Message, build: Callable[[], Awaitable[M]]
    ) -> M:
        """What `build` returned for the first request with this id; empty ids build anew each time.

        Raises:
            AlreadyExists: the id was used with another request.
        """
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

    async def pending(self, kind: str) -> int:
        """How many work items of the kind are queued or being worked on.

        Raises:
            Unavailable: the queue does not answer.
        """
        ...
