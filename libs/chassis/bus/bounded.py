"""The bus for those who cannot wait: it waits out outages, and an rpc must not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats.errors

from libs.chassis.errors import Unavailable


@asynccontextmanager
async def bounded(seconds: float = 2.0) -> AsyncIterator[None]:
    """A block of calls to the bus; raises Unavailable when they take longer than that, or when the bus refuses."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (TimeoutError, nats.errors.Error) as error:
        raise Unavailable("the message bus does not answer", metadata={"dependency": "nats"}) from error
