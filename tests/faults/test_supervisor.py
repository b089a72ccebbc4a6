"""SIGKILL of the supervisor in the middle of a render: nothing runs on, and the next start takes the job up itself."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import psutil
import pytest

from artifex.client import Client
from artifex.up import Stack
from libs.chassis.testing import eventually
from tests.faults.conftest import show
from tests.support.documents import graded
from tests.support.footage import bunny, frame_digests
from tests.support.jobs import finish, render, until_frames

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

ENV = {"ARTIFEX_GRAPH_CHUNK_FRAMES": "12"}
WITHOUT = ("triton", "generator")
SUPERVISOR = f"""
import asyncio
from pathlib import Path
from artifex.up import Stack

async def main():
    async with Stack(Path.cwd(), workers=1, without={WITHOUT}, env={ENV}):
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def processes(home: Path) -> list[psutil.Process]:
    """All that were told to live in this home, in whatever session and under whatever parent."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("ARTIFEX_HOME") == str(home):
                found.append(process)
        except psutil.Error:
            continue  # it has ended, or is somebody else's
    return found


async def test_a_job_outlives_its_studio(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUPERVISOR, cwd=home, env=dict(os.environ), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert supervisor.stdout is not None
        assert await supervisor.stdout.readline() == b"ready\n"
        async with Client(home=home) as client:
            asset = await client.assets.upload(bunny())
            document = graded(asset.name, width=320, height=180, rate="25", duration="72/25")
            await render(client, document, tmp_path / "undisturbed.mp4")
            created = await client.renders.create(json.dumps(document))
            await until_frames(client, created.name, 1)
    finally:
        supervisor.kill()
        await supervisor.wait()
    await eventually(lambda: not processes(home), timeout=5)
    async with (
        Stack(home, workers=1, without=WITHOUT, env=ENV, report=show) as stack,
        Client(stack.endpoint, home=home) as client,
    ):
        await finish(client, created.name, tmp_path / "movie.mp4")
    assert frame_digests(tmp_path / "movie.mp4") == frame_digests(tmp_path / "undisturbed.mp4")
    assert not await asyncio.to_thread(processes, home)
