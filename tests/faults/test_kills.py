"""SIGKILL of any part in the middle of a render: the job ends by itself, with the movie it would have been.

The oracle is an undisturbed run of the same graph: the decoded frames must be equal, one for one.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from artifex.client import Client
from artifex.graph.v1 import messages_pb2 as graph
from artifex.up import Stack
from tests.support.documents import Document, graded
from tests.support.footage import bunny, frame_digests
from tests.support.jobs import finish, render, until_frames

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def document(client: Client) -> Document:
    """Six chunks of real footage, graded, with sound."""
    asset = await client.assets.upload(bunny())
    return graded(asset.name, width=640, height=360, rate="25", duration="72/25")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def undisturbed(client: Client, document: Document, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The frames of a run in which nothing happens."""
    path = tmp_path_factory.mktemp("undisturbed") / "movie.mp4"
    await render(client, document, path)
    return frame_digests(path)


@pytest.mark.parametrize("victim", ["graph-worker-1", "nats", "media", "graph", "gateway"])
async def test_the_job_survives(
    stack: Stack, client: Client, document: Document, undisturbed: list[str], victim: str, tmp_path: Path
) -> None:
    created = await client.renders.create(json.dumps(document))
    await until_frames(client, created.name, 1)
    killed = stack.kill9(victim)
    job = await finish(client, created.name, tmp_path / "movie.mp4")
    assert frame_digests(tmp_path / "movie.mp4") == undisturbed
    # Each frame is in one task, and each task was completed once.
    chunks = [task for task in job.tasks if task.kind == graph.RenderTask.KIND_FRAMES]
    frames = Counter(frame for task in chunks for frame in range(task.first_frame, task.first_frame + task.frame_count))
    assert frames == Counter(range(72))
    await stack.restarted(victim, killed)


async def test_the_evaluators_are_killed_and_not_their_workers(
    stack: Stack, client: Client, document: Document, undisturbed: list[str], tmp_path: Path
) -> None:
    workers = {name: stack.pid(name) for name in stack.children if name.startswith("graph-worker")}
    created = await client.renders.create(json.dumps(document))
    await until_frames(client, created.name, 1)
    children = [child for pid in workers.values() for child in psutil.Process(pid).children(recursive=True)]
    assert children
    for child in children:
        child.kill()
    await finish(client, created.name, tmp_path / "movie.mp4")
    assert frame_digests(tmp_path / "movie.mp4") == undisturbed
    assert {name: stack.pid(name) for name in workers} == workers


async def test_everything_is_killed_at_once(
    stack: Stack, client: Client, document: Document, undisturbed: list[str], tmp_path: Path
) -> None:
    created = await client.renders.create(json.dumps(document))
    await until_frames(client, created.name, 1)
    killed = {name: stack.kill9(name) for name in stack.children}
    await finish(client, created.name, tmp_path / "movie.mp4")
    assert frame_digests(tmp_path / "movie.mp4") == undisturbed
    for name, pid in killed.items():
        await stack.restarted(name, pid)


async def test_a_worker_that_hangs_is_no_worker(
    stack: Stack, client: Client, document: Document, undisturbed: list[str], tmp_path: Path
) -> None:
    created = await client.renders.create(json.dumps(document))
    await until_frames(client, created.name, 1)
    hanging = stack.pid("graph-worker-1")
    os.kill(hanging, signal.SIGSTOP)
    try:
        async with asyncio.timeout(30):
            await finish(client, created.name, tmp_path / "movie.mp4")
    finally:
        os.kill(hanging, signal.SIGCONT)
    assert frame_digests(tmp_path / "movie.mp4") == undisturbed
    # What it says when it wakes changes nothing, and it works again.
    again = await client.renders.create(json.dumps(document))
    await finish(client, again.name, tmp_path / "again.mp4")
    assert frame_digests(tmp_path / "again.mp4") == undisturbed
    assert (await client.renders.get(created.name)).state == graph.RenderJob.STATE_SUCCEEDED
    assert stack.pid("graph-worker-1") == hanging
