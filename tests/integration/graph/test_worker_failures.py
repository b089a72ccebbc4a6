"""What a render worker says of work that fails, and what becomes of the job: a real worker, bus, child and database."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import work_pb2 as generator_work_pb2
from artifex.graph.v1 import work_pb2
from libs.chassis.bus import Bus, Control, Delivery
from libs.chassis.clock import utcnow
from libs.chassis.database import Database
from libs.chassis.objects import LocalCache, ObjectStore, blob_key
from libs.chassis.outbox import Outbox
from libs.chassis.sandbox import SandboxPool
from libs.chassis.testing import NatsServer, eventually
from services.graph.adapters import tables
from services.graph.adapters.job_store import SqlJobStore
from services.graph.commands.release_tasks import release_tasks
from services.graph.commands.watch_render_job import Wakeups
from services.graph.dispatch import work_item
from services.graph.domain.jobs import transitions
from services.graph.domain.jobs.job import Job, JobState, TaskState, document_key, segment_key
from services.graph.events import RESULT_SUBJECTS, ResultHandler
from services.graph.worker.conduct import Conduct
from services.graph.worker.render_worker import WORK_SUBJECTS, FrameStore, RenderWorker
from tests.integration.graph.worker_targets import DEADLY_FRAME
from tests.unit.services.graph.domain.jobs.made import START, make_job

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])


@dataclass
class Shop:
    """The graph service's store and ears, and workers under names of their own."""

    store: SqlJobStore
    objects: ObjectStore
    bus: Bus
    folder: Path
    seen: list[tuple[str, int]] = field(default_factory=list)
    """Who took which attempt."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def job(self, how: str, job_id: str, *, analyses: int = 0, captures: bool = False) -> Job:
        """One chunk of 24 frames, perhaps of a shot that goes on from a picture; or else the sound alone, and before it
        so many analyses."""
        job = make_job(
            job_id=job_id,
            chunks=0 if analyses else 1,
            generations=int(captures),
            captures=captures,
            audio=analyses > 0,
            analyses=analyses,
        )
        job.sources = ()
        job.document = types_pb2.Blob(digest=hashlib.sha256(how.encode()).hexdigest())
        await self.objects.put_bytes(document_key(job.tenant, job.document.digest), how.encode())
        changes = transitions.begin(job, START)
        async with self.store.transaction() as transaction:
            await transaction.insert(job, changes)
        return job

    async def until_ended(self, job: Job, task: str = "frames:0") -> Job:
        """Give turns until the task has ended."""
        async with asyncio.timeout(30):
            while True:
                self.changed.clear()
                await release_tasks(self.store, 4, {}, utcnow())
                found = await self.store.get(job.tenant, job.id)
                assert found is not None
                if found.tasks[task].state.ended:
                    return found
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await self.changed.wait()

    @asynccontextmanager
    async def worker(self, name: str) -> AsyncIterator[Conduct]:
        async with AsyncExitStack() as stack:
            children = SandboxPool(1, "tests.integration.graph.worker_targets:run")
            children = await stack.enter_async_context(children)
            conduct = Conduct(timedelta(seconds=30), lambda: None)
            scratch = self.folder / name.replace(":", "-")
            scratch.mkdir()
            cache = LocalCache(self.objects, scratch / "cache", 0)
            worker = RenderWorker(
                self.bus,
                Control(self.bus),
                self.objects,
                cache,
                children,
                scratch,
                conduct,
                name=name,
                threads=1,
                frame_cache=FrameStore(scratch / "frames", 0),
            )
            working = asyncio.create_task(
                self.bus.consume(
                    stream="WORK",
                    durable="graph-workers",
                    subjects=WORK_SUBJECTS,
                    handler=worker.handle,
                    one_queue=True,
                    admit=conduct.fit,
                )
            )
            yield conduct
            working.cancel()
            await asyncio.wait([working])


@pytest.fixture
async def shop(database: Database, objects: ObjectStore, tmp_path: Path) -> AsyncIterator[Shop]:
    """With a bus of its own: what fails here is nobody else's work."""
    async with NatsServer(tmp_path / "nats") as nats, Bus(nats.url, name="graph") as bus:
        outbox = Outbox(database, bus, tables.outbox)
        store = SqlJobStore(database, outbox)
        shop = Shop(store, objects, bus, tmp_path)
        results = ResultHandler(store, objects, Wakeups())

        async def heard(delivery: Delivery) -> None:
            if delivery.subject.endswith(".started"):
                event = delivery.parse(work_pb2.TaskStartedEvent)
                shop.seen.append((event.worker, event.attempt))
            await results.handle(delivery)
            shop.changed.set()

        listening = asyncio.create_task(
            bus.consume(stream="EVENTS", durable="results", subjects=RESULT_SUBJECTS, handler=heard)
        )
        relaying = asyncio.create_task(outbox.relay())
        yield shop
        for task in (relaying, listening):
            task.cancel()
        await asyncio.wait([relaying, listening])


async def test_a_crash_is_tried_elsewhere_and_then_the_frame_is_found_and_named(shop: Shop) -> None:
    async with shop.worker("a:1") as first, shop.worker("b:2") as second:
        job = await shop.until_ended(await shop.job("crash", "01ja"))
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert job.failure.message == (
        f'frame {DEADLY_FRAME} failed three times (node "key"): The work\'s process was ended by SIGSEGV.'
    )
    assert job.failure.metadata["failures"] == "3"
    # The second attempt was another worker's, and found that neither is to blame.
    assert sorted(shop.seen, key=lambda seen: seen[1]) in ([("a:1", 1), ("b:2", 2)], [("b:2", 1), ("a:1", 2)])
    assert first.failed + second.failed == 1


async def test_a_fault_of_ours_names_node_and_frame_and_nothing_else(shop: Shop) -> None:
    async with shop.worker("a:1"):
        job = await shop.until_ended(await shop.job("bug", "01jb"))
    assert job.failure is not None
    assert job.failure.message.startswith(f'frame {DEADLY_FRAME} failed three times (node "key"): internal error; id ')
    assert "secrets" not in str(job.failure)
    assert [attempt for _, attempt in shop.seen] == [1, 2, 3]


async def test_a_clip_is_analysed_once_though_its_evaluator_is_killed(shop: Shop, tmp_path: Path) -> None:
    log = tmp_path / "analyses"
    async with shop.worker("a:1"):
        first = await shop.until_ended(await shop.job(str(log), "01je", analyses=2), "audio")
        assert first.tasks["analyse:mix0"].attempt == 2
        # In order, the second with what the first had found.
        found = {"mix0": '{"node": "mix0"}', "mix1": '{"node": "mix1"}'}
        lines = ["mix0 {}", "mix0 {}", "mix1 " + json.dumps({"mix0": found["mix0"]})]
        assert log.read_text().splitlines() == lines
        assert await heard(shop, first) == found
        # Another job, which was submitted before anything was found: its worker finds it there.
        second = await shop.until_ended(await shop.job(str(log), "01jf", analyses=2), "audio")
        assert log.read_text().splitlines() == lines
        assert second.tasks["analyse:mix1"].result == first.tasks["analyse:mix1"].result
        assert await heard(shop, second) == found


async def test_a_picture_is_captured_once_though_its_evaluator_is_killed(shop: Shop, tmp_path: Path) -> None:
    log = tmp_path / "captures"
    async with shop.worker("a:1"):
        first = await shop.until_ended(await shop.job(str(log), "01jg", captures=True), "capture-first:g0")
        task = first.tasks["capture-first:g0"]
        assert (task.attempt, task.result and task.result.node) == (2, "g0")
        assert log.read_text().splitlines() == ["g0 first"] * 2
        # It lies where the generator looks for what it is given, and the generation is told which it is.
        assert task.result is not None
        key = blob_key(first.tenant, task.result.blob.digest)
        assert b"".join([piece async for piece in shop.objects.get(key)]) == b"picture"
        assert first.tasks["generate:g0"].state is TaskState.QUEUED
        work = work_item(first, first.tasks["generate:g0"])
        assert isinstance(work, generator_work_pb2.GenerateWork)
        assert [picture.blob for picture in work.pictures] == [task.result.blob]
        # Another job, which was submitted before the picture was there: its worker finds it.
        second = await shop.until_ended(await shop.job(str(log), "01jh", captures=True), "capture-first:g0")
        assert log.read_text().splitlines() == ["g0 first"] * 2
        assert second.tasks["capture-first:g0"].result == task.result


async def heard(shop: Shop, job: Job) -> dict[str, str]:
    """What the job's sound was given."""
    result = job.tasks["audio"].result
    assert result is not None
    key = segment_key(job.tenant, job.run_name, result.blob.digest)
    told: dict[str, str] = json.loads(b"".join([piece async for piece in shop.objects.get(key)]))
    return told


async def test_broken_media_is_not_tried_again(shop: Shop) -> None:
    async with shop.worker("a:1") as conduct:
        job = await shop.until_ended(await shop.job("media", "01jc"))
    assert job.failure is not None
    assert job.failure.message == f'frame {DEADLY_FRAME} (node "key"): the file ends here'
    assert job.failure.reason == "ERROR_REASON_MEDIA_TRUNCATED"
    assert shop.seen == [("a:1", 1)]
    assert conduct.failed == 0


async def test_an_outage_is_waited_out(shop: Shop) -> None:
    async with shop.worker("a:1"):
        job = await shop.job("outage", "01jd")
        async with asyncio.timeout(30):
            while not (await shop.store.get(job.tenant, job.id) or job).tasks["frames:0"].outages:
                shop.changed.clear()
                await release_tasks(shop.store, 4, {}, utcnow())
                await shop.changed.wait()
        # The store answers again.
        await shop.objects.put_bytes(document_key(job.tenant, job.document.digest), b"well")
        done = await shop.until_ended(job)
    task = done.tasks["frames:0"]
    assert (task.state.value, task.failures, task.failure) == ("succeeded", 0, None)
    assert done.frame_seconds == pytest.approx(0.5 / 24)


async def test_a_worker_that_fails_at_one_job_after_the_other_rests_while_others_work(shop: Shop) -> None:
    async with shop.worker("a:1") as conduct:
        for number in range(2):
            await shop.until_ended(await shop.job("bug", f"01j{number}"))
        third = await shop.job("bug", "01j2")
        await release_tasks(shop.store, 4, {}, utcnow())
        await eventually(lambda: conduct.rest_until is not None, timeout=20)
        assert "failed at 3 tasks of 3 jobs in a row, lastly: internal error" in conduct.rest_reason
        async with shop.worker("b:2"):
            await shop.until_ended(third)
            well = await shop.until_ended(await shop.job("well", "01jw"))
    assert well.tasks["frames:0"].worker == "b:2"
    assert [worker for worker, _ in shop.seen[-3:]] == ["b:2"] * 3
