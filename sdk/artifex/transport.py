"""One connection to the gateway: addressing, tokens, deadlines, retries and the client's half of the trace.

Every call runs under a client span whose W3C `traceparent` travels with it. A call is repeated when nobody answered and
repeating is harmless: reads always, and writes that carry a request id, which the server answers once only.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import grpc
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from artifex.auth.v1 import service_pb2_grpc as auth_grpc
from artifex.credentials import Credentials
from artifex.errors import ApiError, DeadlineExceeded, ResourceExhausted, Unauthenticated, Unavailable, from_rpc_error

Response = TypeVar("Response")


class Listing(Protocol):
    """What every answer to a list rpc has."""

    @property
    def next_page_token(self) -> str: ...


class ListingRequest(Protocol):
    """What every request of a list rpc has."""

    page_token: str


Page = TypeVar("Page", bound=Listing)

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
ATTEMPTS = 8
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 3.0
STANDS = 60.0
"""Seconds. A stream that broke after so long was there: connecting in vain takes less."""

_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A gateway that was restarted is found again within seconds, not after gRPC's default of up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]


def backoff(attempt: int) -> float:
    """Seconds to wait after the attempt, counted from 0: doubling, with half of it left to chance."""
    pause: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
    return pause * random.uniform(0.5, 1.0)


def open_channel(endpoint: str, ca_file: Path | None) -> grpc.aio.Channel:
    """A channel to `https://host:port` over TLS, or to `http://host:port` or `host:port` in the clear."""
    scheme, separator, rest = endpoint.rpartition("://")
    target = rest.rstrip("/")
    if separator and scheme not in ("http", "https"):
        raise ValueError(f"endpoint {endpoint!r}: only http:// and https:// are known")
    if scheme == "https":
        roots = ca_file.read_bytes() if ca_file else None
        credentials = grpc.ssl_channel_credentials(root_certificates=roots)
        return grpc.aio.secure_channel(target if ":" in target else f"{target}:443", credentials, options=_OPTIONS)
    return grpc.aio.insecure_channel(target, options=_OPTIONS)


class Transport:
    """A channel with credentials. Made by `artifex.client.Client`, shared by its nouns."""

    def __init__(
        self, endpoint: str, credentials: Credentials, *, timeout: float, otlp_endpoint: str, ca_file: Path | None
    ) -> None:
        self.endpoint = endpoint
        self.timeout = timeout
        self.channel = open_channel(endpoint, ca_file)
        self._credentials = credentials
        self._auth = auth_grpc.AuthServiceStub(self.channel)
        # Not the process's global provider: an application that has one passes its context on all the same.
        self._provider = TracerProvider(resource=Resource.create({"service.name": "artifex-client"}))
        if otlp_endpoint:
            exporter = OTLPSpanExporter(endpoint=otlp_endpoint, insecure=True, timeout=5)
            self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
        self._tracer = self._provider.get_tracer("artifex")
        self._propagator = TraceContextTextMapPropagator()

    async def close(self) -> None:
        await self.channel.close()
        # The exporter waits for the network; the caller's loop must not.
        await asyncio.to_thread(self._provider.shutdown)

    @contextmanager
    def span(self, name: str, kind: trace.SpanKind = trace.SpanKind.INTERNAL) -> Iterator[trace.Span]:
        """A span that calls made inside become children of."""
        with self._tracer.start_as_current_span(name, kind=kind) as span:
            yield span

    def start_span(self, name: str) -> trace.Span:
        """A client's span that is not made current, for what lasts longer than a call; the caller ends it."""
        return self._tracer.start_span(name, kind=trace.SpanKind.CLIENT)

    async def metadata(self) -> grpc.aio.Metadata:
        """What a call carries: the bearer token, and the trace that it belongs to."""
        try:
            token = await self._credentials.bearer(self._auth)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None
        headers: dict[str, str] = {}
        self._propagator.inject(headers)
        return grpc.aio.Metadata(("authorization", f"Bearer {token}"), *headers.items())

    async def unary(
        self,
        method: Callable[..., Awaitable[Response]],
        request: object,
        *,
        name: str,
        repeatable: bool = True,
        timeout: float | None = None,
    ) -> Response:
        """Call a unary rpc. `timeout` bounds each attempt, in seconds; raises `ApiError` classes only."""
        with self.span(name, trace.SpanKind.CLIENT):

            async def once() -> Response:
                return await method(request, timeout=timeout or self.timeout, metadata=await self.metadata())

            return await self.attempts(once, repeatable=repeatable)

    async def pages(
        self, method: Callable[..., Awaitable[Page]], request: ListingRequest, *, name: str
    ) -> AsyncIterator[Page]:
        """Every answer to a list rpc, page by page; raises `ApiError` classes only."""
        while True:
            page = await self.unary(method, request, name=name)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def attempts(self, once: Callable[[], Awaitable[Response]], *, repeatable: bool = True) -> Response:
        """Run `once` until it answers: again after a pause when repeating is harmless and can help."""
        for attempt in range(ATTEMPTS):
            try:
                return await self.refreshing(once)
            except (Unavailable, ResourceExhausted) as error:
                # Of exhausted resources only rates recover by themselves, and those say when.
                hopeless = isinstance(error, ResourceExhausted) and error.retry_after is None
                if not repeatable or hopeless or attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(max(backoff(attempt), min(error.retry_after or 0.0, LONGEST_PAUSE)))
        raise AssertionError("the last attempt returns or raises")

    async def refreshing(self, once: Callable[[], Awaitable[Response]]) -> Response:
        """Run `once`; when its token was refused, with a new token once more."""
        try:
            return await self._typed(once)
        except Unauthenticated as error:
            if not self._credentials.renewable or error.reason == "ERROR_REASON_API_KEY_INVALID":
                raise
            self._credentials.forget()
            return await self._typed(once)

    @staticmethod
    async def _typed(once: Callable[[], Awaitable[Response]]) -> Response:
        try:
            return await once()
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None

    async def stream(
        self, method: Callable[..., AsyncIterable[Response]], request: object, *, name: str
    ) -> AsyncIterator[Response]:
        """The messages of a server-streaming rpc, without a deadline. Raises `ApiError` classes only."""
        # Made current only while the headers are written: a generator that yields inside would leak it to its consumer.
        span = self.start_span(name)
        try:
            with trace.use_span(span):
                call = method(request, metadata=await self.metadata())
            try:
                async for message in call:
                    yield message
            except grpc.aio.AioRpcError as error:
                raise from_rpc_error(error) from None
        finally:
            span.end()


class Silence:
    """How long a watcher has had no answer, and whether that is too long.

    A stream may say nothing for hours and be in good order: what counts begins when it breaks, not at its last message.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`patience`: seconds; `clock`: tells seconds."""
        self._patience = patience
        self._clock = clock
        self._failures = 0
        self._asked = self._since = clock()

    def asks(self) -> None:
        """A stream is asked for."""
        self._asked = self._clock()

    def ends(self) -> None:
        """Somebody answered."""
        self._failures = 0

    def goes_on(self, error: ApiError) -> None:
        """The stream broke. Raises the error when another try does not help, or nobody has answered for too long."""
        now = self._clock()
        if not self._failures or now - self._asked > STANDS:
            self._failures, self._since = 0, now
        if not is_transient(error) or now - self._since > self._patience:
            raise error
        self._failures = min(self._failures + 1, 5)

    def pause(self) -> float:
        """Seconds until the next try."""
        return backoff(self._failures)


def is_transient(error: ApiError) -> bool:
    """True for a failure that a later try may not meet: the server went away, or was too slow."""
    # A proxy between breaks streams with INTERNAL or UNKNOWN, and such an answer carries no reason of ours.
    broken = error.code in ("INTERNAL", "UNKNOWN") and not error.reason
    return broken or isinstance(error, (Unavailable, DeadlineExceeded))
