"""Follow a generation until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from libs.chassis.principal import Principal
from services.generator.commands.get_generation import get_generation, places
from services.generator.domain.generation import Generation, Place, State
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
    store: Store, wakeups: Wakeups, caller: Principal, name: str, after: int, turns: int
) -> AsyncIterator[tuple[Generation, Place, int]]:
    """The generation as it is, then at every change that is seen, each with a number that grows; quick changes may be
    seen as one, and what has the number `after` or a lower one is not told. One that comes nearer in the queue is told
    again under the number that it has.

    `turns`: how many generations are made at a time. Raises NotFound when the caller's tenant has none of that name.
    """
    seen, ahead = after, -1
    while True:
        changed = wakeups.next()
        generation = await get_generation(store, caller, name)
        (place,) = await places(store, [generation], turns)
        sequence = generation.revision + 1
        nearer = generation.state is State.QUEUED and 0 <= place.ahead < ahead
        ahead = place.ahead
        if sequence > seen or nearer:
            seen = max(seen, sequence)
            yield generation, place, sequence
        if generation.state.ended:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await changed.wait()
