"""Ports of a studio."""

from __future__ import annotations

import socket
from dataclasses import astuple

from artifex.up import Ports


def test_no_two_listeners_share_a_port() -> None:
    for ports in (Ports(), Ports.from_base(20_000), Ports.free()):
        assert len(set(astuple(ports))) == len(astuple(ports))


def test_the_gateway_is_at_the_base() -> None:
    assert Ports.from_base(20_000).gateway == 20_000


def test_a_port_that_somebody_holds_is_named() -> None:
    ports = Ports.free()
    assert ports.taken() == []
    with socket.create_server(("127.0.0.1", ports.nats)):
        assert ports.taken() == [f"nats {ports.nats}"]
