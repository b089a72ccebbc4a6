"""Who is there, and who does not want work now: on a real nats-server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from artifex.common.v1.types_pb2 import Rational
from libs.chassis.bus import Bus, Declined, Delivery, Heartbeat, Listener
from libs.chassis.testing import NatsServer, eventually


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A server of the test's own; it is up in 20 ms."""
    async with NatsServer(tmp_path / "nats") as server:
        yield server


@asynccontextmanager
async def running(coroutine: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    task = asyncio.create_task(coroutine)
    yield
    task.cancel()
    await asyncio.wait([task])


def number(body: bytes) -> int:
    return Rational.FromString(body).numerator


async def test_a_listener_that_starts_later_knows_everybody_at_once(nats: NatsServer) -> None:
    async with Bus(nats.url, name="workers") as bus, Bus(nats.url, name="graph") as other:
        first = Heartbeat(bus, "render", lambda: Rational(numerator=1))
        second = Heartbeat(bus, "render", lambda: Rational(numerator=2))
        async with running(first.run()), running(second.run()):
            heard: list[int] = []
            async with running(Listener(other, "render", lambda body: heard.append(number(body))).run()):
                # Sooner than the next beat that nobody asks for.
                await eventually(lambda: {1, 2} <= set(heard), timeout=1.5)


async def test_what_changes_is_told_at_once_and_what_is_told_is_kept_by_nobody(nats: NatsServer) -> None:
    async with Bus(nats.url, name="both") as bus:
        await bus.ensure_streams()
        state = [1]
        heartbeat = Heartbeat(bus, "render", lambda: Rational(numerator=state[0]))
        heard: list[int] = []
        async with (
            running(Listener(bus, "render", lambda body: heard.append(number(body))).run()),
            running(heartbeat.run()),
        ):
            await eventually(lambda: 1 in heard)
            state[0] = 2
            heartbeat.changed()
            await eventually(lambda: 2 in heard, timeout=1.5)
        link = await bus.connection.link()
        for stream in ("EVENTS", "WORK", "DEAD"):
            assert (await link.jetstream.stream_info(stream)).state.messages == 0


async def test_a_bus_that_restarts_is_told_of_everybody_anew(nats: NatsServer) -> None:
    async with Bus(nats.url, name="both") as bus:
        heard: list[int] = []
        heartbeat = Heartbeat(bus, "render", lambda: Rational(numerator=1))
        async with (
            running(Listener(bus, "render", lambda body: heard.append(number(body))).run()),
            running(heartbeat.run()),
        ):
            await eventually(lambda: bool(heard))
            nats.kill9()
            await eventually(lambda: not bus.connection.connected)
            heard.clear()
            # Nobody waits while the bus is away.
            await heartbeat.tell()
            nats.launch()
            await eventually(lambda: bool(heard), timeout=20)


async def test_work_that_one_declines_another_does(nats: NatsServer) -> None:
    done: list[tuple[str, int]] = []

    async def decline(delivery: Delivery) -> None:
        done.append(("picky", delivery.attempt))
        raise Declined(0.01)

    async def accept(delivery: Delivery) -> None:
        done.append(("willing", delivery.attempt))

    async with Bus(nats.url, name="picky") as picky, Bus(nats.url, name="willing") as willing:
        options: dict[str, Any] = {
            "stream": "WORK",
            "durable": "frames",
            "subjects": ["work.frames.*"],
            "max_deliver": -1,
        }
        async with running(picky.consume(handler=decline, **options)):
            await picky.publish("work.frames.normal", b"", key="a")
            await eventually(lambda: len(done) > 2)
            async with running(willing.consume(handler=accept, **options)):
                await eventually(lambda: done[-1][0] == "willing")
                link = await picky.connection.link()
                await eventually_empty(link.jetstream)
        assert [who for who, _ in done].count("willing") == 1


async def eventually_empty(jetstream: Any) -> None:
    async with asyncio.timeout(10):
        while (await jetstream.stream_info("WORK")).state.messages:  # noqa: ASYNC110 - the server sends no event
            await asyncio.sleep(0.01)


async def test_who_does_not_want_work_takes_none(nats: NatsServer) -> None:
    seen: list[str] = []
    fit = asyncio.Event()

    async def handler(delivery: Delivery) -> None:
        seen.append(delivery.key)
        fit.clear()

    async def admit() -> None:
        await fit.wait()

    async with Bus(nats.url, name="test") as bus:
        for key in ("a", "b"):
            await bus.publish("work.frames.normal", b"", key=key)
        consuming = bus.consume(
            stream="WORK", durable="frames", subjects=["work.frames.*"], handler=handler, admit=admit
        )
        async with running(consuming):
            fit.set()
            await eventually(lambda: seen == ["a"])
            # The next message was not asked for: it is nobody's, and whoever wants it may have it.
            await eventually(lambda: not fit.is_set())
            link = await bus.connection.link()
            assert (await link.jetstream.consumer_info("WORK", "frames")).num_ack_pending <= 1
            fit.set()
            await eventually(lambda: seen == ["a", "b"])
