"""Work that ends early when nobody wants it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


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
