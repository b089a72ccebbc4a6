"""Follow a generation until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from libs.chassis.principal import Principal
from services.generator.commands.get_generation import get_generation
from services.generator.domain.generation import Generation
from services.generator.ports import Store

POLL_SECONDS = 0.5
"""How long a change may go unseen of which no news came; others wake the watchers at once."""


class Wakeups:
    """Tells the watchers in this process that some generation changed."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def next(self) -> asyncio.Event:
        """Set at the next change."""
        return self._changed


async def watch_generation(
    store: Store, wakeups: Wakeups, caller: Principal, name: str, after: int
) -> AsyncIterator[tuple[Generation, int]]:
    """The generation as it is, then at every change that is seen, each with a number that grows; quick changes may be
    seen as one, and what has the number `after` or a lower one is not told.

    Raises NotFound when the caller's tenant has none of that name.
    """
    seen = after
    while True:
        changed = wakeups.next()
        generation = await get_generation(store, caller, name)
        sequence = generation.revision + 1
        if sequence > seen:
            seen = sequence
            yield generation, sequence
        if generation.state.ended:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await changed.wait()
