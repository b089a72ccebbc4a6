"""The end of a server: running calls are let finish, and new ones are told at once to go elsewhere.

grpc.aio's own `stop(grace)` is not enough: a call that it accepts at the moment of stopping is given to no handler, and
its caller hangs until the grace period is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.chassis.errors import Unavailable
from libs.chassis.rpc.interceptors.around import AroundInterceptor, Call
from libs.chassis.rpc.policy import OPEN_SERVICES


class DrainInterceptor(AroundInterceptor):
    """Counts the calls that run; health and reflection are neither counted nor refused."""

    def __init__(self) -> None:
        self._running = 0
        self._draining = False
        self._idle = asyncio.Event()

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        service = call.method.lstrip("/").partition("/")[0]
        if service in OPEN_SERVICES:
            yield
            return
        if self._draining:
            raise Unavailable("the service is being restarted; try again", metadata={"dependency": service})
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def drain(self, seconds: float) -> bool:
        """Refuse new calls from now on, and wait for the running ones; False when some still run after `seconds`."""
        self._draining = True
        if self._running:
            self._idle.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._idle.wait()
            except TimeoutError:
                return False
        return True
