"""The ports of one studio, all on the loopback address."""

from __future__ import annotations

import random
import socket
from dataclasses import asdict, dataclass, fields

_FIRST, _LAST = 10240, 32767
"""Where free ports are looked for: below what Linux hands out to outgoing connections, which could take one of ours
between the look and the bind."""


@dataclass(frozen=True)
class Ports:
    """One port per listener. The defaults are a laptop's."""

    gateway: int = 8080
    auth: int = 8101
    media: int = 8102
    graph: int = 8103
    generator: int = 8104
    collab: int = 8105
    triton_grpc: int = 8111
    triton_http: int = 8112
    triton_metrics: int = 8113
    gateway_admin: int = 8119
    nats: int = 4222
    nats_monitor: int = 8222
    traces: int = 4317

    @classmethod
    def from_base(cls, base: int) -> Ports:
        """Consecutive ports: the gateway at `base`, everything else behind it."""
        return cls(*range(base, base + len(fields(cls))))

    @classmethod
    def free(cls) -> Ports:
        """Ports that nobody listens on now, different on each call."""
        found: list[int] = []
        candidates = random.SystemRandom().sample(range(_FIRST, _LAST), 2000)
        for port in candidates:
            if _is_free(port):
                found.append(port)
            if len(found) == len(fields(cls)):
                return cls(*found)
        raise OSError("this machine has no free ports")

    def taken(self) -> list[str]:
        """The listeners whose port somebody else holds, as "gateway 8080"."""
        return [f"{name} {port}" for name, port in asdict(self).items() if not _is_free(port)]


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers themselves bind: connections of a former server that are still being closed do no harm.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
