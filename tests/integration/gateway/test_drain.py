"""A gateway that is to be replaced finishes what it began."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

from libs.chassis.testing import eventually
from tests.integration.gateway.conftest import Gateway, StartGateway
from tests.support.services import Forge


def _unfinished_call(gateway: Gateway, token: str) -> socket.socket:
    """A gRPC-Web call whose last byte is still missing."""
    connection = socket.create_connection(("127.0.0.1", gateway.port))
    head = (
        "POST /artifex.auth.v1.AuthService/GetCaller HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/grpc-web+proto\r\nContent-Length: 5\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    connection.sendall(head.encode() + struct.pack(">BI", 0, 0)[:4])
    return connection


async def test_calls_under_way_end_well_and_no_new_caller_is_sent_here(
    start_gateway: StartGateway, forge: Forge
) -> None:
    gateway = start_gateway(GATEWAY_DRAIN_SECONDS="60")
    assert gateway.call("GET", "/healthz").status == 200
    with _unfinished_call(gateway, forge.token("ROLE_ADMIN", tenant="acme")) as connection:
        draining = await asyncio.create_subprocess_exec(sys.executable, "-m", "gateway", "drain", env=gateway.env)
        await eventually(lambda: gateway.call("GET", "/healthz").status == 503, what="the failing health check")
        assert draining.returncode is None
        connection.sendall(b"\0")
        assert b"tenants/acme" in await asyncio.to_thread(connection.recv, 65_536)
        assert await asyncio.wait_for(draining.wait(), 30) == 0


async def test_there_is_nothing_to_drain_where_no_gateway_runs(start_gateway: StartGateway) -> None:
    gateway = start_gateway()
    gateway.stop()
    draining = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "drain", env=gateway.env, stderr=asyncio.subprocess.DEVNULL
    )
    assert await draining.wait() == 1
