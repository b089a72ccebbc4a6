"""Calls from one service to another: traced, bounded in time, on the caller's behalf, with typed errors."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import grpc
from google.rpc import error_details_pb2, status_pb2
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from artifex.errors import DOMAIN
from libs.chassis.errors import CODES, ArtifexError, DeadlineExceeded, Internal, Unavailable, Violation, rebuild
from libs.chassis.principal import find_principal
from libs.chassis.rpc.deadlines import time_left
from libs.chassis.telemetry import inject, tracer

_log = logging.getLogger(__name__)
_tracer = tracer(__name__)

MAX_MESSAGE_BYTES = 4 << 20
_DETAILS_KEY = "grpc-status-details-bin"
# Only calls that never reached a servicer, or whose servicer asks for it: mutations carry request ids.
_SERVICE_CONFIG = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.service_config", _SERVICE_CONFIG),
    # A restarted neighbour should be found again within a second, not within gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


def service_channel(
    address: str, *, service: str = "", timeout: float = 30.0, forward_token: bool = True
) -> grpc.aio.Channel:
    """A channel to the service at `host:port`, for use with the generated stubs.

    - A call with one answer ends within `timeout` seconds, and every call within the deadline of the rpc being served.
    - The current principal's token goes along, unless `forward_token` is False.
    - Failures are raised as classes of `libs.chassis.errors`, never as RpcError; `service` is the name they use.
    - A call with one answer is a coroutine, one with many an async generator; metadata of the call is not offered.
    """
    inner = grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
    return _ServiceChannel(inner, service or address, timeout, forward_token)


def from_rpc_error(error: grpc.aio.AioRpcError, *, service: str = "") -> ArtifexError:
    """The typed error that an RpcError stands for.

    One without our `ErrorInfo` comes from the transport: its text names addresses, so it goes to the log alone.
    """
    status = _status(error)
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    retry_after: float | None = None
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
        if detail.Unpack(retry):
            retry_after = retry.retry_delay.ToMilliseconds() / 1000
    code = error.code().name
    if info.domain != DOMAIN:
        return _transport_error(error, service or "a service")
    return rebuild(
        CODES.get(code, Internal),
        status.message,
        reason=info.reason,
        metadata=dict(info.metadata),
        violations=[Violation(field.field, field.description, field.reason) for field in bad.field_violations],
        retry_after=retry_after,
    )


def _status(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            return status_pb2.Status.FromString(value)
    return status_pb2.Status()


def _transport_error(error: grpc.aio.AioRpcError, service: str) -> ArtifexError:
    code = error.code().name
    _log.warning("call to %s failed with %s: %s", service, code, error.details())
    if code == "DEADLINE_EXCEEDED":
        return DeadlineExceeded(f"{service} did not answer in time")
    if code in ("UNAVAILABLE", "CANCELLED"):
        return Unavailable(f"{service} does not answer", metadata={"dependency": service})
    return rebuild(CODES.get(code, Internal), f"{service} answered {code}")


class _ServiceChannel(grpc.aio.Channel):
    """Hands out calls that are wrapped; everything else is the inner channel's.

    Client interceptors could not do it: in grpc.aio they need a class per kind of rpc, and errors other than
    AioRpcError break their done callbacks.
    """

    def __init__(self, inner: grpc.aio.Channel, service: str, timeout: float, forward_token: bool) -> None:
        self._inner = inner
        self._service = service
        self._timeout = timeout
        self._forward_token = forward_token

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._answer(method, self._inner.unary_unary(method, *args, **kwargs))

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._answer(method, self._inner.stream_unary(method, *args, **kwargs))

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._stream(method, self._inner.unary_stream(method, *args, **kwargs))

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._stream(method, self._inner.stream_stream(method, *args, **kwargs))

    def _answer(self, method: str, start: Callable[..., Any]) -> Callable[..., Any]:
        async def call(request: Any, *, timeout: float | None = None, metadata: Any = ()) -> Any:
            with self._observed(method) as span:
                left = self._limit(self._timeout if timeout is None else timeout)
                return await start(request, timeout=left, metadata=self._metadata(span, metadata))

        return call

    def _stream(self, method: str, start: Callable[..., Any]) -> Callable[..., Any]:
        async def call(request: Any, *, timeout: float | None = None, metadata: Any = ()) -> AsyncIterator[Any]:
            with self._observed(method) as span:
                answers = start(request, timeout=self._limit(timeout), metadata=self._metadata(span, metadata))
                try:
                    async for answer in answers:
                        yield answer
                finally:
                    # A reader that stops early must not leave the server sending.
                    answers.cancel()

        return call

    def _limit(self, seconds: float | None) -> float | None:
        left = time_left()
        if left is None:
            return seconds
        if left <= 0:
            raise DeadlineExceeded("the call's deadline has passed")
        return left if seconds is None else min(seconds, left)

    def _metadata(self, span: trace.Span, extra: Any) -> list[tuple[str, str | bytes]]:
        headers: dict[str, str] = {}
        inject(headers, span)
        principal = find_principal()
        if self._forward_token and principal is not None and principal.token:
            headers["authorization"] = f"Bearer {principal.token}"
        return [*headers.items(), *extra]

    @contextmanager
    def _observed(self, method: str) -> Iterator[trace.Span]:
        service, _, name = method.lstrip("/").partition("/")
        # Not made current: a generator's span would leak into its reader's code between two answers.
        span = _tracer.start_span(
            f"{service}/{name}",
            kind=SpanKind.CLIENT,
            attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": name},
        )
        code = "OK"
        try:
            yield span
        except grpc.aio.AioRpcError as error:
            code = error.code().name
            raise from_rpc_error(error, service=self._service) from error
        except ArtifexError as error:
            code = error.code
            raise
        except asyncio.CancelledError:
            code = "CANCELLED"
            raise
        finally:
            span.set_attribute("rpc.grpc.status_code", code)
            if code not in ("OK", "CANCELLED"):
                span.set_status(Status(StatusCode.ERROR, code))
            span.end()

    async def close(self, grace: float | None = None) -> None:
        await self._inner.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._inner.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._inner.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._inner.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
