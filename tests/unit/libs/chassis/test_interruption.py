"""Work that ends early when an event is set."""

from __future__ import annotations

import asyncio

import pytest

from libs.chassis.interruption import Interrupted, unless_set


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
