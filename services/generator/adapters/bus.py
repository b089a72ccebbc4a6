"""The `Cancellations` port over the bus."""

from __future__ import annotations

import asyncio

from libs.chassis.bus import Control, bounded


class BusCancellations:
    def __init__(self, control: Control) -> None:
        self._control = control

    async def cancel(self, key: str) -> None:
        async with bounded():
            await self._control.cancel(key)

    def event(self, key: str) -> asyncio.Event:
        return self._control.event(key)
