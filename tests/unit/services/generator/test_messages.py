from __future__ import annotations

from artifex.generator.v1 import messages_pb2 as pb
from services.generator.domain.generation import Priority
from services.generator.messages import generation_message, work_item, work_subject
from tests.unit.services.generator.test_generation import NOW, generation
from tests.unit.services.generator.test_spec import NANO


def test_the_time_left_is_that_of_the_steps_and_of_the_decoding_that_was_planned() -> None:
    found = generation()
    assert generation_message(found, 2).queue_position == 2
    found.plan = pb.GenerationPlan(
        stages=[pb.PlanStage(name="denoise", seconds=40), pb.PlanStage(name="decode", seconds=3)]
    )
    found.start(found.spec, NANO, "key", NOW)
    assert generation_message(found).seconds_left == 0.0, "nothing is known before the first step"
    found.progress(1, 30.0)
    assert generation_message(found).seconds_left == 33.0
    found.pause()
    assert generation_message(found).seconds_left == 0.0


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
