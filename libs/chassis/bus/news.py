"""What happens, heard as it is published: for whoever would otherwise look again and again.

It travels on the core bus: every process that listens hears it, and nobody is told later what was missed. So whoever
listens still looks now and then.
"""

from collections.abc import Callable
from typing import NoReturn

from nats.aio.msg import Msg

from libs.chassis.bus.bus import Bus
from libs.chassis.bus.connection import Link
from libs.chassis.bus.links import with_links


class News:
    """Calls `heard` at each message on `subject`, which may have wildcards and be a stream's; run `run()` as a
    background task. Also called at each new link to the bus, before which something may have been missed."""

    def __init__(self, bus: Bus, subject: str, heard: Callable[[], None]) -> None:
        self._bus = bus
        self._subject = subject
        self._heard = heard

    async def run(self) -> NoReturn:
        """Listen for ever."""
        await with_links(self._bus, f"listening on {self._subject}", self._listen)

    async def _listen(self, link: Link) -> None:
        async def hear(_: Msg) -> None:
            self._heard()

        subscription = await link.client.subscribe(self._subject, cb=hear)
        try:
            self._heard()
            await link.down.wait()
        finally:
            if not link.client.is_closed:
                await subscription.unsubscribe()
