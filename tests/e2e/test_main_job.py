"""The main job through the gateway: real footage, a generated shot and a title become one movie."""

from __future__ import annotations

import asyncio
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from artifex.client import Client
from artifex.graph.v1 import messages_pb2 as graph
from artifex.provenance import DETAIL, heard
from artifex.up import Stack
from tests.support.documents import everything, graded
from tests.support.footage import CODECS, bunny, frame_digests, frames_rgb, samples, write_clip
from tests.support.jobs import finish, render

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_node_in_one_movie(client: Client, plate: str, movie: Path) -> None:
    job = await render(client, everything(plate), movie)
    asset = await client.assets.get(job.output_asset)
    video, sound = asset.media.video_streams[0], asset.media.audio_streams[0]
    assert (video.width, video.height, video.frame_count) == (640, 360, 50)
    assert (video.frame_rate.numerator, video.frame_rate.denominator) == (25, 1)
    assert Fraction(sound.duration.numerator, sound.duration.denominator) == 2
    assert asset.provenance.source == job.name
    made = heard(asset.provenance.details[DETAIL])
    assert made
    assert {len(clip.weights_digest) for clip in made} == {64}
    assert {task.kind for task in job.tasks} == {
        graph.RenderTask.KIND_GENERATION,
        graph.RenderTask.KIND_FRAMES,
        graph.RenderTask.KIND_AUDIO,
        graph.RenderTask.KIND_ASSEMBLY,
    }
    first, last = frames_rgb(movie, [0, 49])
    title = (slice(140, 220), slice(160, 480))
    assert last[title].max() > 240, "the title is white when it has faded in"
    assert first[title].max() < last[title].max() or not np.array_equal(first, last)


async def test_the_sound_is_in_sync_to_the_sample(client: Client, plate: str, movie: Path) -> None:
    await render(client, graded(plate, width=320, height=180, rate="25", duration=4.0), movie)
    ours, theirs = samples(movie), samples(bunny())
    assert len(ours) >= 4 * 48000 - 1024
    length = 2 * 48000
    spectrum = np.fft.rfft(ours[:length], 2 * length) * np.conj(np.fft.rfft(theirs[:length], 2 * length))
    shift = int(np.argmax(np.fft.irfft(spectrum)))
    assert shift in (0, 2 * length), f"the sound is {shift} samples late"


@pytest.mark.parametrize("codec", sorted(CODECS))
async def test_footage_in_every_codec(client: Client, codec: str, tmp_path: Path, movie: Path) -> None:
    clip = write_clip(tmp_path / f"clip.{CODECS[codec][2]}", codec, sound=True)
    asset = await client.assets.upload(clip)
    document = graded(asset.name)
    document["nodes"]["grade"]["params"] = {}
    await render(client, document, movie)
    assert len(frame_digests(movie)) == 24
    source, ours = frames_rgb(clip, [12])[0].astype(int), frames_rgb(movie, [12])[0].astype(int)
    assert np.abs(source - ours).mean() < 3, "footage that nothing is done to comes out as it went in"


async def test_a_stored_document_renders_as_it_was_when_asked_for(client: Client, plate: str, movie: Path) -> None:
    project = await client.projects.create(display_name="Spot")
    text = json.dumps(graded(plate, duration=0.5))
    stored = await client.projects.create_document(project.name, text)
    job = await client.renders.create(document=stored.name)
    await finish(client, job.name, movie)
    assert len(frame_digests(movie)) == 12


async def test_a_repeated_submit_is_one_job(client: Client, plate: str) -> None:
    text = json.dumps(graded(plate, duration=0.25))
    first, second = await asyncio.gather(*(client.renders.create(text, request_id="twice") for _ in range(2)))
    assert first.name == second.name
    await client.renders.wait(first.name)


async def test_one_trace_from_the_client_to_triton(client: Client, stack: Stack, plate: str, movie: Path) -> None:
    document = everything(plate, duration=0.4)
    # A seed of its own, or the generation would come from an earlier test's result and Triton be asked nothing.
    document["nodes"]["shot"]["params"]["seed"] = 4711
    with client.trace("test") as trace_id:
        job = await render(client, document, movie)
    assert job.trace_id == trace_id
    wanted = {"artifex-client", "gateway", "graph", "graph-worker", "generator", "triton", "media"}
    file = stack.home / "traces" / f"{trace_id}.jsonl"
    # Each process sends its spans a moment after they end: wait until the tree is whole.
    async with asyncio.timeout(20):
        while True:
            spans = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
            ids = {span["span_id"] for span in spans}
            orphans = [span for span in spans if span["parent_span_id"] and span["parent_span_id"] not in ids]
            if wanted <= {span["service"] for span in spans} and not orphans:
                break
            await asyncio.sleep(0.1)
    assert len([span for span in spans if not span["parent_span_id"]]) == 1, "one root: the client's"
    names = {span["name"] for span in spans}
    assert {name.split()[0] for name in names} >= {"publish", "consume"}, "the queue is in the trace"
