"""The bus as seen by commands: bounded in time, since an rpc must not wait out an outage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.errors import Error as NatsError

from libs.chassis.bus import Bus, Control
from libs.chassis.errors import Unavailable

_TIMEOUT_SECONDS = 2.0


class BusControl:
    """The `WorkControl` port."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def cancel(self, key: str) -> None:
        async with _bounded():
            await self._control.cancel(key)


class BusQueue:
    """The `WorkQueue` port."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def pending(self, kind: str) -> int:
        async with _bounded():
            link = await self._bus.connection.link()
            # A work queue drops an item when it is acknowledged, so what it holds is queued or in some worker's hands.
            info = await link.jetstream.stream_info("WORK", subjects_filter=f"work.{kind}.>")
            return sum((info.state.subjects or {}).values())


@asynccontextmanager
async def _bounded() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            yield
    except (TimeoutError, NatsError) as error:
        raise Unavailable("the message bus does not answer", metadata={"dependency": "nats"}) from error
