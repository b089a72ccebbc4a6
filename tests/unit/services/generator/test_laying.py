from __future__ import annotations

from dataclasses import replace

import pytest

from services.generator.domain.laying import computed, laid
from services.generator.domain.models import with_absent

CARD = with_absent({})["wan22-t2v-a14b"]
PLAIN = laid(CARD, {})


def test_what_is_wanted_comes_before_what_the_server_has_and_that_before_the_plain_way() -> None:
    card = replace(CARD, load={"vae": "tiled", "text_encoder": "cpu"})
    assert laid(card, {"vae": "whole", "precision": "float8"}) == {
        "precision": "float8",
        "experts": "resident",
        "text_encoder": "cpu",
        "vae": "whole",
        "vae_layout": "plain",
        "attention": "native",
        "compile": "none",
    }


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
@pytest.mark.parametrize(
    "change",
    [
        {"precision": "float8"},
        {"precision": "float16"},
        {"vae": "tiled"},
        {"vae_layout": "channels_last"},
        {"attention": "sage"},
        {"compile": "blocks"},
        {"of a later version": "on"},
    ],
)
def test_what_changes_pixels_tells_two_ways_apart(kind: str, change: dict[str, str]) -> None:
    assert computed({**PLAIN, **change}, kind) != computed(PLAIN, kind)


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
@pytest.mark.parametrize("change", [{"experts": "swapped"}, {"experts": "streamed"}, {"text_encoder": "swapped"}])
def test_a_place_alone_does_not(kind: str, change: dict[str, str]) -> None:
    assert computed({**PLAIN, **change}, kind) == computed(PLAIN, kind)


def test_a_text_encoder_on_the_cpu_is_elsewhere_only_beside_a_device_of_another_kind() -> None:
    apart = {**PLAIN, "text_encoder": "cpu"}
    assert computed(apart, "cpu") == computed(PLAIN, "cpu")
    assert computed(apart, "cuda") != computed(PLAIN, "cuda")


def test_no_choice_of_a_precision_is_the_devices_own() -> None:
    assert computed(PLAIN, "cpu") == computed({**PLAIN, "precision": "float32"}, "cpu")
    assert computed(PLAIN, "cuda") == computed({**PLAIN, "precision": "bfloat16"}, "cuda")
    assert computed({**PLAIN, "precision": "float32"}, "cpu") != computed({**PLAIN, "precision": "float32"}, "cuda")


def test_of_weights_that_are_packed_alone_no_choice_is_the_packed_ones() -> None:
    assert CARD.architecture is not None
    card = replace(CARD, architecture=replace(CARD.architecture, packed=1, whole=False))
    assert laid(card, {})["precision"] == "gguf"
    assert laid(card, {"precision": "float8"})["precision"] == "float8"
    assert computed(laid(card, {}), "cuda") != computed(PLAIN, "cuda")
