"""All four kinds of rpc go through every interceptor alike, also when they are cut short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import psutil
import pytest

from artifex.media.v1 import messages_pb2 as media
from libs.chassis.errors import NotFound
from libs.chassis.rpc.interceptors.around import AroundInterceptor, Call
from libs.chassis.rpc.interceptors.errors import ErrorInterceptor
from libs.chassis.testing import eventually
from tests.integration.chassis.served import Served, failing, serve

KINDS = ["unary_unary", "unary_stream", "stream_unary", "stream_stream"]


class Echo(grpc.GenericRpcHandler):
    """Answers its requests joined or one by one; a request of `fail` fails the rpc."""

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        kind = details.method.rpartition("/")[2]
        return getattr(grpc, f"{kind}_rpc_method_handler")(getattr(self, kind))

    async def unary_unary(self, request: bytes, context: Any) -> bytes:
        return self.answer(request)

    async def unary_stream(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        for part in request.split():
            yield self.answer(part)

    async def stream_unary(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        return b" ".join([self.answer(request) async for request in requests])

    async def stream_stream(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            yield self.answer(request)

    def answer(self, request: bytes) -> bytes:
        if request == b"fail":
            raise NotFound("words/fail")
        return request


class Recorder(AroundInterceptor):
    def __init__(self, name: str, events: list[str]) -> None:
        self._name = name
        self._events = events

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        self._events.append(f"{self._name} begins")
        try:
            yield
        finally:
            self._events.append(f"{self._name} ends")

    def check(self, call: Call, request: bytes) -> bytes:
        return request.upper() if self._name == "inner" and request != b"fail" else request


@asynccontextmanager
async def echo_server(events: list[str]) -> AsyncIterator[grpc.aio.Channel]:
    interceptors = [Recorder("outer", events), ErrorInterceptor(), Recorder("inner", events)]
    server = grpc.aio.server(interceptors=interceptors, handlers=[Echo()])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(None)


async def ask(channel: Any, kind: str, words: list[bytes]) -> list[bytes]:
    call = getattr(channel, kind)(f"/echo.Echo/{kind}")
    given: bytes | Iterator[bytes] = iter(words) if kind.startswith("stream") else b" ".join(words)
    if kind.endswith("stream"):
        return [answer async for answer in call(given)]
    return [await call(given)]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_passes_every_interceptor_in_order(kind: str) -> None:
    events: list[str] = []
    async with echo_server(events) as channel:
        assert b" ".join(await ask(channel, kind, [b"a", b"b"])) == b"A B"
        # The caller has its answer before the outermost has its turn.
        await eventually(lambda: len(events) == 4, what="the call's end")
    assert events == ["outer begins", "inner begins", "inner ends", "outer ends"]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_of_any_kind_of_rpc_is_typed(kind: str) -> None:
    events: list[str] = []
    async with echo_server(events) as channel:
        with failing("NOT_FOUND", "ERROR_REASON_RESOURCE_NOT_FOUND") as failed:
            await ask(channel, kind, [b"fail"])
        await eventually(lambda: len(events) == 4, what="the call's end")
    assert failed.message == "words/fail was not found"
    assert events == ["outer begins", "inner begins", "inner ends", "outer ends"]


async def test_answers_before_an_error_arrive() -> None:
    async with echo_server([]) as channel:
        call: Any = channel.stream_stream("/echo.Echo/stream_stream")
        stream = call(iter([b"a", b"fail"]))
        assert await stream.read() == b"A"
        with failing("NOT_FOUND", "ERROR_REASON_RESOURCE_NOT_FOUND"):
            await stream.read()


async def cut_short(served: Served, name: str) -> None:
    request = media.DownloadAssetRequest(name=name)
    call = served.media.DownloadAsset(request, **served.as_role("ROLE_ARTIST"))
    for _ in range(3):
        await call.read()
    call.cancel()
    # The call's end is told by its status; to await anything else would raise the cancellation in this task.
    assert await call.code() is grpc.StatusCode.CANCELLED


@pytest.mark.parametrize("name", ["assets/endless", "assets/silent"])
async def test_a_cancelled_stream_ends_its_servicer_at_once(name: str) -> None:
    async with serve() as served:
        await cut_short(served, name)
        async with asyncio.timeout(5):
            await served.media_servicer.ended.wait()
        # Waiting, the servicer sees the cancellation; between two answers its generator is closed.
        assert served.media_servicer.endings in (["CancelledError"], ["GeneratorExit"])


async def test_thousands_of_cancelled_streams_leave_no_memory_behind() -> None:
    # grpc.aio leaks where a handler catches its cancellation and returns; ours must not.
    async def cancel(times: int) -> None:
        for _ in range(times):
            await cut_short(served, "assets/endless")

    memory = psutil.Process().memory_info
    async with serve() as served:
        await cancel(500)
        before = memory().rss
        await cancel(2000)
        grown = memory().rss - before
    assert grown < 8 << 20, f"{grown / 2000:.0f} bytes are left of each cancelled stream"
