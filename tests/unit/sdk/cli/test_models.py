"""What is said of a model beside its limits."""

from __future__ import annotations

from artifex.cli.models import beside
from artifex.generator.v1 import messages_pb2 as generator


def test_what_lies_beside_a_model_is_said_as_one_asks_for_it() -> None:
    model = generator.Model(
        loras=["grain", "ink"],
        recipes=[generator.Recipe(name="lightning-4", steps=4)],
        step_caches=[generator.STEP_CACHE_FIRST_BLOCK, generator.STEP_CACHE_MAGNITUDE],
    )
    assert beside(model) == "--recipe lightning-4 (4 steps); --lora grain; --lora ink; --cache magnitude"
    assert beside(generator.Model(step_caches=[generator.STEP_CACHE_FIRST_BLOCK])) == ""


def test_what_a_cache_was_measured_to_do_is_said_beside_it() -> None:
    first = generator.StepCacheMeasure(step_cache=generator.STEP_CACHE_FIRST_BLOCK, times=1.62, psnr=31.4)
    other = generator.StepCacheMeasure(step_cache=generator.STEP_CACHE_MAGNITUDE, times=2.04)
    caches = [generator.STEP_CACHE_FIRST_BLOCK, generator.STEP_CACHE_MAGNITUDE]
    model = generator.Model(step_caches=caches, step_cache_measures=[first, other])
    assert beside(model) == (
        "--cache first-block (1.6 times as fast, 31 dB); --cache magnitude (2.0 times as fast, the same pixels)"
    )
