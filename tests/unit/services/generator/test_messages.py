from __future__ import annotations

from dataclasses import replace

from artifex.generator.v1 import messages_pb2 as pb
from services.generator.domain.generation import Place, Priority
from services.generator.domain.models import Recipe
from services.generator.domain.step_caches import CacheMeasure
from services.generator.messages import generation_message, model_message, work_item, work_subject
from tests.unit.services.generator.test_generation import NOW, generation
from tests.unit.services.generator.test_spec import NANO


def test_the_time_left_is_that_of_the_steps_and_of_the_decoding_that_was_planned() -> None:
    found = generation()
    found.plan = pb.GenerationPlan(
        stages=[pb.PlanStage(name="denoise", seconds=40), pb.PlanStage(name="decode", seconds=3)], seconds=44
    )
    found.start(found.spec, NANO, "key", NOW)
    assert generation_message(found).seconds_left == 44.0, "the plan's, before the first step"
    found.progress(1, 30.0)
    assert generation_message(found).seconds_left == 33.0
    found.progress(2, None)
    assert generation_message(found).seconds_left == 23.0, "half of the steps that were planned"
    found.pause()
    assert generation_message(found).seconds_left == 0.0
    assert found.resume(NOW)
    assert generation_message(found).seconds_left == 23.0
    found.cancel(NOW)
    assert generation_message(found).seconds_left == 0.0


def test_what_waits_has_those_before_it_to_wait_for_as_far_as_they_are_known() -> None:
    found = generation()
    assert generation_message(found, Place(2, 50.0)).seconds_left == 0.0, "it is not known itself"
    found.seconds_left = 12.0
    shown = generation_message(found, Place(2, 50.0))
    assert (shown.queue_position, shown.seconds_left) == (2, 62.0)
    assert generation_message(found, Place(2, None)).seconds_left == 0.0
    assert generation_message(found).seconds_left == 12.0


def test_steps_are_those_of_all_windows() -> None:
    found = generation()
    found.start(found.spec, NANO, "key", NOW, windows=3)
    assert generation_message(found).steps_total == 12


def test_work_goes_to_the_queue_of_its_priority() -> None:
    found = generation()
    assert work_subject(found) == "work.generate.normal"
    found.priority = Priority.HIGH
    assert work_subject(found) == "work.generate.high"
    assert work_item(found).generation == "generations/g1"


def test_a_model_tells_what_lies_beside_its_weights() -> None:
    recipe = Recipe("lightning-4", 4, "euler", (1.0, 0.75, 0.5, 0.25), loras=(("high", 1.0, 0.0),))
    told = model_message(replace(NANO, recipes=(recipe,), loras=("grain", "high"), magnitudes=True), loaded=False)
    assert list(told.loras) == ["grain", "high"]
    (shown,) = told.recipes
    assert (shown.name, shown.steps, shown.sampler, shown.guidance_scale) == ("lightning-4", 4, "euler", 1.0)
    assert list(shown.loras) == [pb.Lora(name="high", strength=1.0)]
    assert list(told.step_caches) == [pb.STEP_CACHE_FIRST_BLOCK, pb.STEP_CACHE_MAGNITUDE]
    assert list(model_message(NANO, loaded=False).step_caches) == [pb.STEP_CACHE_FIRST_BLOCK]


def test_a_model_tells_what_step_caches_were_measured_to_do() -> None:
    measure = CacheMeasure("magnitude", 2.5, 31.4, 28.9, 832, 480, 81, 40)
    (told,) = model_message(replace(NANO, measures=(measure,)), loaded=False).step_cache_measures
    assert told == pb.StepCacheMeasure(
        step_cache=pb.STEP_CACHE_MAGNITUDE,
        times=2.5,
        psnr=31.4,
        least_psnr=28.9,
        width=832,
        height=480,
        frame_count=81,
        steps=40,
    )
