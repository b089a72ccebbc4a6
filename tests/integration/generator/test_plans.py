"""Plans and models as the API tells them, with a real Triton behind it."""

from __future__ import annotations

import pytest

from artifex.generator.v1 import messages_pb2 as pb
from libs.chassis.errors import FailedPrecondition, InvalidArgument
from tests.integration.generator.served import SUCCEEDED, Generator
from tests.support.triton import I2V, NANO


async def planned(running: Generator, spec: pb.GenerationSpec, memory: int = 0) -> pb.GenerationPlan:
    request = pb.PlanGenerationRequest(spec=spec, device_memory_bytes=memory)
    return (await running.stub.PlanGeneration(request)).plan


async def test_models_are_listed_with_those_whose_weights_are_not_there(running: Generator) -> None:
    answer = await running.stub.ListModels(pb.ListModelsRequest(page_size=100))
    models = {model.name.removeprefix("models/"): model for model in answer.models}
    assert list(models) == sorted(models)
    here, absent = models[NANO], models["wan22-i2v-a14b"]
    assert (here.available, here.remedy, here.kind) == (True, "", pb.Model.KIND_TEXT_TO_VIDEO)
    assert len(here.weights_digest) == 64
    assert (absent.available, absent.weights_digest, absent.kind) == (False, "", pb.Model.KIND_IMAGE_TO_VIDEO)
    assert "Wan-AI/Wan2.2-I2V-A14B-Diffusers" in absent.remedy
    assert (absent.frame_rate.numerator, absent.max_frames, absent.loaded) == (16, 81, False)


async def test_a_plan_is_what_is_queued_and_spends_nothing(running: Generator, spec: pb.GenerationSpec) -> None:
    spec.width, spec.frame_count, spec.style = 70, 8, "styles/watercolour"
    plan = await planned(running, spec)
    assert {(change.field, change.given, change.taken) for change in plan.adjustments} == {
        ("spec.width", "70", "64"),
        ("spec.frame_count", "8", "9"),
    }
    assert (plan.device, plan.device_count, plan.fits) == ("cpu", 1, True)
    assert plan.device_memory_bytes > 1 << 28
    assert plan.tokens == 3 * (64 // 16) * (48 // 16)
    assert [stage.name for stage in plan.stages] == ["encode", "denoise", "decode"]
    assert plan.seconds > 0
    assert "watercolour" in plan.prompt
    assert (await running.stub.ListGenerations(pb.ListGenerationsRequest())).generations == []
    created = await running.create(spec)
    assert created.plan.spec == created.spec == plan.spec
    assert created.plan.prompt == plan.prompt


async def test_a_plan_tells_whether_the_clip_is_there_already(running: Generator, spec: pb.GenerationSpec) -> None:
    request = pb.PlanGenerationRequest(spec=spec)
    before = await running.stub.PlanGeneration(request)
    assert (len(before.content_key), before.HasField("clip"), before.HasField("refusal")) == (64, False, False)
    done = (await running.watch((await running.create(spec)).name))[-1]
    after = await running.stub.PlanGeneration(request)
    assert (after.content_key, after.clip) == (before.content_key, done.result)
    # What follows from something else is another clip; of what is not known there is no key.
    spec.seed += 1
    other = await running.stub.PlanGeneration(pb.PlanGenerationRequest(spec=spec))
    assert len(other.content_key) == 64
    assert other.content_key != before.content_key
    assert not other.HasField("clip")
    spec.model = f"models/{I2V}"
    digests = ["", "a" * 64, "b" * 64, "a" * 64]
    keys = []
    for digest in digests:
        asked = pb.PlanGenerationRequest(spec=spec)
        asked.pictures.add(role=pb.PlannedPicture.ROLE_FIRST, digest=digest)
        keys.append((await running.stub.PlanGeneration(asked)).content_key)
    assert keys[0] == ""
    assert keys[1] == keys[3] != keys[2]


async def test_pictures_of_a_plan_are_such_as_a_clip_can_have(running: Generator, spec: pb.GenerationSpec) -> None:
    spec.model = f"models/{I2V}"
    first, last = pb.PlannedPicture.ROLE_FIRST, pb.PlannedPicture.ROLE_LAST
    named = pb.GenerationSpec()
    named.CopyFrom(spec)
    named.image = "assets/a"
    for asked, roles, field in (
        (spec, [first, first], "pictures[1].role"),
        (named, [last, first], "pictures[1].role"),
        (spec, [last], "spec.image"),
        (spec, [pb.PlannedPicture.ROLE_UNSPECIFIED], "pictures[0].role"),
    ):
        request = pb.PlanGenerationRequest(spec=asked, pictures=[pb.PlannedPicture(role=role) for role in roles])
        with pytest.raises(InvalidArgument) as caught:
            await running.stub.PlanGeneration(request)
        assert [violation.field for violation in caught.value.violations] == [field]


async def test_a_plan_tells_why_its_clip_could_not_be_made(running: Generator) -> None:
    absent = pb.GenerationSpec(prompt="a river", model="models/wan22-t2v-a14b", preset=pb.GENERATION_PRESET_PREVIEW)
    answer = await running.stub.PlanGeneration(pb.PlanGenerationRequest(spec=absent))
    assert answer.refusal.reason == "ERROR_REASON_MODEL_ABSENT"
    assert "Wan-AI/Wan2.2-T2V-A14B-Diffusers" in answer.refusal.message
    assert answer.content_key == ""


async def test_a_known_model_is_planned_without_its_weights_and_not_queued(running: Generator) -> None:
    spec = pb.GenerationSpec(prompt="a river", model="models/wan22-t2v-a14b", preset=pb.GENERATION_PRESET_PREVIEW)
    plan = await planned(running, spec, memory=24 << 30)
    assert (plan.fits, plan.tokens, plan.spec.width, plan.spec.steps) == (True, 75_600, 1280, 36)
    assert {choice.subject: choice.choice for choice in plan.choices}["experts"] == "streamed"
    small = await planned(running, spec, memory=8 << 30)
    assert not small.fits
    assert small.nearest.width < 1280 or small.nearest.frame_count < 81
    with pytest.raises(FailedPrecondition, match="ARTIFEX_MODELS") as caught:
        await running.create(spec)
    assert caught.value.reason == "ERROR_REASON_MODEL_ABSENT"


async def test_plans_are_refused_for_words_alone_that_say_nothing(running: Generator) -> None:
    for wrong, field in (
        (pb.GenerationSpec(prompt=" "), "spec.prompt"),
        (pb.GenerationSpec(prompt="a", model="models/wan99"), "spec.model"),
        (pb.GenerationSpec(prompt="a", model=f"models/{NANO}", recipe="lightning-4"), "spec.recipe"),
        (pb.GenerationSpec(prompt="a", model=f"models/{NANO}", image="assets/a"), "spec.image"),
    ):
        with pytest.raises(InvalidArgument) as caught:
            await planned(running, wrong)
        assert [violation.field for violation in caught.value.violations] == [field]


async def test_a_clip_teaches_the_next_plan_how_fast_its_device_is(running: Generator, spec: pb.GenerationSpec) -> None:
    assert not (await planned(running, spec)).calibrated
    done = (await running.watch((await running.create(spec)).name))[-1]
    assert done.state == SUCCEEDED, done.failure
    spec.seed += 1
    # The second ends after the first one's rates were kept.
    await running.watch((await running.create(spec)).name)
    plan = await planned(running, spec)
    assert plan.calibrated
    assert plan.stages[1].seconds < 60
