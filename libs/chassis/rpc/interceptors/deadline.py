"""The caller's deadline is kept, here and in the calls that follow; an rpc without one gets the server's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.chassis.errors import DeadlineExceeded
from libs.chassis.rpc.deadlines import set_deadline
from libs.chassis.rpc.interceptors.around import AroundInterceptor, Call


class DeadlineInterceptor(AroundInterceptor):
    """`default_seconds` bounds rpcs with one request and one answer; streams without a deadline last as they must."""

    def __init__(self, default_seconds: float) -> None:
        self._default = default_seconds

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        seconds: float | None = call.context.time_remaining()
        if seconds is None and call.unary:
            seconds = self._default
        set_deadline(seconds)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineExceeded("the call's deadline has passed") from None
