"""Experts of GGUF files, of every class, in Triton's environment."""

from __future__ import annotations

import pytest

from tests.integration.generator.conftest import Scripts

# Of models that are read half a dozen times, and blocks that are compiled.
pytestmark = pytest.mark.timeout(400)
each_kind = pytest.mark.parametrize("kind", ["t2v", "i2v", "ti2v"])


@each_kind
def test_packed_experts_make_about_the_same_clip_wherever_they_lie_and_are_found_where_nothing_else_is(
    scripts: Scripts, kind: str
) -> None:
    beside, one, *places, half = scripts("packs", "packed", kind)
    if kind == "t2v":
        compiled = places.pop()
        assert compiled["compiled"]
        assert compiled["mean"] < 1
    # Of two that lie there the weights themselves are taken, unless a request wants the others.
    assert beside == {"found": "float32"}
    assert (one["packed"], one["evidence"]["laid"]["precision"]) == ("torch.uint8", "gguf")
    assert 0 < one["off"] < 0.01, "eight bits are not all"
    assert one["mean"] < 1
    assert one["lora"] > 0.005
    assert one["lora_off"]
    assert one["cached"] < 8
    assert [case["precision"] for case in places] == ["gguf"] * 3
    assert all(case["same"] for case in places), places
    assert half["half"] == ["torch.bfloat16"]
    assert 0 < half["about"] < 0.1


@each_kind
def test_a_file_that_is_not_there_or_none_of_the_models_is_refused_by_what_is_wrong(
    scripts: Scripts, kind: str
) -> None:
    told = {what: text for case in scripts("packs", "refused", kind) for what, text in case.items()}
    found = "load.precision: gguf found transformer/wan-Q8_0.gguf, which"
    alone = "needs the weights themselves, and here are GGUF files alone"
    assert told["absent"] == (
        "load.precision: gguf needs a file *.gguf in the folder transformer of this model, which has none"
    )
    assert told["several"] == (
        "load.precision: gguf needs one file in the folder transformer of this model, "
        "which has other.gguf, wan-Q8_0.gguf"
    )
    assert told["lacking"] == f"{found} lacks some of the weights"
    assert told["float8"] == f"load.precision: float8 {alone}"
    assert told["bfloat16"] == f"load.precision: bfloat16 {alone}"
    assert told["auto"] == ""
    for wrong in ("larger", "torn"):
        assert told[wrong].startswith(f"{found} is none of this model: "), told[wrong]
        assert "/tmp" not in told[wrong]
