"""SIGKILL of workers at random, twenty times in one render: the movie is the one that an undisturbed render makes."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from artifex.client import Client
from artifex.graph.v1 import messages_pb2 as graph
from artifex.up import Stack
from tests.faults.conftest import show
from tests.support.documents import graded
from tests.support.footage import bunny, frame_digests
from tests.support.jobs import finish, render

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

KILLS = 20
ENV = {
    "ARTIFEX_GRAPH_CHUNK_FRAMES": "6",
    # A killed worker's task goes to another at once, or the test would wait ten seconds for most of its kills.
    "ARTIFEX_GRAPH_WORKER_ACK_WAIT_SECONDS": "1",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crowded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Four workers: the supervisor waits longer and longer before it starts one again."""
    home = tmp_path_factory.mktemp("kills") / "home"
    async with Stack(home, workers=4, without=("triton", "generator"), env=ENV, report=show) as studio:
        yield studio


async def test_twenty_kills_in_one_render(crowded: Stack, tmp_path: Path) -> None:
    async with Client(crowded.endpoint, home=crowded.home) as client:
        asset = await client.assets.upload(bunny())
        # Eighty tasks, so that there is still work to be killed at after nineteen kills; the clip's end is held.
        document = graded(asset.name, width=256, height=144, rate="25", duration="480/25")
        await render(client, document, tmp_path / "undisturbed.mp4")
        created = await client.renders.create(json.dumps(document))
        killed = await _kill_at_random(crowded, client, created.name)
        job = await finish(client, created.name, tmp_path / "movie.mp4")
    assert killed == KILLS
    assert frame_digests(tmp_path / "movie.mp4") == frame_digests(tmp_path / "undisturbed.mp4")
    # Nobody took the kills for the graph's fault.
    assert all(task.state == graph.RenderTask.STATE_SUCCEEDED for task in job.tasks)


async def _kill_at_random(stack: Stack, client: Client, name: str) -> int:
    """Kill workers that have begun a task, two times out of three, until there were enough; the number of kills."""
    chance, killed = random.Random(20), set[int]()
    async for event in client.renders.watch(name):
        if len(killed) == KILLS:
            break
        if event.task.state != graph.RenderTask.STATE_RUNNING or chance.random() < 1 / 3:
            continue
        pid = int(event.task.worker.rpartition(":")[2] or 0)
        victim = next(
            (child for child in stack.children if child.startswith("graph-worker") and stack.pid(child) == pid), ""
        )
        # What a worker told before it was killed may be heard afterwards.
        if victim and pid not in killed:
            stack.kill9(victim)
            killed.add(pid)
    return len(killed)
