"""The `Cancellations` port over the bus."""

from __future__ import annotations

import asyncio

from nats.errors import Error as NatsError

from libs.chassis.bus import Control
from libs.chassis.errors import Unavailable

_TIMEOUT_SECONDS = 2.0


class BusCancellations:
    def __init__(self, control: Control) -> None:
        self._control = control

    async def cancel(self, key: str) -> None:
        """Bounded in time, since an rpc must not wait out an outage."""
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._control.cancel(key)
        except (TimeoutError, NatsError) as error:
            raise Unavailable("the message bus does not answer", metadata={"dependency": "nats"}) from error

    def is_cancelled(self, key: str) -> bool:
        return self._control.is_cancelled(key)

    async def wait(self, key: str) -> None:
        await self._control.event(key).wait()
