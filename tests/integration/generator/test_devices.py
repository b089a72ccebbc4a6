"""Work that was planned for one device and comes to another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from artifex.generator.v1 import messages_pb2 as pb
from services.generator.adapters.triton import TritonModelServer
from tests.integration.generator.served import FAILED, SUCCEEDED, WorkerProcess, generator
from tests.support.triton import T2V, TritonServer, tiny_weights

SMALL = 16 << 20
"""Bytes for which the small Triton plans: enough for a small clip of the tiny model, and not for its largest."""

OWN = "tiny-own"
"""A model of the small Triton's alone."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """A Triton whose models are to have a little of its machine's memory, and that has one more than others."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "models").mkdir()
    (folder / "models" / OWN).symlink_to(tiny_weights(T2V))
    with TritonServer(folder, env={"ARTIFEX_GENERATOR_TRITON_MEMORY": str(SMALL)}) as server:
        yield server


# Two workers are started, one after the other; not counted is the start of the Tritons.
@pytest.mark.timeout(300, func_only=True)
async def test_a_plan_for_one_device_is_made_again_for_another_or_waits_for_its_own(
    tmp_path: Path, triton: TritonServer, small: TritonServer, models: TritonModelServer, spec: pb.GenerationSpec
) -> None:
    if T2V in await models.loaded():
        await models.unload(T2V)
    spec.model, spec.width, spec.height = f"models/{T2V}", 64, 64
    large = pb.GenerationSpec()
    large.CopyFrom(spec)
    large.width, large.height, large.frame_count, large.steps = 256, 256, 33, 2
    both = f"{triton.endpoint},{small.endpoint}"
    async with generator(tmp_path, both, roles=frozenset({"api"})) as running:
        queued = await running.create(spec)
        too_large = await running.create(large)
        whole = queued.plan.device_memory_bytes
        spec.model = f"models/{OWN}"
        elsewhere = (await running.stub.PlanGeneration(pb.PlanGenerationRequest(spec=spec))).plan
        assert elsewhere.device_memory_bytes == SMALL, "that of the largest device that has the model"
        assert whole == too_large.plan.device_memory_bytes > SMALL
        with WorkerProcess(tmp_path / "near", {**running.env, "ARTIFEX_GENERATOR_TRITON_ENDPOINT": small.endpoint}):
            made = (await running.watch(queued.name))[-1]
            assert made.state == SUCCEEDED, made.failure
            assert made.plan.device_memory_bytes == SMALL
            assert made.plan.spec == queued.plan.spec == made.spec
            assert (made.plan.prompt, made.plan.fits) == (queued.plan.prompt, True)
            refused = (await running.watch(too_large.name))[-1]
            assert (refused.state, refused.failure.reason) == (FAILED, "ERROR_REASON_DOES_NOT_FIT")
            assert "frames would fit" in refused.failure.message
            assert not running.steps(too_large.name), "nothing was spent"
        again = await running.create(large)
        with WorkerProcess(tmp_path / "far", {**running.env, "ARTIFEX_GENERATOR_TRITON_ENDPOINT": both}):
            # The small one has the model in memory, and the other one room for it.
            done = (await running.watch(again.name))[-1]
            assert done.state == SUCCEEDED, done.failure
            assert done.plan.device_memory_bytes == whole
