"""A model server whose machine is gone: it hangs up on nobody, and says nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import Unavailable
from services.generator.adapters import triton as adapter
from services.generator.adapters.triton import TritonModelServer
from services.generator.ports import ModelEvent, StepDone
from tests.support.triton import RESIDENT, TWIN, TritonServer

QUICK = {"grpc.keepalive_time_ms": 50, "grpc.http2.ping_timeout_ms": 10_000}


class Wire:
    """Between a client and Triton; cut, nothing passes, and no end is told of it."""

    def __init__(self, endpoint: str) -> None:
        self._host, _, port = endpoint.rpartition(":")
        self._port = int(port)
        self._whole = asyncio.Event()
        self._whole.set()
        self.endpoint = ""

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[Wire]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.endpoint = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            self._whole.set()
            server.close()

    def cut(self) -> None:
        self._whole.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward = await asyncio.open_connection(self._host, self._port)
        ways = (self._pass_on(reader, onward[1]), self._pass_on(onward[0], writer))
        await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


async def _end_of(stream: AsyncGenerator[ModelEvent, None]) -> None:
    async for _ in stream:
        pass


async def test_a_model_server_that_falls_silent_is_given_up_and_one_that_is_busy_is_not(
    triton: TritonServer, spec: GenerationSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_OPTIONS", tuple({**dict(adapter._OPTIONS), **QUICK}.items()))
    spec.steps, spec.width, spec.height, spec.frame_count = 200, 112, 64, 17
    async with Wire(triton.endpoint).laid() as wire, TritonModelServer(wire.endpoint, resident=RESIDENT) as models:
        if TWIN in await models.loaded():
            await models.unload(TWIN)
        # For seconds it says nothing but that it is there, many times more often than Triton would take by itself.
        await models.load(TWIN)
        async with aclosing(models.generate(TWIN, spec)) as stream:
            assert isinstance(await anext(stream), StepDone)
            wire.cut()
            with pytest.raises(Unavailable) as caught:
                await asyncio.wait_for(_end_of(stream), 40)
    assert caught.value.metadata == {"dependency": "triton"}
