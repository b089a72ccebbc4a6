"""Why a job waits, told from a real database and from workers that tell of themselves over a real bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import work_pb2
from libs.chassis.bus import Bus, Heartbeat
from libs.chassis.clock import utcnow
from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from libs.chassis.testing import NatsServer, eventually
from services.graph.adapters.job_store import SqlJobStore
from services.graph.adapters.workers import BusWorkers
from services.graph.commands.explain_render_job import explain_render_job
from services.graph.commands.record_signal import TaskSignal, record_signal
from services.graph.commands.release_tasks import release_tasks
from services.graph.domain.jobs import transitions
from services.graph.domain.jobs.changes import Changes, Signal
from services.graph.domain.jobs.explanation import Kind, Reason
from services.graph.domain.jobs.job import Job, Priority
from services.graph.messages import PRESENCE_GROUP
from services.graph.settings import WorkerSettings
from services.graph.worker.conduct import Conduct
from services.graph.worker.presence import Presence
from tests.integration.graph.conftest import CALLER
from tests.unit.services.graph.domain.jobs.made import make_job

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])


class Crew:
    """Workers that tell of themselves and do nothing else, and the graph service's ear for them."""

    def __init__(self, store: SqlJobStore, bus: Bus) -> None:
        self.store = store
        self.bus = bus
        self.workers = BusWorkers(bus, lambda: None)

    @asynccontextmanager
    async def worker(self, name: str, *, busy: int = 0, failures: int = 0) -> AsyncIterator[Presence]:
        """One with a single place; it is known when the block begins."""
        conduct = Conduct(timedelta(seconds=30), lambda: None)
        for number in range(failures):
            conduct.failed_at(f"job {number}", "frames:0", "out of memory")
        presence = Presence(name, WorkerSettings(), conduct)
        presence.busy = busy
        heartbeat = Heartbeat(self.bus, PRESENCE_GROUP, presence.heartbeat)
        telling = asyncio.create_task(heartbeat.run())
        try:
            await eventually(lambda: any(worker.id == name for worker in self.workers.farm().workers))
            yield presence
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
            presence.leaving = True
            await heartbeat.tell()
            await eventually(lambda: all(worker.id != name for worker in self.workers.farm().workers))

    async def release(self) -> None:
        await release_tasks(self.store, self.workers.farm().places(), {}, utcnow())

    async def why(self, job: Job) -> list[Reason]:
        caller = Principal(tenant=job.tenant, subject="ada", role="ROLE_ARTIST")
        return (await explain_render_job(self.store, self.workers, {}, caller, job.name)).reasons


async def submit(store: SqlJobStore, job: Job) -> Job:
    """Store a job as of now."""
    job.create_time = utcnow()
    changes = transitions.begin(job, job.create_time)
    async with store.transaction() as transaction:
        await transaction.insert(job, changes)
    return job


@pytest.fixture
async def crew(store: SqlJobStore, tmp_path: Path) -> AsyncIterator[Crew]:
    """On a bus of its own, where no other workers are heard."""
    async with NatsServer(tmp_path / "nats") as nats, Bus(nats.url, name="graph") as bus:
        crew = Crew(store, bus)
        listening = asyncio.create_task(crew.workers.listen())
        yield crew
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


def frames(job_id: str, *, tenant: str = "studio", chunks: int = 6, priority: Priority = Priority.NORMAL) -> Job:
    return make_job(job_id=job_id, tenant=tenant, chunks=chunks, generations=0, audio=False, priority=priority)


async def test_no_worker_then_busy_then_behind_another(crew: Crew) -> None:
    job = await submit(crew.store, frames("01ja"))
    await crew.release()
    (reason,) = await crew.why(job)
    assert reason.kind is Kind.NO_WORKER
    async with crew.worker("a:1") as presence:
        starting, *_ = await crew.why(job)
        assert (starting.kind, starting.workers) == (Kind.STARTING, ["a:1"])
        presence.busy = 1
        await eventually(lambda: crew.workers.farm().workers[0].busy == 1)
        later = await submit(crew.store, frames("01jb"))
        busy, behind = await crew.why(later)
        assert busy.kind is Kind.WORKERS_BUSY
        assert behind.kind is Kind.BEHIND_ANOTHER_JOB
        assert "renderJobs/01ja" in behind.message
    (reason,) = await crew.why(job)
    assert reason.kind is Kind.NO_WORKER


async def test_a_tenant_over_its_share(crew: Crew) -> None:
    greedy = await submit(crew.store, frames("01ja", tenant="studio", chunks=20))
    async with crew.worker("a:1", busy=1), crew.worker("b:2", busy=1):
        await crew.release()
        assert await crew.store.out() == {"studio": 4}
        modest = await submit(crew.store, frames("01jb", tenant="rival"))
        await crew.release()
        (reason, *_) = await crew.why(greedy)
        assert reason.kind is Kind.OVER_SHARE
        assert "another tenant waits too, and this tenant has 4 of 4 places" in reason.message
        (reason, *_) = await crew.why(modest)
        assert reason.kind is Kind.WORKERS_BUSY
        assert "0 of 4 tasks" in reason.message
        # The next places are the modest tenant's, until it has had as much.
        for number in range(2):
            await finish(crew.store, greedy, f"frames:{number}")
            await crew.release()
        assert await crew.store.out() == {"studio": 2, "rival": 2}


async def finish(store: SqlJobStore, job: Job, task: str) -> None:
    def complete(found: Job, signal: Signal, now: object) -> Changes:
        known = found.tasks[task]
        return transitions.task_completed(
            found,
            signal,
            work_pb2.Source(),
            utcnow(),
            frame_count=known.frame_count,
            seconds=known.cost,
            worker="a:1",
        )

    await record_signal(store, TaskSignal(job.tenant, job.run_name, task, 1), complete, whole_job=True)


async def test_waiting_for_a_generation_and_for_the_assembly(crew: Crew) -> None:
    async with crew.worker("a:1"):
        shot = await submit(crew.store, make_job(job_id="01ja", generations=1, audio=False))
        (reason,) = await crew.why(shot)
        assert (reason.kind, reason.tasks) == (Kind.WAITING_FOR_GENERATION, ["generate:g0"])
        movie = await submit(crew.store, frames("01jb", chunks=1))
        await crew.release()
        await finish(crew.store, movie, "frames:0")
        (reason,) = await crew.why(movie)
        assert (reason.kind, reason.tasks) == (Kind.WAITING_FOR_ASSEMBLY, ["assembly"])


async def test_retrying_after_a_failure(crew: Crew) -> None:
    job = await submit(crew.store, frames("01ja", chunks=1))
    async with crew.worker("a:1"), crew.worker("b:2"):
        for attempt in (1, 2):
            await crew.release()
            await record_signal(
                crew.store,
                TaskSignal("studio", job.run_name, "frames:0", attempt),
                lambda found, signal, now: transitions.task_failed(
                    found,
                    signal,
                    types_pb2.Failure(reason="ERROR_REASON_DECODER_CRASHED", message="The work's process died."),
                    now,
                    worker="a:1",
                ),
                whole_job=True,
            )
        (reason,) = await crew.why(job)
        assert reason.kind is Kind.RETRYING
        assert reason.until is not None
        assert "attempt 3 of 3" in reason.message
        assert "frames 0 to 23 failed twice: The work's process died." in reason.message
        assert list(reason.workers) == ["a:1"]


async def test_a_worker_that_rests_is_shown_so(crew: Crew) -> None:
    job = await submit(crew.store, frames("01ja"))
    async with crew.worker("a:1", failures=3):
        await crew.release()
        (reason,) = await crew.why(job)
        assert (reason.kind, reason.workers) == (Kind.WORKERS_RESTING, ["a:1"])
        assert "failed at 3 tasks of 3 jobs in a row, lastly: out of memory" in reason.message
        async with crew.worker("b:2", busy=1):
            assert [reason.kind for reason in await crew.why(job)] == [Kind.WORKERS_BUSY, Kind.WORKERS_RESTING]


async def test_a_bus_that_is_away_is_told(crew: Crew) -> None:
    job = await submit(crew.store, frames("01ja"))
    await crew.bus.connection.close()
    found = await explain_render_job(crew.store, crew.workers, {}, CALLER, job.name)
    assert found.reasons[0].kind is Kind.BUS_AWAY


async def test_another_tenants_job_is_not_explained(crew: Crew) -> None:
    job = await submit(crew.store, frames("01ja", tenant="rival"))
    with pytest.raises(NotFound):
        await explain_render_job(crew.store, crew.workers, {}, CALLER, job.name)
