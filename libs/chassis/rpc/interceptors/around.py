"""One way to put code around a handler, whichever of the four kinds of rpc it serves.

A wrapped handler is always a plain coroutine, also where it streams its answers: these are written to the context one
by one. So every interceptor's code runs inside the rpc's own task from beginning to end, context variables and timeouts
nest as they are written, cancellation arrives at the servicer, and the servicer's generator is closed before the rpc
ends. CancelledError is never caught here: a streaming handler that returns after catching it leaks memory in grpc.aio.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

if TYPE_CHECKING:
    # Generic in the stubs alone.
    Handler: TypeAlias = grpc.RpcMethodHandler[Any, Any]
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
    Continuation: TypeAlias = Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]


@dataclass(frozen=True)
class Call:
    """The rpc that is being served."""

    method: str
    """As on the wire: `/artifex.auth.v1.AuthService/GetCaller`."""
    request_streaming: bool
    response_streaming: bool
    context: Context

    @property
    def unary(self) -> bool:
        """True when there is one request and one answer."""
        return not self.request_streaming and not self.response_streaming


class AroundInterceptor(grpc.aio.ServerInterceptor):
    """The base of the chassis' interceptors: override `around`, `check`, or both."""

    def around(self, call: Call) -> AbstractAsyncContextManager[None]:
        """A context that holds while the rpc is served; raising in it, before or after, fails the rpc."""
        return nullcontext()

    def check(self, call: Call, request: Any) -> Any:
        """Sees each request message, also those of a stream, and returns the one to hand on."""
        return request

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler | None:
        handler = await continuation(handler_call_details)
        # gRPC has None here for a method that nobody serves.
        return None if handler is None else self.wrap(handler, handler_call_details.method)

    def wrap(self, handler: Handler, method: str, *, decode: bool = True) -> Handler:
        """The handler with this interceptor around it; without `decode` it is handed the requests as bytes."""
        behaviour = _behaviour(handler)

        async def respond(request: Any, context: Context) -> Any:
            call = Call(method, handler.request_streaming, handler.response_streaming, context)
            async with self.around(call):
                given = self._checked(call, request) if handler.request_streaming else self.check(call, request)
                answer = behaviour(given, context)
                if not inspect.isasyncgen(answer):
                    return await answer
                async with aclosing(answer):
                    async for message in answer:
                        await context.write(message)
                return None

        return _CONSTRUCTORS[handler.request_streaming, handler.response_streaming](
            respond, handler.request_deserializer if decode else None, handler.response_serializer
        )

    async def _checked(self, call: Call, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for request in requests:
            yield self.check(call, request)


_CONSTRUCTORS: dict[tuple[bool, bool], Callable[..., Handler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def _behaviour(handler: Handler) -> Callable[[Any, Context], Any]:
    behaviour: Callable[..., Any] | None = (
        handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    )
    assert behaviour is not None, "a handler serves one of the four kinds of rpc"
    return behaviour
