"""What is done again with each new link to the bus."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

from libs.chassis.bus.bus import Bus
from libs.chassis.bus.connection import ANY_ERROR, RETRY_SECONDS, Link

_log = logging.getLogger(__name__)


async def with_links(bus: Bus, what: str, use: Callable[[Link], Awaitable[None]]) -> NoReturn:
    """Do something with each link to the bus, until it breaks."""
    failures = 0
    while True:
        link = await bus.connection.link()
        try:
            await use(link)
            failures = 0
        except ANY_ERROR as error:
            pause = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
            failures += 1
            _log.info("%s starts anew in %.2f s: %r", what, pause, error)
            await asyncio.sleep(pause)
