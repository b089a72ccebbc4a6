"""Work that ends early when nobody wants it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class Interrupted(Exception):
    """The work is not wanted any more, such as that of a cancelled job: there is nothing to do and nothing to say."""


async def unless_set(work: Coroutine[Any, Any, T], *events: asyncio.Event) -> T:
    """What `work` returns or raises; `Interrupted` when one of the events is set before it has ended.

    Interrupted, or cancelled from outside, the work is cancelled and has come to rest when this raises.
    """
    doing = asyncio.create_task(work)
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait([doing, *waits], return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Interrupted
        return doing.result()
    finally:
        for task in (doing, *waits):
            task.cancel()
        # Also takes note of how the work failed on its way out, which interests nobody now.
        await asyncio.gather(doing, *waits, return_exceptions=True)


async def on_thread(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """As `asyncio.to_thread`, for work on what the caller closes when it is cancelled: then this raises only once the
    thread is done."""
    doing = asyncio.create_task(asyncio.to_thread(work, *arguments, **named))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        while not doing.done():
            # A thread cannot be stopped, however often that is asked for.
            with suppress(asyncio.CancelledError):
                await asyncio.wait([doing])
        if not doing.cancelled():
            # How it failed interests nobody now.
            doing.exception()
        raise
