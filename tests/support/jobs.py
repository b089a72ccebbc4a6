"""Rendering in tests: submit, wait, fetch."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from artifex.client import Client
from artifex.graph.v1 import messages_pb2 as graph
from tests.support.documents import Document


async def render(client: Client, document: Document, path: Path) -> graph.RenderJob:
    """Render a document and save the movie. Raises JobFailed when there is none."""
    created = await client.renders.create(json.dumps(document))
    return await finish(client, created.name, path)


async def finish(client: Client, name: str, path: Path) -> graph.RenderJob:
    """Wait for a job's movie and save it."""
    job = await client.renders.wait(name)
    await client.assets.download(job.output_asset, path)
    return job


async def until_frames(client: Client, name: str, frames: int) -> graph.RenderEvent:
    """Wait until a job has rendered so many frames; returns the event that said so."""
    async with asyncio.timeout(60):
        async for event in client.renders.watch(name):
            if event.progress.frames_done >= frames:
                return event
            assert event.state not in (graph.RenderJob.STATE_FAILED, graph.RenderJob.STATE_CANCELLED), event
    raise AssertionError(f"{name} ended before {frames} frames")
