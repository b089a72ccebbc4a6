"""One connection to NATS that is never given up: outages are waited out, and callers can tell one link from the next.

nats-py reconnects by itself; what it leaves open is closed here. Requests are not sent into the void of a broken link,
pulls that a dead server took with it are noticed at once (`Link.down`), and a connection that the client library closed
for good, as it does after some protocol errors, is opened anew.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

import nats
import nats.errors
from nats.aio.client import Client
from nats.errors import (
    ConnectionClosedError,
    ConnectionDrainingError,
    ConnectionReconnectingError,
    NoRespondersError,
    OutboundBufferLimitError,
    StaleConnectionError,
)
from nats.js import JetStreamContext
from nats.js.errors import NoStreamResponseError, ServerError, ServiceUnavailableError

T = TypeVar("T")
_log = logging.getLogger(__name__)

REQUEST_TIMEOUT = 5.0
RETRY_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0)
ANY_ERROR: tuple[type[Exception], ...] = (OSError, TimeoutError, nats.errors.Error)
OUTAGES: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    ConnectionClosedError,
    ConnectionDrainingError,
    ConnectionReconnectingError,
    NoRespondersError,
    NoStreamResponseError,
    OutboundBufferLimitError,
    ServerError,
    ServiceUnavailableError,
    StaleConnectionError,
)
"""What a server that is away, starting or short of resources looks like from here; all of it passes."""


class LinkLost(OSError):
    """The link, the stream or the consumer is gone: make them again and go on."""


class Link:
    """One unbroken connection; the next one is another `Link`."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.jetstream: JetStreamContext = client.jetstream(timeout=REQUEST_TIMEOUT)
        self.down = asyncio.Event()

    async def call(self, request: Coroutine[Any, Any, T]) -> T:
        """The answer to a request; raises `LinkLost` as soon as the link breaks, for no answer can come then."""
        broken = asyncio.ensure_future(self.down.wait())
        try:
            return await cancellable(request, broken)
        finally:
            broken.cancel()


async def cancellable(request: Coroutine[Any, Any, T], broken: "asyncio.Future[Any] | None" = None) -> T:
    """Await a call of nats-py, in a task of its own; raises `LinkLost` when `broken` is done first.

    nats-py waits with `asyncio.wait_for`, which until Python 3.12 loses a cancellation that comes in the same turn of
    the loop as the answer: the caller would go on, and never end. `asyncio.wait` loses none.
    """
    answer = asyncio.ensure_future(request)
    try:
        await asyncio.wait({answer} if broken is None else {answer, broken}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        raise LinkLost("the link broke")
    finally:
        if not answer.done():
            answer.cancel()
            # Nobody is there to hear how it ends.
            answer.add_done_callback(lambda task: task.cancelled() or task.exception())


class Connection:
    """Opens at once or as soon as the server is there, and stays until `close`. `url` may list servers by comma."""

    def __init__(self, url: str, *, name: str) -> None:
        self._servers = url.split(",")
        self._name = name
        self._link: Link | None = None
        self._up = asyncio.Event()
        self._closing = False
        self._complained = False
        self._reopening: asyncio.Task[None] | None = None
        self._client: Client | None = None

    async def open(self) -> None:
        """Connect; waits for the server for ever."""
        client: Client = await cancellable(
            nats.connect(
                servers=self._servers,
                name=self._name,
                allow_reconnect=True,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,
                connect_timeout=2,
                ping_interval=5,
                max_outstanding_pings=2,
                error_cb=self._on_error,
                disconnected_cb=self._on_disconnected,
                reconnected_cb=self._on_connected,
                closed_cb=self._on_closed,
            )
        )
        self._client = client
        await self._on_connected()

    async def close(self) -> None:
        """Send what is buffered, if there is a server to take it, and close."""
        self._closing = True
        if self._reopening is not None:
            self._reopening.cancel()
        client = self._client
        if client is None or client.is_closed:
            return
        if client.is_connected:
            try:
                await cancellable(client.flush(timeout=2))
            except OUTAGES as error:
                _log.warning("closed the bus before all was sent: %r", error)
        await client.close()

    @property
    def connected(self) -> bool:
        return self._up.is_set()

    async def link(self) -> Link:
        """The link that is up now, or the next one."""
        while True:
            await self._up.wait()
            if self._link is not None and not self._link.down.is_set():
                return self._link

    async def _on_connected(self) -> None:
        if self._client is None:
            return
        self._link = Link(self._client)
        self._up.set()
        if self._complained:
            self._complained = False
            _log.info("connected to the bus again")

    async def _on_disconnected(self) -> None:
        self._up.clear()
        if self._link is not None:
            self._link.down.set()

    async def _on_error(self, error: Exception) -> None:
        # Every attempt to reconnect ends here; the first tells the story.
        if not self._complained and not self._closing:
            self._complained = True
            _log.warning("the bus does not answer, trying on: %r", error)

    async def _on_closed(self) -> None:
        await self._on_disconnected()
        if not self._closing:
            _log.warning("the bus connection was closed, opening another")
            self._reopening = asyncio.create_task(self._reopen())

    async def _reopen(self) -> None:
        while not self._closing:
            try:
                await self.open()
            except ANY_ERROR as error:
                await self._on_error(error)
                await asyncio.sleep(RETRY_SECONDS[-1])
            else:
                return
