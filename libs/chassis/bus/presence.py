"""Who is there: processes tell of themselves every few seconds, and whoever listens knows them.

It travels on the core bus and is kept by nobody: what was said a minute ago is of no use. A listener that starts asks,
so that it knows all within a round trip.

    presence.<group>.beat   one process tells of itself
    presence.<group>.ask    everybody is to tell now
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from google.protobuf.message import Message
from nats.aio.msg import Msg

from libs.chassis.bus.bus import Bus
from libs.chassis.bus.connection import Link
from libs.chassis.bus.links import with_links

BEAT_SECONDS = 2.0
_LEAST_SECONDS = 0.25  # between two beats, however much changes


class Heartbeat:
    """Tells of this process; run `run()` as a background task. `describe` gives what is to be said now."""

    def __init__(self, bus: Bus, group: str, describe: Callable[[], Message]) -> None:
        self._bus = bus
        self._group = group
        self._describe = describe
        self._news = asyncio.Event()

    def changed(self) -> None:
        """Something is different: tell soon and not only with the next beat."""
        self._news.set()

    async def tell(self) -> None:
        """Tell once, now. While the bus is away nobody is told, and nobody waits."""
        if self._bus.connection.connected:
            link = await self._bus.connection.link()
            await link.client.publish(f"presence.{self._group}.beat", self._describe().SerializeToString())

    async def run(self) -> NoReturn:
        """Tell for ever."""
        await with_links(self._bus, "heartbeat", self._beat)

    async def _beat(self, link: Link) -> None:
        async def asked(_: Msg) -> None:
            self._news.set()

        subscription = await link.client.subscribe(f"presence.{self._group}.ask", cb=asked)
        try:
            while not link.down.is_set():
                self._news.clear()
                await self.tell()
                await asyncio.sleep(_LEAST_SECONDS)
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_SECONDS - _LEAST_SECONDS):
                        await self._news.wait()
        finally:
            if not link.client.is_closed:
                await subscription.unsubscribe()


class Listener:
    """Hears who is there; run `run()` as a background task. `heard` gets every beat's body."""

    def __init__(self, bus: Bus, group: str, heard: Callable[[bytes], None]) -> None:
        self._bus = bus
        self._group = group
        self._heard = heard

    async def run(self) -> NoReturn:
        """Listen for ever."""
        await with_links(self._bus, "listening for heartbeats", self._listen)

    async def _listen(self, link: Link) -> None:
        async def beat(message: Msg) -> None:
            self._heard(message.data)

        subscription = await link.client.subscribe(f"presence.{self._group}.beat", cb=beat)
        try:
            await link.client.publish(f"presence.{self._group}.ask", b"")
            await link.down.wait()
        finally:
            if not link.client.is_closed:
                await subscription.unsubscribe()
