"""What a step cache does is told: by the model, in the plan, and of each clip that was made with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from artifex.generator.v1 import messages_pb2 as pb
from tests.integration.generator.served import SUCCEEDED, generator
from tests.support.triton import T2V, TritonServer, tiny_weights

MEASURE: dict[str, Any] = {
    "times": 1.5,
    "psnr": 30.5,
    "least_psnr": 28.0,
    "width": 64,
    "height": 64,
    "frame_count": 9,
    "steps": 16,
}


async def test_a_model_a_plan_and_a_clip_tell_what_their_step_cache_saves_and_changes(tmp_path: Path) -> None:
    folder = tmp_path / "triton" / "models" / T2V
    shutil.copytree(tiny_weights(T2V), folder)
    (folder / "caches.json").write_text(json.dumps({"first_block": MEASURE}))
    with TritonServer(tmp_path / "triton") as triton:
        async with generator(tmp_path, triton.endpoint) as running:
            models = (await running.stub.ListModels(pb.ListModelsRequest())).models
            (measure,) = next(model for model in models if model.name == f"models/{T2V}").step_cache_measures
            known = pb.StepCacheMeasure(step_cache=pb.STEP_CACHE_FIRST_BLOCK, **MEASURE)
            assert measure == known

            spec = pb.GenerationSpec(
                model=f"models/{T2V}",
                prompt="a red balloon",
                width=64,
                height=64,
                frame_count=9,
                steps=16,
                flow_shift=3,
            )
            spec.step_cache = pb.STEP_CACHE_FIRST_BLOCK
            created = await running.create(spec)
            (choice,) = [choice for choice in created.plan.choices if choice.subject == "step_cache"]
            assert "1.50 times as fast and 30.5 dB from the clip without it" in choice.reason

            done = (await running.watch(created.name))[-1]
            assert done.state == SUCCEEDED, done.failure
            use = done.provenance.step_cache_use
            assert (use.step_cache, use.passes, use.measure) == (pb.STEP_CACHE_FIRST_BLOCK, 32, known)
            # Made of two blocks, of which the first one is always computed.
            assert 0 < use.taken_over < 32
            assert use.times == round(1 / (1 - use.taken_over / 32 / 2), 3)

            again = (await running.watch((await running.create(spec)).name))[-1]
            assert "progressed" not in running.verbs(again.name), "it was there already"
            assert again.provenance.step_cache_use == use

            spec.step_cache = pb.STEP_CACHE_NONE
            plain = (await running.watch((await running.create(spec)).name))[-1]
            assert not plain.provenance.HasField("step_cache_use")
