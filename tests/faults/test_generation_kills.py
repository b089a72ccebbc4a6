"""SIGKILL of what makes a clip: the job ends by itself, with the very bytes of an undisturbed run.

Each run is another tenant's, as equal generations of one tenant share their result and nothing would be made.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from artifex.client import Client
from artifex.generator.v1 import messages_pb2 as generator
from artifex.generator.v1 import work_pb2
from artifex.graph.v1 import messages_pb2 as graph
from artifex.up import Stack
from libs.chassis.bus import Bus, Delivery
from libs.chassis.testing import eventually
from tests.faults.conftest import show
from tests.support.documents import Document
from tests.support.footage import frame_digests
from tests.support.jobs import finish, render
from tests.support.triton import T2V, tiny_weights

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

STEPS = 12
SPEC = generator.GenerationSpec(
    model=f"models/{T2V}",
    prompt="a red circle moving right over a blue background",
    seed=6,
    # As large as this model makes, so that a kill finds it at the step at which it is meant to.
    width=256,
    height=256,
    frame_count=33,
    steps=STEPS,
)
Kills = Sequence[tuple[str, int]]
"""Which child is killed, and at which step; in order."""
CASES: dict[str, Kills] = {
    "triton": [("triton", 6)],
    "worker": [("generator", 9)],
    "both": [("triton", 6), ("generator", 9)],
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def studio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Everything that generations, and renders of them, need."""
    home = tmp_path_factory.mktemp("kills") / "home"
    (home / "models").mkdir(parents=True)
    (home / "models" / T2V).symlink_to(tiny_weights(T2V))
    # A killed worker's item goes to the next one soon; every step is told, as they are counted.
    env = {"ARTIFEX_GENERATOR_ACK_WAIT_SECONDS": "2", "ARTIFEX_GENERATOR_PROGRESS_SECONDS": "0"}
    async with Stack(home, workers=1, without=("collab",), env=env, report=show) as stack:
        yield stack


@asynccontextmanager
async def tenant(studio: Stack, name: str) -> AsyncIterator[Client]:
    """The admin of a tenant of its own."""
    async with Client(studio.endpoint, home=studio.home) as operator:
        made = await operator.identity.create_tenant(name, admin_email=f"boss@{name}.example")
    async with Client(studio.endpoint, token=made.api_key_secret) as client:
        yield client


@asynccontextmanager
async def progress(studio: Stack, durable: str) -> AsyncIterator[dict[str, list[int]]]:
    """The steps of each generation, as they are told on the bus, from the beginning on."""
    steps: dict[str, list[int]] = {}

    async def hear(delivery: Delivery) -> None:
        event = delivery.parse(work_pb2.GenerationProgressedEvent)
        steps.setdefault(event.generation, []).append(event.steps_done)

    async with Bus(f"nats://127.0.0.1:{studio.ports.nats}", name="test") as bus:
        subjects = ["evt.*.generator.generation.progressed"]
        hearing = asyncio.create_task(bus.consume(stream="EVENTS", durable=durable, subjects=subjects, handler=hear))
        try:
            yield steps
        finally:
            hearing.cancel()


def runs(steps: Sequence[int]) -> list[list[int]]:
    """The steps of each run; a run that follows another begins with those that it took over."""
    found: list[list[int]] = [[]]
    for step in steps:
        if found[-1] and step <= found[-1][-1]:
            found.append([])
        found[-1].append(step)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def undisturbed(studio: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str]]:
    """The digest of the clip, and its frames', where nothing happens."""
    path = tmp_path_factory.mktemp("undisturbed") / "clip.mkv"
    async with tenant(studio, "nobody") as client:
        return await made(client, (await client.generations.create(SPEC)).name, path)


async def made(client: Client, name: str, path: Path) -> tuple[str, list[str]]:
    """Wait for a generation's end, and for the asset that is made of its clip."""
    done = await client.generations.output(name)
    asset = await client.assets.get(done.output_asset)
    assert asset.blob.digest == done.result.digest
    await client.assets.download(asset.name, path)
    return asset.blob.digest, frame_digests(path)


async def kill(studio: Stack, client: Client, name: str, kills: Kills) -> None:
    """Each at its step; fails where the clip is made before that."""
    for victim, step in kills:
        async for generation in client.generations.watch(name):
            if generation.state == generator.Generation.STATE_RUNNING and generation.steps_done >= step:
                break
        assert generation.steps_done < STEPS
        studio.kill9(victim)


@pytest.mark.parametrize("case", CASES)
async def test_the_clip_is_the_one_of_an_undisturbed_run(
    studio: Stack, undisturbed: tuple[str, list[str]], case: str, tmp_path: Path
) -> None:
    async with tenant(studio, f"{case}-dies") as client, progress(studio, case) as steps:
        created = await client.generations.create(SPEC)
        await kill(studio, client, created.name, CASES[case])
        assert await made(client, created.name, tmp_path / "clip.mkv") == undisturbed
        assert len(undisturbed[1]) == SPEC.frame_count
        await eventually(lambda: steps.get(created.name, [])[-1:] == [STEPS], what="the last step's event")
        told = runs(steps[created.name])
    # Every kill met a run under way, and what followed went on from a checkpoint and left no step out.
    assert len(told) == 1 + len(CASES[case])
    assert told[0][0] == 1
    assert all(run[0] % 5 == 0 for run in told[1:])
    assert all(run == list(range(run[0], run[-1] + 1)) for run in told)
    for run, (_, step) in zip(told, CASES[case], strict=False):
        assert step <= run[-1] < STEPS


async def test_a_render_job_that_waits_for_a_clip_ends_with_the_same_movie(studio: Stack, tmp_path: Path) -> None:
    async with tenant(studio, "render-calm") as client:
        await render(client, shot(), tmp_path / "calm.mp4")
    async with tenant(studio, "render-dies") as client:
        created = await client.renders.create(json.dumps(shot()))
        async for event in client.renders.watch(created.name):
            if event.task.id == "generate:shot" and event.task.state == graph.RenderTask.STATE_RUNNING:
                break
        (generation,) = [each async for each in client.generations.list()]
        await kill(studio, client, generation.name, CASES["both"])
        await finish(client, created.name, tmp_path / "movie.mp4")
    assert len(frame_digests(tmp_path / "movie.mp4")) == SPEC.frame_count
    assert frame_digests(tmp_path / "movie.mp4") == frame_digests(tmp_path / "calm.mp4")


def shot() -> Document:
    """The same clip, by a node."""
    params = {
        "prompt": SPEC.prompt,
        "model": SPEC.model,
        "width": SPEC.width,
        "height": SPEC.height,
        "frames": SPEC.frame_count,
        "fps": 16,
        "steps": STEPS,
    }
    return {
        "schema": "artifex.graph/1",
        "settings": {"width": SPEC.width, "height": SPEC.height, "fps": "16", "duration": f"{SPEC.frame_count}/16"},
        "nodes": {
            "shot": {"type": "T2VGenerator", "params": params},
            "out": {"type": "FileOutput", "inputs": {"video": "shot"}, "params": {"path": "shot.mp4"}},
        },
    }
