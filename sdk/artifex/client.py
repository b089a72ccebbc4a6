"""The asynchronous client: one object per studio, one attribute per noun.

async with Client() as studio:
    asset = await studio.assets.upload(Path("clip.mp4"))
    job = await studio.renders.create(document)
    async for event in studio.renders.watch(job.name):
        ...
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from artifex.assets import Assets
from artifex.credentials import Credentials, home_folder, stored_secret
from artifex.generations import Generations
from artifex.graphs import Graphs
from artifex.identity import Identity
from artifex.previews import Previews
from artifex.projects import Projects
from artifex.renders import Renders
from artifex.transport import Transport
from artifex.workers import Workers

DEFAULT_ENDPOINT = "http://localhost:8080"


class Client:
    """A connection to a studio. Use it as an async context manager.

    endpoint  `https://host:port`, `http://host:port` or `host:port`. Default: ARTIFEX_ENDPOINT, else where the studio
              that `artifex up` runs under `home` listens, else localhost:8080.
    token     an API key or an access token. Default: ARTIFEX_TOKEN, else the key stored in `home`.
    home      ARTIFEX_HOME.
    timeout   seconds that one attempt of a short call may take.
    ca_file   PEM with the roots to trust over https; default: the system's. ARTIFEX_CA_FILE sets it too.

    Every method raises the exceptions of `artifex.errors`.
    """

    def __init__(
        self,
        endpoint: str = "",
        *,
        token: str = "",
        home: Path | None = None,
        timeout: float = 30.0,
        ca_file: Path | None = None,
    ) -> None:
        home = home or home_folder()
        running = running_studio(home)
        endpoint = endpoint or os.environ.get("ARTIFEX_ENDPOINT", "") or running.get("endpoint", "") or DEFAULT_ENDPOINT
        otlp = os.environ.get("ARTIFEX_OTLP_ENDPOINT", "")
        if not otlp and endpoint == running.get("endpoint"):
            otlp = running.get("otlp_endpoint", "")
        given = os.environ.get("ARTIFEX_CA_FILE", "")
        self.transport = Transport(
            endpoint,
            Credentials(token or stored_secret(home)),
            timeout=timeout,
            otlp_endpoint=otlp,
            ca_file=ca_file or (Path(given) if given else None),
        )
        self.assets = Assets(self.transport)
        self.graphs = Graphs(self.transport)
        self.previews = Previews(self.transport)
        self.renders = Renders(self.transport)
        self.workers = Workers(self.transport)
        self.generations = Generations(self.transport)
        self.projects = Projects(self.transport)
        self.identity = Identity(self.transport)

    @contextmanager
    def trace(self, name: str) -> Iterator[str]:
        """A span around several calls, which makes them one trace; gives the trace id, 32 hexadecimal digits."""
        with self.transport.span(name) as span:
            yield format(span.get_span_context().trace_id, "032x")

    async def close(self) -> None:
        await self.transport.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


def running_studio(home: Path) -> dict[str, str]:
    """What `artifex up` says of the studio that it runs under `home`; empty when none is ready."""
    try:
        state = json.loads((home / "up.json").read_text(encoding="utf-8"))
        os.kill(int(state["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        # There is no such file, or its writer is gone.
        return {}
    return {key: value for key, value in state.items() if isinstance(value, str)}
