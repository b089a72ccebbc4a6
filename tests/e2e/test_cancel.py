"""Cancel: the work stops within two seconds, and nothing of it stays."""

from __future__ import annotations

import asyncio
import json
import time

import psutil
import pytest

from artifex import errors
from artifex.client import Client
from artifex.graph.v1 import messages_pb2 as graph
from artifex.up import Stack
from tests.support.documents import graded, titled
from tests.support.jobs import until_frames

pytestmark = pytest.mark.asyncio(loop_scope="session")


def rendering(stack: Stack) -> list[int]:
    """The worker's child processes that have used the processor since a moment ago."""
    busy = []
    for name, child in stack.children.items():
        if name.startswith("graph-worker"):
            busy += [below.pid for below in psutil.Process(child.pid).children(recursive=True)]
    return busy


async def test_a_running_job_stops(stack: Stack, client: Client, plate: str) -> None:
    before = {asset.name async for asset in client.assets.list()}
    created = await client.renders.create(json.dumps(graded(plate, width=1280, height=720, rate="25", duration=60.0)))
    await until_frames(client, created.name, 1)
    working = rendering(stack)
    assert working
    asked = time.monotonic()
    await client.renders.cancel(created.name)
    while any(psutil.pid_exists(pid) for pid in working):
        assert time.monotonic() - asked < 2, "a worker still renders"
        await asyncio.sleep(0.02)
    job = await client.renders.get(created.name)
    assert job.state == graph.RenderJob.STATE_CANCELLED
    assert not job.output_asset
    assert {asset.name async for asset in client.assets.list()} == before
    with pytest.raises(errors.JobCancelled):
        await client.renders.wait(created.name)
    # The workers are free for others at once.
    other = await client.renders.create(json.dumps(titled(frames=2)))
    await asyncio.wait_for(client.renders.wait(other.name), 20)


async def test_a_cancelled_job_can_be_taken_up_again(client: Client) -> None:
    created = await client.renders.create(json.dumps(titled("Once more", frames=240)))
    await until_frames(client, created.name, 1)
    await client.renders.cancel(created.name)
    await client.renders.retry(created.name)
    job = await client.renders.wait(created.name)
    asset = await client.assets.get(job.output_asset)
    assert asset.media.video_streams[0].frame_count == 240
