"""The bus on a real nats-server: delivery, retries, dead letters, urgency, cancellation."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from nats.js.api import ConsumerConfig, RetentionPolicy

from artifex.common.v1.types_pb2 import Rational
from libs.chassis.bus import Bus, Control, Delivery, control
from libs.chassis.bus.streams import CANCELLED
from libs.chassis.errors import InvalidArgument, Unavailable
from libs.chassis.settings import PlatformSettings
from libs.chassis.telemetry import current_trace_id, setup_telemetry, tracer
from libs.chassis.testing import NatsServer, eventually


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A server of the test's own; it is up in 20 ms."""
    async with NatsServer(tmp_path / "nats") as server:
        yield server


@pytest.fixture
async def bus(nats: NatsServer) -> AsyncIterator[Bus]:
    async with Bus(nats.url, name="test") as bus:
        yield bus


@asynccontextmanager
async def consuming(
    bus: Bus, handler: Callable[[Delivery], Awaitable[None]], **options: Any
) -> AsyncIterator[asyncio.Task[Any]]:
    defaults: dict[str, Any] = {"stream": "WORK", "durable": "frames", "subjects": ["work.frames.normal"]}
    task = asyncio.create_task(bus.consume(handler=handler, **(defaults | {"backoff": [0.02]} | options)))
    yield task
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def stored(bus: Bus, stream: str) -> int:
    link = await bus.connection.link()
    messages: int = (await link.jetstream.stream_info(stream)).state.messages
    return messages


async def until_stored(bus: Bus, stream: str, count: int, within: float = 10) -> None:
    async with asyncio.timeout(within):
        while await stored(bus, stream) != count:  # noqa: ASYNC110 - the server sends no event
            await asyncio.sleep(0.01)


async def test_a_key_is_stored_once(bus: Bus) -> None:
    for _ in range(3):
        await bus.publish("evt.studio.graph.task.completed", Rational(numerator=1), key="job/task/1")
    await bus.publish("evt.studio.graph.task.completed", Rational(numerator=1), key="job/task/2")
    assert await stored(bus, "EVENTS") == 2


async def test_streams_of_an_older_version_are_brought_up_to_date(bus: Bus) -> None:
    await bus.ensure_streams()
    link = await bus.connection.link()
    await link.jetstream.update_stream(name="EVENTS", subjects=["evt.>"], max_age=60, retention=RetentionPolicy.LIMITS)
    await bus.ensure_streams()
    assert (await link.jetstream.stream_info("EVENTS")).config.max_age == 7 * 24 * 3600


async def test_work_is_handled_once_and_leaves_the_queue(bus: Bus) -> None:
    seen: list[Delivery] = []

    async def handler(delivery: Delivery) -> None:
        seen.append(delivery)

    await bus.publish("work.frames.normal", Rational(numerator=24), key="a", headers={"X-Shot": "7"})
    async with consuming(bus, handler):
        await eventually(lambda: len(seen) == 1)
        await until_stored(bus, "WORK", 0)
    delivery = seen[0]
    assert delivery.parse(Rational) == Rational(numerator=24)
    assert (delivery.subject, delivery.key, delivery.attempt, delivery.last_attempt) == (
        "work.frames.normal",
        "a",
        1,
        False,
    )
    assert delivery.headers["X-Shot"] == "7"
    assert abs(time.time() - delivery.published_at.timestamp()) < 10


async def test_every_durable_reads_every_event_and_its_own_subjects(bus: Bus) -> None:
    seen: dict[str, list[str]] = {"one": [], "two": []}

    def handler(name: str) -> Callable[[Delivery], Awaitable[None]]:
        async def handle(delivery: Delivery) -> None:
            seen[name].append(delivery.subject)

        return handle

    subjects = ["evt.*.graph.task.*", "evt.*.media.assembly.*"]
    async with (
        consuming(bus, handler("one"), stream="EVENTS", durable="one", subjects=subjects),
        consuming(bus, handler("two"), stream="EVENTS", durable="two", subjects=subjects[:1]),
    ):
        names = ["evt.a.graph.task.completed", "evt.b.media.assembly.completed", "evt.b.auth.user.created"]
        for number, subject in enumerate(names):
            await bus.publish(subject, b"", key=str(number))
        await eventually(lambda: seen == {"one": names[:2], "two": names[:1]})


async def test_failures_are_repeated_after_a_pause(bus: Bus) -> None:
    attempts: list[tuple[int, float]] = []

    async def handler(delivery: Delivery) -> None:
        attempts.append((delivery.attempt, time.monotonic()))
        if delivery.attempt < 3:
            raise Unavailable("not yet")

    await bus.publish("work.frames.normal", b"", key="a")
    async with consuming(bus, handler, backoff=[0.1, 0.3]):
        await until_stored(bus, "WORK", 0)
    assert [attempt for attempt, _ in attempts] == [1, 2, 3]
    pauses = [later - earlier for (_, earlier), (_, later) in pairwise(attempts)]
    assert pauses[0] >= 0.1
    assert pauses[1] >= 0.3
    assert await bus.list_dead() == []


async def test_what_cannot_succeed_is_a_dead_letter_at_once(bus: Bus) -> None:
    attempts: list[int] = []

    async def handler(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        raise InvalidArgument("The graph\nis wrong.", reason="ERROR_REASON_GRAPH_INVALID")

    await bus.publish("work.frames.normal", b"body", key="a", headers={"X-Shot": "7"})
    async with consuming(bus, handler):
        await until_stored(bus, "WORK", 0)
    assert attempts == [1]
    (letter,) = await bus.list_dead()
    assert (letter.subject, letter.data, letter.attempts, letter.consumer) == (
        "work.frames.normal",
        b"body",
        1,
        "frames",
    )
    assert (letter.reason, letter.message) == ("ERROR_REASON_GRAPH_INVALID", "The graph is wrong.")
    assert letter.headers["X-Shot"] == "7"
    assert letter.headers["Nats-Msg-Id"] == "a"


async def test_a_body_of_another_kind_is_a_dead_letter(bus: Bus) -> None:
    async def handler(delivery: Delivery) -> None:
        delivery.parse(Rational)

    await bus.publish("work.frames.normal", b"\xff\xff\xff", key="a")
    async with consuming(bus, handler):
        await until_stored(bus, "WORK", 0)
    (letter,) = await bus.list_dead()
    assert "artifex.common.v1.Rational" in letter.message


async def test_the_last_attempt_knows_it_and_ends_in_a_dead_letter(bus: Bus) -> None:
    attempts: list[tuple[int, bool]] = []

    async def handler(delivery: Delivery) -> None:
        attempts.append((delivery.attempt, delivery.last_attempt))
        raise RuntimeError("secret detail")

    await bus.publish("work.frames.normal", b"", key="a")
    async with consuming(bus, handler, max_deliver=3):
        await until_stored(bus, "WORK", 0)
    assert attempts == [(1, False), (2, False), (3, True)]
    (letter,) = await bus.list_dead()
    assert letter.reason == "ERROR_REASON_INTERNAL"
    assert letter.attempts == 3


async def test_events_that_cannot_be_handled_stay_for_other_consumers(bus: Bus) -> None:
    async def handler(delivery: Delivery) -> None:
        raise InvalidArgument("no")

    await bus.publish("evt.studio.graph.task.failed", b"", key="a")
    async with consuming(bus, handler, stream="EVENTS", subjects=["evt.>"]):
        await until_stored(bus, "DEAD", 1)
    assert await stored(bus, "EVENTS") == 1


async def test_work_whose_workers_all_died_silently_is_a_dead_letter(bus: Bus) -> None:
    async def never(delivery: Delivery) -> None:
        raise AssertionError

    await bus.ensure_streams()
    link = await bus.connection.link()
    config = ConsumerConfig(durable_name="frames", ack_wait=0.2, max_deliver=2, filter_subject="work.frames.normal")
    await link.jetstream.add_consumer("WORK", config)
    await bus.publish("work.frames.normal", b"body", key="a")
    # Workers that take the message and are never heard of again, as after SIGKILL; no reaper runs meanwhile.
    pulls = await link.jetstream.pull_subscribe_bind(consumer="frames", stream="WORK")
    for _ in range(2):
        assert len(await pulls.fetch(1, timeout=5)) == 1
    with pytest.raises(TimeoutError):
        await pulls.fetch(1, timeout=0.5)
    await pulls.unsubscribe()
    assert await stored(bus, "WORK") == 1

    async with consuming(bus, never, durable="other", subjects=["work.audio.normal"]):
        await until_stored(bus, "WORK", 0)
    (letter,) = await bus.list_dead()
    assert (letter.subject, letter.data, letter.attempts, letter.consumer) == (
        "work.frames.normal",
        b"body",
        2,
        "frames",
    )


async def test_a_working_handler_keeps_its_message(bus: Bus) -> None:
    seen: list[int] = []

    async def handler(delivery: Delivery) -> None:
        seen.append(delivery.attempt)
        await asyncio.sleep(1.5)  # five times as long as the server would wait for a silent worker

    await bus.publish("work.frames.normal", b"", key="a")
    async with consuming(bus, handler, ack_wait=0.3, concurrency=2):
        await until_stored(bus, "WORK", 0)
    assert seen == [1]


async def test_at_most_concurrency_handlers_run_at_once(bus: Bus) -> None:
    running, most, done = 0, 0, 0

    async def handler(delivery: Delivery) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        done += 1

    for number in range(20):
        await bus.publish("work.frames.normal", b"", key=str(number))
    async with consuming(bus, handler, concurrency=3):
        await eventually(lambda: done == 20)
    assert most == 3


async def test_urgent_work_overtakes(bus: Bus) -> None:
    seen: list[str] = []
    go = asyncio.Event()

    async def handler(delivery: Delivery) -> None:
        seen.append(delivery.key)
        await go.wait()

    subjects = ["work.frames.high", "work.frames.normal", "work.frames.low"]
    for number in range(3):
        await bus.publish("work.frames.low", b"", key=f"low{number}")
        await bus.publish("work.frames.normal", b"", key=f"normal{number}")
    async with consuming(bus, handler, subjects=subjects):
        await eventually(lambda: seen == ["normal0"])
        await bus.publish("work.frames.high", b"", key="high0")
        go.set()
        await eventually(lambda: len(seen) == 7)
        assert seen == ["normal0", "high0", "normal1", "normal2", "low0", "low1", "low2"]
        # Also after idling, when every subject is being waited for.
        for key, subject in (("low3", "work.frames.low"), ("high1", "work.frames.high")):
            await bus.publish(subject, b"", key=key)
        await eventually(lambda: set(seen[7:]) == {"low3", "high1"})
        await until_stored(bus, "WORK", 0)


async def test_a_queue_that_was_one_is_told_apart_and_loses_nothing(bus: Bus) -> None:
    handled = []

    async def handle(delivery: Delivery) -> None:
        handled.append(delivery.subject)

    async with consuming(bus, handle, subjects=["work.frames.*"]):
        await bus.publish("work.frames.low", b"", key="1")
        await until_stored(bus, "WORK", 0)
    await bus.publish("work.frames.low", b"", key="2")
    async with consuming(bus, handle, subjects=["work.frames.high", "work.frames.low"]):
        await until_stored(bus, "WORK", 0)
    assert handled == ["work.frames.low"] * 2


async def test_a_stopping_worker_gives_its_work_to_another_at_once(bus: Bus, nats: NatsServer) -> None:
    taken = asyncio.Event()

    async def first(delivery: Delivery) -> None:
        taken.set()
        await asyncio.Event().wait()

    seen: list[int] = []

    async def second(delivery: Delivery) -> None:
        seen.append(delivery.attempt)

    async with Bus(nats.url, name="other") as other, consuming(bus, first, ack_wait=60) as worker:
        await bus.publish("work.frames.normal", b"", key="a")
        await taken.wait()
        async with consuming(other, second, ack_wait=60):
            worker.cancel()
            await eventually(lambda: seen == [2], timeout=5)


async def test_a_message_for_nobody_is_refused(bus: Bus) -> None:
    with pytest.raises(InvalidArgument, match="no stream"):
        await bus.publish("nowhere.at.all", b"", key="a")
    with pytest.raises(InvalidArgument):
        await bus.publish("evt.a.b.c.d", b"x" * 2_000_000, key="a")


async def test_the_trace_goes_on_in_the_handler(bus: Bus, tmp_path: Path) -> None:
    seen: list[str] = []

    async def handler(delivery: Delivery) -> None:
        seen.append(current_trace_id())

    async with setup_telemetry("test", PlatformSettings(home=tmp_path)):
        with tracer("test").start_as_current_span("submit"):
            published = current_trace_id()
            await bus.publish("work.frames.normal", b"", key="a")
        async with consuming(bus, handler):
            await eventually(lambda: len(seen) == 1)
    assert seen == [published]


@asynccontextmanager
async def watching(bus: Bus) -> AsyncIterator[Control]:
    control = Control(bus)
    task = asyncio.create_task(control.watch())
    await control.ready()
    yield control
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_reaches_every_process_at_once(bus: Bus, nats: NatsServer) -> None:
    async with Bus(nats.url, name="other") as other, watching(bus) as here, watching(other) as there:
        event = there.event("renderJobs/x")
        before = time.monotonic()
        await here.cancel("renderJobs/x")
        await event.wait()
        assert time.monotonic() - before < 0.2
        assert here.is_cancelled("renderJobs/x")
        assert there.is_cancelled("renderJobs/x")
        assert not there.is_cancelled("renderJobs/y")
        assert there.event("renderJobs/x").is_set()


async def test_keys_that_the_bucket_forgot_are_forgotten_here(
    bus: Bus, nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_REFRESH_SECONDS", 0.05)
    async with watching(bus) as here:
        await here.cancel("renderJobs/old")
        await here.cancel("renderJobs/new")
        link = await bus.connection.link()
        # As when its day is over.
        await link.jetstream.purge_stream(f"KV_{CANCELLED}", subject=f"$KV.{CANCELLED}.renderJobs/old")
        await eventually(lambda: not here.is_cancelled("renderJobs/old"), what="forgetting")
        assert here.is_cancelled("renderJobs/new")


async def test_a_worker_that_starts_later_knows_what_was_cancelled(bus: Bus, nats: NatsServer) -> None:
    await Control(bus).cancel("renderJobs/x")
    async with Bus(nats.url, name="other") as other, watching(other) as there:
        assert there.is_cancelled("renderJobs/x")
