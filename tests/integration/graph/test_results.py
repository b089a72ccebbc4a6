"""Jobs end well whatever the queue does to the workers' reports: any order, repeated, lost and sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import work_pb2 as generator_work_pb2
from artifex.graph.v1 import work_pb2
from artifex.media.v1 import messages_pb2 as media_pb2
from artifex.media.v1 import work_pb2 as media_work_pb2
from libs.chassis.bus import Bus, Delivery
from libs.chassis.database import Database, migrate
from libs.chassis.objects import ObjectStore, open_objects
from libs.chassis.outbox import Outbox
from services.graph.adapters import tables
from services.graph.adapters.job_store import SqlJobStore
from services.graph.commands.release_tasks import release_tasks
from services.graph.commands.watch_render_job import Wakeups
from services.graph.composition import MIGRATIONS
from services.graph.domain.jobs import transitions
from services.graph.domain.jobs.job import Job, JobState, TaskKind, segment_key
from services.graph.events import ResultHandler
from tests.integration.graph.test_job_store import submit
from tests.unit.services.graph.domain.jobs.made import make_job


def delivery(subject: str, message: Message) -> Delivery:
    return Delivery(
        subject=subject,
        data=message.SerializeToString(),
        headers={},
        attempt=1,
        last_attempt=False,
        sequence=1,
        published_at=datetime.now(UTC),
    )


def blob(name: str) -> types_pb2.Blob:
    return types_pb2.Blob(digest=name.encode().hex().ljust(64, "0")[:64], size=1)


def _about(work: Any) -> dict[str, Any]:
    return {"actor": work.actor, "job": work.job, "task": work.task, "attempt": work.attempt}


def reports(work: Message) -> list[Delivery]:
    """What an honest worker says of a work item."""
    if isinstance(work, generator_work_pb2.GenerateWork):
        about = _about(work)
        prefix = "evt.studio.generator.generation"
        return [
            delivery(f"{prefix}.started", generator_work_pb2.GenerationStartedEvent(**about)),
            delivery(
                f"{prefix}.progressed",
                generator_work_pb2.GenerationProgressedEvent(**about, steps_done=2, steps_total=4),
            ),
            delivery(
                f"{prefix}.completed", generator_work_pb2.GenerationCompletedEvent(**about, result=blob(work.task))
            ),
        ]
    if isinstance(work, media_work_pb2.AssembleWork):
        about = _about(work)
        asset = media_pb2.Asset(name="assets/movie", blob=blob("movie"))
        prefix = "evt.studio.media.assembly"
        return [
            delivery(f"{prefix}.started", media_work_pb2.AssemblyStartedEvent(**about)),
            delivery(f"{prefix}.completed", media_work_pb2.AssemblyCompletedEvent(**about, asset=asset)),
        ]
    assert isinstance(work, work_pb2.FramesWork | work_pb2.AudioWork)
    about = _about(work)
    frames = work.frame_count if isinstance(work, work_pb2.FramesWork) else 0
    prefix = "evt.studio.graph.task"
    return [
        delivery(f"{prefix}.started", work_pb2.TaskStartedEvent(**about, worker="w:1")),
        delivery(f"{prefix}.progressed", work_pb2.TaskProgressedEvent(**about, frames_done=frames // 2)),
        delivery(
            f"{prefix}.completed",
            work_pb2.TaskCompletedEvent(**about, result=blob(work.task), frame_count=frames, worker="w:1"),
        ),
    ]


_WORK: dict[str, type[Message]] = {
    "work.generate.normal": generator_work_pb2.GenerateWork,
    "work.frames.normal": work_pb2.FramesWork,
    "work.audio.normal": work_pb2.AudioWork,
    "work.assemble.normal": media_work_pb2.AssembleWork,
}


async def work_items(database: Database) -> list[Message]:
    async with database.read() as session:
        rows = await session.execute(select(tables.outbox).order_by(tables.outbox.c.position))
        return [_WORK[row.subject].FromString(row.payload) for row in rows if row.subject in _WORK]


@asynccontextmanager
async def graph(folder: Path) -> AsyncIterator[tuple[Database, SqlJobStore, ObjectStore]]:
    url = f"sqlite+aiosqlite:///{folder / 'graph.sqlite'}"
    await migrate(url, schema="graph", migrations=MIGRATIONS)
    async with Database(url, schema="graph") as database:
        outbox = Outbox(database, Bus("nats://127.0.0.1:1", name="unused"), tables.outbox)
        yield database, SqlJobStore(database, outbox), open_objects((folder / "objects").as_uri())


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), chunks=st.integers(1, 4), generations=st.integers(0, 2))
async def test_any_order_any_repetition_one_movie(seed: int, chunks: int, generations: int) -> None:
    random = Random(seed)
    with TemporaryDirectory() as folder:
        async with graph(Path(folder)) as (database, store, objects):
            handler = ResultHandler(store, objects, Wakeups())
            job = await submit(store, make_job(chunks=chunks, generations=generations))
            current: Job | None = job
            while current is not None and not current.state.ended:
                await release_tasks(store, 2, {}, datetime.now(UTC))
                # Every work item so far may be redelivered to a worker; each worker's reports may come twice or never.
                pile = [report for work in await work_items(database) for report in reports(work)]
                pile = [report for report in pile for _ in range(random.choice([0, 1, 1, 2]))]
                random.shuffle(pile)
                for report in pile:
                    await handler.handle(report)
                current = await store.get("studio", job.id)
            assert current is not None
            assert current.state is JobState.SUCCEEDED
            assert current.output_asset == "assets/movie"

            items: Sequence[Any] = await work_items(database)
            keys = [(type(item).__name__, item.task, item.attempt) for item in items]
            assert len(keys) == len(set(keys)) == len(current.tasks), "a work item was queued twice"
            (assembly,) = [item for item in items if isinstance(item, media_work_pb2.AssembleWork)]
            planned = [task for task in current.ordered_tasks() if task.kind is TaskKind.FRAMES]
            assert [segment.blob.digest for segment in assembly.segments] == [blob(t.id).digest for t in planned]
            assert sum(segment.frame_count for segment in assembly.segments) == assembly.frame_count == job.frame_count
            found = await store.events("studio", job.id, 0, 10_000)
            assert found is not None
            assert [event.sequence for event in found[2]] == list(range(1, found[1] + 1))


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_frames_read_what_was_generated(store: SqlJobStore, database: Database, objects: ObjectStore) -> None:
    handler = ResultHandler(store, objects, Wakeups())
    await submit(store, make_job(generations=1, chunks=1, audio=False))
    (generation,) = await work_items(database)
    for report in reports(generation):
        await handler.handle(report)
    await release_tasks(store, 1, {}, datetime.now(UTC))
    frames = (await work_items(database))[1]
    assert isinstance(frames, work_pb2.FramesWork)
    assert [(source.node, source.blob.digest) for source in frames.sources] == [
        ("plate", "1" * 64),
        ("g0", blob("generate:g0").digest),
    ]


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_dead_work_item_fails_its_job(store: SqlJobStore, database: Database, objects: ObjectStore) -> None:
    handler = ResultHandler(store, objects, Wakeups())
    job = await submit(store, make_job(generations=0, chunks=2))
    await release_tasks(store, 2, {}, datetime.now(UTC))
    item = next(item for item in await work_items(database) if isinstance(item, work_pb2.FramesWork))
    dead = delivery("dead.work.frames.normal", item)
    await handler.handle_dead(dead)
    await handler.handle_dead(dead)
    stored = await store.get("studio", job.id)
    assert stored is not None
    assert stored.state is JobState.FAILED
    assert stored.failure is not None
    assert stored.failure.metadata["task"] == "frames:0"


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_late_segment_of_a_cancelled_job_is_deleted(
    store: SqlJobStore, database: Database, objects: ObjectStore
) -> None:
    handler = ResultHandler(store, objects, Wakeups())
    job = await submit(store, make_job(generations=0, chunks=1))
    await release_tasks(store, 2, {}, datetime.now(UTC))
    item = next(item for item in await work_items(database) if isinstance(item, work_pb2.FramesWork))
    async with store.transaction() as transaction:
        locked = await transaction.lock(job.id)
        assert locked is not None
        await transaction.save(locked, transitions.cancel(locked, datetime.now(UTC)))
    key = segment_key("studio", job.run_name, blob("frames:0").digest)
    await objects.put_bytes(key, b"late")
    await handler.handle(reports(item)[-1])
    assert not await objects.exists(key)
