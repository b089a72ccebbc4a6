"""Tritons that have not the same models: what each is given, and what is said of a clip that none can make whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1 import work_pb2
from libs.chassis.ids import new_id
from libs.chassis.testing import eventually, free_port
from services.generator.adapters.model_servers import TritonServers
from tests.integration.generator.served import FAILED, SUCCEEDED, WorkerProcess, generator, graph_work
from tests.support.triton import I2V, T2V, TritonServer

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def lacking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """It has the model for words, and not the one that goes on from a picture."""
    with TritonServer(tmp_path_factory.mktemp("lacking"), without=[I2V]) as server:
        yield server


@pytest.fixture
def spec(spec: pb.GenerationSpec) -> pb.GenerationSpec:
    """Of two windows."""
    spec.model, spec.width, spec.height, spec.frame_count, spec.steps = f"models/{T2V}", 64, 64, 41, 2
    return spec


async def test_a_clip_is_no_longer_than_its_only_server_makes_it_and_the_plan_says_so(
    tmp_path: Path, lacking: TritonServer, spec: pb.GenerationSpec
) -> None:
    async with generator(tmp_path, lacking.endpoint) as running:
        created = await running.create(spec)
        (change,) = created.plan.adjustments
        assert (change.field, change.given, change.taken) == ("spec.frame_count", "41", "33")
        assert f"{I2V}, which could go on from the last, is not beside it" in change.reason
        done = (await running.watch(created.name))[-1]
        assert (done.state, done.spec.frame_count, done.steps_total) == (SUCCEEDED, 33, 2), done.failure
        # Of a render job's shot the record says it, which goes into the movie.
        work = graph_work(spec)
        await running.bus.publish("work.generate.normal", work, key=new_id())
        await eventually(lambda: "completed" in running.verbs(work.generation), what="the completed event")
        told = work_pb2.GenerationCompletedEvent.FromString(running.told(work.generation, "completed"))
        assert [note for note in told.provenance.notes if note.startswith("frame_count: 33 instead of 41")]


async def test_a_longer_clip_goes_to_the_server_that_has_both_models(
    tmp_path: Path, triton: TritonServer, lacking: TritonServer, spec: pb.GenerationSpec
) -> None:
    async with generator(tmp_path, f"{lacking.endpoint},{triton.endpoint}", roles=frozenset({"api"})) as running:
        planned = [await running.create(spec) for _ in range(2)]
        assert [each.spec.frame_count for each in planned] == [41, 41]
        both = {**running.env, "ARTIFEX_GENERATOR_TRITON_ENDPOINT": f"{lacking.endpoint},{triton.endpoint}"}
        with WorkerProcess(tmp_path / "both", both):
            done = (await running.watch(planned[0].name))[-1]
            assert (done.state, done.steps_done, done.steps_total) == (SUCCEEDED, 4, 4), done.failure
            await running.watch(planned[1].name)
        # One that was planned where both were, and comes to where one is, is refused: it would be shorter.
        spec.seed += 1
        late = await running.create(spec)
        with WorkerProcess(tmp_path / "one", {**both, "ARTIFEX_GENERATOR_TRITON_ENDPOINT": lacking.endpoint}):
            done = (await running.watch(late.name))[-1]
        assert (done.state, done.failure.reason) == (FAILED, "ERROR_REASON_MODEL_ABSENT")
        assert dict(done.failure.metadata) == {"model": I2V}
        assert "ask for 33 frames at the most" in done.failure.message


async def test_a_turn_waits_for_a_server_that_has_the_models_as_long_as_one_does_not_answer(
    triton: TritonServer, lacking: TritonServer
) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    async with TritonServers([lacking.endpoint, triton.endpoint]) as servers:
        cards = await servers.models()
        assert not cards[T2V].apart
        async with servers.take(T2V, I2V) as taken:
            assert I2V in await taken.models()
            # The other is free, and does not have both.
            waiting = asyncio.create_task(servers.take(T2V, I2V).__aenter__())
            async with servers.take(T2V) as rest:
                assert I2V not in await rest.models()
                assert not waiting.done()
        assert I2V in await (await waiting).models()
    async with TritonServers([lacking.endpoint, nobody]) as servers:
        assert (await servers.models())[T2V].apart
        waiting = asyncio.create_task(servers.take(T2V, I2V).__aenter__())
        done, _ = await asyncio.wait({waiting}, timeout=2.0)
        assert not done, "the one that does not answer may have them"
        waiting.cancel()
        async with servers.take(T2V) as taken:
            assert T2V in await taken.models()
    async with TritonServers([lacking.endpoint]) as servers, servers.take(T2V, I2V) as taken:
        # It tells what it lacks.
        assert I2V not in await taken.models()
