"""Cancel: the work stops within two seconds, and nothing of it stays."""

from __future__ import annotations

import asyncio
import contextlib
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


def cpu_seconds(stack: Stack) -> dict[int, float]:
    """What each process in which a worker renders has used of the processors so far."""
    used = {}
    for name, child in stack.children.items():
        if name.startswith("graph-worker"):
            for below in psutil.Process(child.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = below.cpu_times()
                    used[below.pid] = times.user + times.system
    return used


async def at_rest(stack: Stack) -> bool:
    """Whether the workers have rendered nothing for a fifth of a second."""
    before = cpu_seconds(stack)
    await asyncio.sleep(0.2)
    return all(used - before.get(pid, 0.0) < 0.05 for pid, used in cpu_seconds(stack).items())


async def test_a_running_job_stops(stack: Stack, client: Client, plate: str) -> None:
    before = {asset.name async for asset in client.assets.list()}
    created = await client.renders.create(json.dumps(graded(plate, width=1280, height=720, rate="25", duration=60.0)))
    await until_frames(client, created.name, 1)
    assert not await at_rest(stack)
    asked = time.monotonic()
    await client.renders.cancel(created.name)
    while not await at_rest(stack):
        assert time.monotonic() - asked < 2, "a worker still renders"
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
