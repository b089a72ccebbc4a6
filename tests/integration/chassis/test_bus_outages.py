"""The bus while its server is killed, restarted, late, and robbed of its store."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from libs.chassis.bus import Bus, Control, Delivery
from libs.chassis.testing import NatsServer, eventually
from tests.integration.chassis.test_bus import consuming, until_stored, watching


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path / "nats") as server:
        yield server


async def restart(nats: NatsServer) -> None:
    nats.launch()
    await asyncio.to_thread(nats.wait_ready)


async def test_publishing_waits_for_the_server_to_come_back(nats: NatsServer) -> None:
    async with Bus(nats.url, name="test") as bus:
        await bus.ensure_streams()
        nats.kill9()
        waiting = [asyncio.create_task(bus.publish("work.frames.normal", b"", key=str(n))) for n in range(10)]
        await eventually(lambda: not bus.connection.connected)
        assert not await bus.check()
        assert not any(task.done() for task in waiting)
        await restart(nats)
        async with asyncio.timeout(5):
            await asyncio.gather(*waiting)
        await until_stored(bus, "WORK", 10)
        assert await bus.check()


async def test_a_publisher_that_gives_up_is_let_go(nats: NatsServer) -> None:
    async with Bus(nats.url, name="test") as bus:
        nats.kill9()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await bus.publish("work.frames.normal", b"", key="a")


async def test_a_service_may_start_before_the_server(tmp_path: Path) -> None:
    nats = NatsServer(tmp_path / "nats")

    async def publish() -> None:
        async with Bus(nats.url, name="early") as bus:
            await bus.publish("work.frames.normal", b"", key="a")

    task = asyncio.create_task(publish())
    await asyncio.sleep(0.3)  # some failed attempts
    assert not task.done()
    async with nats, asyncio.timeout(5):
        await task


async def test_work_that_ends_while_the_server_is_away_is_acknowledged_after_it(nats: NatsServer) -> None:
    attempts: list[int] = []
    started, finish = asyncio.Event(), asyncio.Event()

    async def handler(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        started.set()
        await finish.wait()

    async with Bus(nats.url, name="test") as bus:
        await bus.publish("work.frames.normal", b"", key="a")
        async with consuming(bus, handler, ack_wait=30):
            await started.wait()
            nats.kill9()
            await eventually(lambda: not bus.connection.connected)
            finish.set()
            await asyncio.sleep(0.2)  # the handler returns into the outage
            await restart(nats)
            await until_stored(bus, "WORK", 0)
    assert attempts == [1]


async def test_consumers_go_on_after_the_server_lost_everything(nats: NatsServer) -> None:
    seen: list[str] = []

    async def handler(delivery: Delivery) -> None:
        seen.append(delivery.key)

    async with Bus(nats.url, name="test") as bus, consuming(bus, handler), watching(bus) as control:
        await bus.publish("work.frames.normal", b"", key="before")
        await eventually(lambda: seen == ["before"])
        nats.kill9()
        shutil.rmtree(nats.folder / "store")
        await restart(nats)
        await bus.publish("work.frames.normal", b"", key="after")
        await eventually(lambda: seen == ["before", "after"])
        await control.cancel("renderJobs/x")


async def test_cancellations_cross_an_outage(nats: NatsServer) -> None:
    async with Bus(nats.url, name="one") as one, Bus(nats.url, name="two") as two, watching(two) as there:
        nats.kill9()
        await eventually(lambda: not one.connection.connected and not two.connection.connected)
        cancelling = asyncio.create_task(Control(one).cancel("renderJobs/x"))
        event = there.event("renderJobs/x")
        await restart(nats)
        async with asyncio.timeout(5):
            await cancelling
            await event.wait()


async def test_five_kills_in_mid_stream_lose_nothing(nats: NatsServer) -> None:
    """The audit: what was published is what was handled, and the queue ends empty."""
    handled: dict[str, int] = {}

    async def handler(delivery: Delivery) -> None:
        await asyncio.sleep(0.002)
        handled[delivery.key] = handled.get(delivery.key, 0) + 1

    published: list[str] = []

    async def publish(bus: Bus, part: int) -> None:
        for number in range(100):
            key = f"{part}/{number}"
            await bus.publish("work.frames.normal", key.encode(), key=key)
            published.append(key)

    def told(count: int) -> bool:
        return len(published) >= count

    async with (
        Bus(nats.url, name="one") as one,
        Bus(nats.url, name="two") as two,
        consuming(one, handler, ack_wait=2, concurrency=2),
        consuming(two, handler, ack_wait=2),
    ):
        publishers = [asyncio.create_task(publish(bus, part)) for part, bus in enumerate((one, two, one))]
        for kill in range(5):
            await eventually(partial(told, (kill + 1) * 40))
            nats.kill9()
            await restart(nats)
        await asyncio.gather(*publishers)
        # A lost acknowledgement costs ack_wait, a request that the dying server swallowed its timeout.
        await until_stored(one, "WORK", 0, within=60)
        await eventually(lambda: len(handled) == 300)
    assert sorted(handled) == sorted(published)
    assert len(published) == 300
