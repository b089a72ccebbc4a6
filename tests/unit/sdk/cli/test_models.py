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
