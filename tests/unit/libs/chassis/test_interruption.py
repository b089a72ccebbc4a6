"""Work that ends early when an event is set, and threads that cannot."""

from __future__ import annotations

import asyncio
import threading

import pytest

from libs.chassis.interruption import Interrupted, on_thread, unless_set


async def test_work_that_ends_first_is_answered() -> None:
    async def work() -> str:
        return "done"

    assert await unless_set(work(), asyncio.Event()) == "done"


async def test_an_event_ends_the_work_and_waits_for_its_clean_up() -> None:
    first, second, cleaned = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            second.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    with pytest.raises(Interrupted):
        await unless_set(work(), first, second)
    assert cleaned.is_set()


async def test_what_the_work_raises_is_raised() -> None:
    async def work() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await unless_set(work(), asyncio.Event())


async def test_cancelling_the_caller_ends_the_work() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    caller = asyncio.create_task(unless_set(work(), asyncio.Event()))
    await started.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended.is_set()


async def test_a_thread_is_waited_for_however_often_its_caller_is_cancelled() -> None:
    begun, let_go, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        let_go.wait()
        ended.set()
        raise LookupError("gone")

    caller = asyncio.create_task(on_thread(work))
    await asyncio.to_thread(begun.wait)
    for _ in range(3):
        caller.cancel()
        # A turn of the loop for each.
        await asyncio.sleep(0)
        assert not caller.done()
    let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended.is_set()


async def test_a_thread_that_is_left_alone_tells_how_it_ended() -> None:
    assert await on_thread(int, "10", base=2) == 2
    with pytest.raises(ValueError, match="invalid literal"):
        await on_thread(int, "x")
