"""How a supervisor learns that a child is ready: each probe answers yes or no, quickly, and never raises."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import grpc
from grpc_health.v1 import health_pb2

Probe = Callable[[], Awaitable[bool]]
_TIMEOUT = 2.0


def always() -> Probe:
    """For children that listen on nothing."""

    async def probe() -> bool:
        return True

    return probe


def grpc_serving(port: int) -> Probe:
    """The standard health service says SERVING."""

    async def probe() -> bool:
        if not await _listens(port):
            return False
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            try:
                answer = await check(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT)
            except grpc.aio.AioRpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return probe


def http_ok(port: int, path: str, *, tls: bool = False) -> Probe:
    """A GET answers with status 200. Whose certificate it is does not matter to one who started the server."""
    context = ssl.create_default_context() if tls else None
    if context is not None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE

    async def ask() -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            words = (await reader.readline()).split()
        finally:
            writer.close()
        return len(words) > 1 and words[1] == b"200"

    async def probe() -> bool:
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await ask()
        except (OSError, TimeoutError):
            return False

    return probe


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
