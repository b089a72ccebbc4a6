"""`artifex up` as a user runs it, Triton and all: ready, refused twice, killed without a trace, stopped in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from artifex.client import Client, running_studio
from libs.chassis.testing import eventually
from tests.support.triton import nano_weights

pytestmark = pytest.mark.timeout(300)


def running(home: Path) -> list[str]:
    """The processes that were told of this home, each by its command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("ARTIFEX_HOME") == str(home):
                found.append(" ".join(process.cmdline()))
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


@asynccontextmanager
async def up(home: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ARTIFEX_")}
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "artifex"),
        *("up", "--home", str(home), "--free-ports", "--workers", "1", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**clean, "ARTIFEX_MODELS": str(nano_weights().parent)},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready(process: asyncio.subprocess.Process) -> str:
    """Read until the studio says that it is ready; returns that line."""
    assert process.stdout is not None
    async for line in process.stdout:
        if line.startswith(b"ready at "):
            return line.decode()
    raise AssertionError("it ended without being ready")


async def test_the_life_of_a_studio(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with up(home) as first:
        endpoint = (await ready(first)).split()[2]
        state = json.loads((home / "up.json").read_text())
        assert (state["endpoint"], state["pid"]) == (endpoint, first.pid)
        assert running_studio(home)["endpoint"] == endpoint
        assert (home / "token").stat().st_mode & 0o777 == 0o600
        assert home.stat().st_mode & 0o777 == 0o700
        assert {"nats", "triton", "gateway", "graph-worker-1"} <= set(state["children"])
        names = " ".join(running(home))
        for part in ("nats-server", "tritonserver", "triton_python_backend_stub", "envoy", "services.graph worker"):
            assert part in names
        async with Client(home=home) as studio:
            assert (await studio.identity.caller()).tenant == "tenants/studio"

        # A second one in the same home would share its databases.
        async with up(home) as second:
            output, _ = await second.communicate()
            assert second.returncode == 1
            assert f"already runs in {home} (process {first.pid})" in output.decode().replace("\n", "")

        # No chance to clean up: what is left must die by itself.
        first.kill()
        await first.wait()
        await eventually(lambda: not running(home), timeout=15)
        await eventually(lambda: not (home / "up.json").exists(), timeout=5)
        assert running_studio(home) == {}

    async with up(home, "--quiet") as third:
        await ready(third)
        third.send_signal(signal.SIGINT)
        output, _ = await third.communicate()
        assert third.returncode == 0
        assert output.decode().split()[-1] == "stopped"
        assert not (home / "up.json").exists()
        assert running(home) == []


async def test_ctrl_c_ends_a_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with up(home) as process:
        await eventually(lambda: any("nats-server" in name for name in running(home)))
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0
        assert running(home) == []
