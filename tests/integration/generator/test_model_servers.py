"""Work shared by several Tritons, and what becomes of it when they go."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from artifex.generator.v1 import messages_pb2 as pb
from libs.chassis.errors import Unavailable
from libs.chassis.testing import eventually
from services.generator.adapters.model_servers import TritonServers
from services.generator.adapters.triton import TritonModelServer
from services.generator.ports import FrameBytes
from tests.integration.generator.conftest import Scripts
from tests.integration.generator.served import FAILED, SUCCEEDED, assert_resumed, frames_of, generator, long
from tests.support.triton import NANO, RESIDENT, T2V, TritonServer, tiny_weights

WIDE = "tiny-wide"
"""Makes pictures that are decoded by tiles where memory is short."""

# Tritons that are started again read their libraries anew.
pytestmark = pytest.mark.timeout(300)


PACKED = "tiny-packed"
"""Its experts are GGUF files."""


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory, scripts: Scripts) -> Iterator[TritonServer]:
    folder = tmp_path_factory.mktemp("second")
    shutil.copytree(tiny_weights(T2V), folder / "models" / PACKED)
    scripts("packs", "pack", str(folder / "models" / PACKED))
    wide = folder / "models" / WIDE
    shutil.copytree(tiny_weights(T2V), wide)
    card = json.loads((wide / "artifex.json").read_text())
    (wide / "artifex.json").write_text(json.dumps({**card, "max_width": 512, "max_height": 512}))
    with TritonServer(folder) as server:
        yield server


def leave(pid: int, spare: int) -> None:
    """Let a process have so many bytes more, and then none."""
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[5]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_DATA, (used + spare, resource.RLIM_INFINITY))


def lift(pid: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


async def test_two_tritons_make_two_clips_at_a_time_and_one_takes_over_what_the_other_dies_over(
    tmp_path: Path, triton: TritonServer, second: TritonServer, models: TritonModelServer, spec: pb.GenerationSpec
) -> None:
    # Large, so that it is under way when its server dies.
    spec.model, spec.width, spec.height, spec.frame_count, spec.steps = f"models/{T2V}", 256, 256, 33, 40
    await models.load(T2V)
    async with TritonModelServer(second.endpoint) as other:
        await other.load(T2V)
    async with generator(tmp_path, f"{second.endpoint},{triton.endpoint}") as running:
        # Of two that are alike the first has it, and the other what comes then.
        first = await running.create(spec)
        await running.until_step(first.name, 1)
        beside = await running.create(long(spec))
        await running.until_step(beside.name, 1)
        assert (await running.get(first.name)).state == pb.Generation.STATE_RUNNING
        await running.stub.CancelGeneration(pb.CancelGenerationRequest(name=beside.name))
        await running.until_step(first.name, 7)
        second.kill9()
        try:
            done = (await running.watch(first.name))[-1]
            assert done.state == SUCCEEDED, done.failure
            await eventually(lambda: running.steps(first.name)[-1:] == [40], what="the last step's event")
            assert_resumed(running.steps(first.name), 40)
            raw = b"".join([e.data async for e in models.generate(T2V, spec) if isinstance(e, FrameBytes)])
            assert frames_of(running.clip(done), spec) == raw
        finally:
            second.start()


async def test_work_waits_for_as_long_as_no_triton_answers(
    tmp_path: Path, second: TritonServer, spec: pb.GenerationSpec
) -> None:
    async with generator(tmp_path, second.endpoint) as running:
        await running.stub.ListModels(pb.ListModelsRequest())
        request = pb.CreateGenerationRequest(spec=long(spec), request_id="once")
        created = (await running.stub.CreateGeneration(request)).generation
        await running.until_step(created.name, 1)
        second.kill9()
        await asyncio.sleep(3)
        assert (await running.get(created.name)).state == pb.Generation.STATE_RUNNING
        with pytest.raises(Unavailable):
            await running.create(spec)
        # What was answered before needs no model to be answered again.
        assert (await running.stub.CreateGeneration(request)).generation == created
        # What waits is cancelled like anything else.
        await running.stub.CancelGeneration(pb.CancelGenerationRequest(name=created.name))
        second.start()
        done = (await running.watch((await running.create(spec)).name))[-1]
        assert done.state == SUCCEEDED, done.failure


async def test_a_server_that_is_slow_is_waited_for_unless_another_answers(
    triton: TritonServer, second: TritonServer
) -> None:
    async with TritonServers([second.endpoint]) as alone, TritonServers([second.endpoint, triton.endpoint]) as both:
        assert NANO in await alone.models()
        assert second.process is not None
        os.killpg(second.process.pid, signal.SIGSTOP)
        try:
            stat = Path(f"/proc/{second.process.pid}/stat")
            await eventually(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", what="the stop")
            assert NANO in await both.models()
            asyncio.get_running_loop().call_later(1.5, os.killpg, second.process.pid, signal.SIGCONT)
            assert NANO in await alone.models()
        finally:
            os.killpg(second.process.pid, signal.SIGCONT)
    second.kill9()
    async with TritonServers([second.endpoint]) as servers:
        with pytest.raises(Unavailable):
            await servers.models()
        second.start()
        assert NANO in await servers.models(), "it is looked for, though the channel has just seen that it is down"


async def test_a_turn_goes_to_the_server_that_has_the_model_in_memory(
    triton: TritonServer, second: TritonServer, models: TritonModelServer
) -> None:
    for name in await models.loaded() - {NANO}:
        await models.unload(name)
    await models.load(NANO)
    async with TritonModelServer(second.endpoint) as other:
        for name in await other.loaded():
            await other.unload(name)
    async with TritonServers([second.endpoint, triton.endpoint]) as servers:
        assert await servers.loaded() == {NANO}
        async with servers.take(NANO) as taken:
            assert await taken.loaded() == {NANO}
            async with servers.take(NANO) as rest:
                assert await rest.loaded() == frozenset()
                waiting = asyncio.create_task(servers.take(NANO).__aenter__())
                await asyncio.sleep(0.2)
                assert not waiting.done()
            assert await (await waiting).loaded() == frozenset()


async def test_a_device_out_of_memory_is_tried_once_more_and_then_told(
    tmp_path: Path, second: TritonServer, spec: pb.GenerationSpec
) -> None:
    spec.model, spec.width, spec.height, spec.frame_count = f"models/{WIDE}", 512, 512, 33
    async with generator(tmp_path, second.endpoint) as running:
        async with TritonModelServer(second.endpoint, resident=RESIDENT) as server:
            await server.load(WIDE)
        pid = second.process_of(WIDE)
        leave(pid, 96 << 20)
        done = (await running.watch((await running.create(spec)).name))[-1]
        assert (done.state, done.failure.reason) == (FAILED, "ERROR_REASON_DOES_NOT_FIT")
        assert dict(done.failure.metadata)["model"] == WIDE
        (note,) = done.provenance.notes
        assert note.startswith("out of memory in the stage ")
        lift(pid)


async def test_what_fits_the_next_thriftier_way_is_made_that_way_and_shared_with_nobody_who_had_room(
    tmp_path: Path, second: TritonServer, spec: pb.GenerationSpec
) -> None:
    spec.model, spec.frame_count, spec.steps = f"models/{WIDE}", 5, 7
    async with generator(tmp_path, second.endpoint) as running:

        async def made() -> pb.Generation:
            done = (await running.watch((await running.create(spec)).name))[-1]
            assert done.state == SUCCEEDED, done.failure
            await eventually(lambda: "completed" in running.verbs(done.name), what="the completed event")
            return done

        # All that a process takes once, it takes for a small clip too.
        await made()
        spec.width = spec.height = 512
        pid = second.process_of(WIDE)
        # Decoded whole the clip takes some 530 MB, and in tiles 220.
        leave(pid, 440 << 20)
        tiled = await made()
        note = "out of memory in the stage decode: the VAE was tiled"
        assert (list(tiled.provenance.notes), tiled.provenance.load["vae"]) == ([note], "tiled")
        # The steps of before were not made again.
        assert running.steps(tiled.name) == [1, 2, 3, 4, 5, 6, 7, 5, 6, 7]
        again = await made()
        assert (again.result, list(again.provenance.notes)) == (tiled.result, [note])
        assert running.steps(again.name) == [1, 2, 3, 4, 5, 6, 7], "the clip was there"
        lift(pid)
        whole = await made()
        assert (list(whole.provenance.notes), whole.provenance.load["vae"]) == ([], "whole")
        assert whole.result != tiled.result
        # Who planned what others fell back on has their clip.
        spec.profile = pb.GENERATION_PROFILE_MEMORY
        assert (await made()).result == tiled.result
        assert not [kept async for kept in running.objects.list("tenants/studio/checkpoints/")]


async def test_a_model_whose_experts_are_packed_is_planned_and_run_as_it_is(
    tmp_path: Path, second: TritonServer, spec: pb.GenerationSpec
) -> None:
    clips = []
    async with generator(tmp_path, second.endpoint) as running:
        for model in (PACKED, T2V):
            spec.model = f"models/{model}"
            done = (await running.watch((await running.create(spec)).name))[-1]
            assert done.state == SUCCEEDED, done.failure
            precision = "gguf" if model == PACKED else "float32"
            assert done.provenance.load["precision"] == precision
            planned = {choice.subject: choice.choice for choice in done.plan.choices}
            assert planned["precision"] == precision
            clips.append(np.frombuffer(frames_of(running.clip(done), spec), np.uint8).astype(int))
    packed, plain = clips
    assert np.abs(packed - plain).max() > 0
    assert np.abs(packed - plain).mean() < 1
