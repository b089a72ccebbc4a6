"""A work item that the queue has lost is queued anew, and those beside it are left alone: a real queue and database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from libs.chassis.bus import Bus
from libs.chassis.clock import utcnow
from libs.chassis.database import Database
from libs.chassis.outbox import Outbox
from libs.chassis.testing import NatsServer
from services.graph.adapters import tables
from services.graph.adapters.bus import BusQueue
from services.graph.adapters.job_store import SqlJobStore
from services.graph.commands.release_tasks import release_tasks
from services.graph.commands.requeue_lost_tasks import requeue_lost_tasks
from services.graph.domain.jobs import transitions
from tests.unit.services.graph.domain.jobs.made import START, make_job


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_only_what_is_lost_is_queued_again(database: Database, tmp_path: Path) -> None:
    async with NatsServer(tmp_path / "nats") as nats, Bus(nats.url, name="graph") as bus:
        outbox = Outbox(database, bus, tables.outbox)
        store, queue = SqlJobStore(database, outbox), BusQueue(bus)
        relaying = asyncio.create_task(outbox.relay())
        job = make_job(generations=0, chunks=4, audio=False)
        async with store.transaction() as transaction:
            await transaction.insert(job, transitions.begin(job, START))
        await bus.ensure_streams()
        assert await queue.held("frames") == set()
        assert await release_tasks(store, 2, {}, START) == 4
        names = [f"{job.run_name}/frames:{number}/1/work" for number in range(4)]
        async with asyncio.timeout(10):
            while await queue.held("frames") != set(names):  # noqa: ASYNC110 - the relay tells nobody
                await asyncio.sleep(0.01)
        later = utcnow() + timedelta(minutes=1)
        assert await requeue_lost_tasks(store, queue, later, silent_for=timedelta(seconds=30)) == 0

        link = await bus.connection.link()
        await link.jetstream.delete_msg("WORK", 3)
        assert await queue.held("frames") == {names[0], names[1], names[3]}
        assert await requeue_lost_tasks(store, queue, later, silent_for=timedelta(seconds=30)) == 1
        found = await store.get(job.tenant, job.id)
        assert found is not None
        assert [found.tasks[f"frames:{number}"].attempt for number in range(4)] == [1, 1, 2, 1]
        async with asyncio.timeout(10):
            while len(await queue.held("frames") or ()) != 4:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        relaying.cancel()
        await asyncio.wait([relaying])
