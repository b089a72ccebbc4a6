"""Letting a running gateway finish its calls before it is stopped, for a cluster that replaces it.

Envoy ends at once on SIGTERM. `python -m gateway drain`, run beside it before the signal (in Kubernetes as the
`preStop` hook), makes /healthz fail, so that no new caller is sent here, tells connections to go elsewhere, and
returns when nothing is under way any more or the time is over.
"""

from __future__ import annotations

import time
import urllib.request

from gateway.settings import GatewaySettings

_POLL_SECONDS = 0.2
_ACTIVE = "http.public.downstream_rq_active"


def _admin(settings: GatewaySettings, path: str, method: str = "GET") -> str:
    # The scheme is fixed and the address our own.
    request = urllib.request.Request(f"http://{settings.admin_host}:{settings.admin_port}{path}", method=method)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(answer.read().decode())


def _active(settings: GatewaySettings) -> int:
    line = _admin(settings, f"/stats?filter=^{_ACTIVE}$")
    return int(line.rpartition(":")[2])


def drain(settings: GatewaySettings) -> bool:
    """True when every call ended within `drain_seconds`. Raises OSError when no gateway runs here."""
    deadline = time.monotonic() + settings.drain_seconds
    _admin(settings, "/healthcheck/fail", "POST")
    _admin(settings, "/drain_listeners?graceful", "POST")
    while time.monotonic() < deadline:
        if _active(settings) == 0:
            return True
        time.sleep(_POLL_SECONDS)
    return False
