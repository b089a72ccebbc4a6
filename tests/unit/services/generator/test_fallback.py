from __future__ import annotations

import pytest

from services.generator.domain.fallback import fallback


@pytest.mark.parametrize(
    ("load", "stage", "taken"),
    [
        ({}, "decode", {"vae": "tiled"}),
        ({"vae": "tiled"}, "decode", {"experts": "swapped"}),
        ({}, "denoise", {"text_encoder": "swapped"}),
        ({"text_encoder": "cpu"}, "denoise", {"experts": "swapped"}),
        (
            {"text_encoder": "cpu", "experts": "streamed", "precision": "bfloat16"},
            "denoise",
            {"precision": "float8"},
        ),
        ({"text_encoder": "swapped"}, "encode", {"text_encoder": "cpu"}),
        ({"attention": "sage"}, "load", {"text_encoder": "swapped"}),
    ],
)
def test_the_next_step_down_changes_one_choice(load: dict[str, str], stage: str, taken: dict[str, str]) -> None:
    found = fallback(load, stage, "cuda")
    assert found is not None
    assert found.change == taken
    assert found.note.startswith(f"out of memory in the stage {stage}: ")


def test_packed_weights_are_the_last_of_precisions() -> None:
    load = {"text_encoder": "cpu", "experts": "streamed", "precision": "gguf"}
    assert fallback(load, "denoise", "cuda") is None


def test_below_the_last_step_there_is_nothing() -> None:
    lowest = {"text_encoder": "cpu", "experts": "streamed", "precision": "float8", "vae": "tiled"}
    for stage in ("load", "encode", "denoise", "decode", "none such"):
        assert fallback(lowest, stage, "cuda") is None


def test_on_a_processor_only_what_takes_less_of_its_one_memory_is_a_step_down() -> None:
    taken = {stage: fallback({}, stage, "cpu") for stage in ("load", "encode", "denoise", "decode")}
    assert {stage: found.change for stage, found in taken.items() if found} == {
        "load": {"precision": "float8"},
        "denoise": {"precision": "float8"},
        "decode": {"vae": "tiled"},
    }
