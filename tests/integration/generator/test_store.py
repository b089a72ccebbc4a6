"""The store's promises, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from artifex.common.v1.types_pb2 import Blob, Failure
from artifex.generator.v1.messages_pb2 import GenerationPlan, GenerationProvenance, GenerationSpec
from artifex.generator.v1.work_pb2 import GivenPicture
from artifex.media.v1.messages_pb2 import MediaInfo
from libs.chassis.bus import Bus
from libs.chassis.database import Database, migrate
from libs.chassis.ids import new_id
from libs.chassis.outbox import Outbox
from libs.chassis.testing import schema_differences
from services.generator.__main__ import MIGRATIONS
from services.generator.adapters import tables
from services.generator.adapters.sql_store import SqlStore
from services.generator.domain.generation import Generation, Place, Priority, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url, schema="generator", migrations=MIGRATIONS)
    async with Database(database_url, schema="generator") as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> SqlStore:
    """Nothing relays its outbox."""
    return SqlStore(database, Outbox(database, Bus("nats://127.0.0.1:1", name="unused"), tables.outbox))


def generation(**changes: Any) -> Generation:
    values: dict[str, Any] = {
        "tenant": "studio",
        "id": new_id(),
        "subject": "ann",
        "spec": GenerationSpec(prompt="강", steps=4, seed=2**63 - 1),
        "create_time": NOW,
        "trace_id": "a" * 32,
        **changes,
    }
    return Generation(**values)


async def test_the_migrations_make_the_tables_that_the_code_declares(database: Database) -> None:
    assert await schema_differences(database, tables.metadata) == []


async def test_what_is_stored_comes_back_whole_and_for_its_tenant_alone(store: SqlStore) -> None:
    made = generation(job="renderJobs/j", task="generate:shot", attempt=3)
    async with store.transaction() as unit:
        assert await unit.insert(made)
    assert await store.get("studio", made.id) == made
    assert await store.get("other", made.id) is None
    made.state, made.steps_done, made.content_key = State.SUCCEEDED, 4, "k" * 64
    made.result, made.media = Blob(digest="b" * 64, size=9), MediaInfo(format="matroska")
    made.failure, made.start_time, made.end_time = Failure(reason="ERROR_REASON_INTERNAL"), NOW, NOW
    made.weights_digest, made.random_weights, made.device = "w" * 64, True, "cpu"
    made.pictures = (GivenPicture(role=GivenPicture.ROLE_FIRST, blob=Blob(digest="c" * 64)),)
    made.priority, made.queue_time, made.pauses, made.windows = Priority.HIGH, NOW, 2, 3
    made.seconds_left, made.device_seconds, made.preview = 1.5, 20.25, Blob(digest="d" * 64)
    made.plan = GenerationPlan(prompt="강", fits=True)
    made.provenance = GenerationProvenance(sampler="unipc", sigmas=[1.0, 0.5], versions={"torch": "2"})
    async with store.transaction() as unit:
        await unit.save(made)
    assert made.revision == 1
    assert await store.get("studio", made.id) == made


async def test_the_second_of_two_with_one_id_is_left_out(store: SqlStore) -> None:
    made = generation()
    async with store.transaction() as unit:
        assert await unit.insert(made)
        assert not await unit.insert(generation(id=made.id, subject="bob"))
        assert await unit.insert(generation(id=made.id, tenant="other"))
    found = await store.get("studio", made.id)
    assert found is not None
    assert found.subject == "ann"


async def test_a_transaction_that_fails_leaves_nothing(store: SqlStore) -> None:
    made = generation()

    async def fail_half_way() -> None:
        async with store.transaction() as unit:
            await unit.insert(made)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_half_way()
    assert await store.get("studio", made.id) is None


async def test_lists_are_newest_first_and_go_on_below_an_id(store: SqlStore) -> None:
    made = [generation() for _ in range(4)]
    async with store.transaction() as unit:
        for each in [*made, generation(tenant="other")]:
            await unit.insert(each)
    newest_first = [each.id for each in reversed(made)]
    assert [found.id for found in await store.list("studio", "", 3)] == newest_first[:3]
    assert [found.id for found in await store.list("studio", newest_first[2], 3)] == newest_first[3:]


async def test_those_ahead_are_what_runs_and_what_waits_and_is_more_urgent_or_waits_longer(store: SqlStore) -> None:
    def waiting(second: float, **changes: object) -> Generation:
        return generation(queue_time=NOW + timedelta(seconds=second), **changes)

    first, second = waiting(1, seconds_left=10.0), waiting(2, tenant="other", seconds_left=5.5)
    low, high = waiting(0, priority=Priority.LOW), waiting(3, priority=Priority.HIGH, seconds_left=2.0)
    async with store.transaction() as unit:
        for each in [first, second, low, high]:
            await unit.insert(each)
        await unit.insert(waiting(0, state=State.PAUSED))
        await unit.insert(waiting(0, state=State.SUCCEEDED))
    places = [await store.place(each) for each in (high, first, second, low)]
    assert places == [Place(0, 0.0), Place(1, 2.0), Place(2, 12.0), Place(3, 17.5)]
    async with store.transaction() as unit:
        await unit.insert(waiting(9, state=State.RUNNING, priority=Priority.LOW, seconds_left=100.0))
        await unit.insert(waiting(9, state=State.RUNNING))
        # Nobody knows of it how long it lasts.
        await unit.insert(waiting(1.5))
    places = [await store.place(each) for each in (high, first, second, low)]
    assert places == [Place(2, 100.0), Place(3, 102.0), Place(5, None), Place(6, None)]


async def test_a_jobs_generations_that_have_not_ended_are_those_of_its_tenant_in_whatever_state(
    store: SqlStore,
) -> None:
    job = "renderJobs/j-1"
    wanted = [generation(job=job, state=state) for state in (State.QUEUED, State.RUNNING, State.PAUSED)]
    others = [generation(job=job, state=state) for state in State if state.ended]
    others += [generation(job="renderJobs/j-2"), generation(), generation(job=job, tenant="other")]
    async with store.transaction() as unit:
        for each in [*wanted, *others]:
            await unit.insert(each)
    assert sorted(await store.unended_of("studio", job)) == [each.id for each in wanted]


async def test_an_equal_clip_is_found_only_where_it_succeeded_and_in_its_tenant(store: SqlStore) -> None:
    key = "c" * 64
    good = generation(content_key=key, state=State.SUCCEEDED)
    async with store.transaction() as unit:
        await unit.insert(generation(content_key=key, state=State.RUNNING))
        await unit.insert(generation(content_key="d" * 64, state=State.SUCCEEDED))
        await unit.insert(good)
    assert await store.find_equal("studio", key) == good
    assert await store.find_equal("other", key) is None
