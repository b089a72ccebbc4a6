"""What made a clip, there and back again."""

from __future__ import annotations

import json

import pytest

from artifex.generator.v1 import messages_pb2 as generator
from artifex.provenance import heard, movie_words, told


def clip(seed: int = 7) -> generator.GenerationProvenance:
    return generator.GenerationProvenance(
        model="models/wan22-nano-t2v",
        weights_digest="ab" * 32,
        spec=generator.GenerationSpec(prompt='붉은 "원"', seed=seed, steps=4, guidance_scale=3.5),
        sigmas=[1.0, 0.9375, 0.1],
        versions={"torch": "2", "diffusers": "0.42.1"},
    )


def test_clips_come_back_as_they_were() -> None:
    # More than a float holds exactly: JSON has it as text.
    clips = [clip(2**62 + 1), clip(2)]
    assert heard(told(clips)) == clips


def test_equal_clips_are_told_once_and_in_the_same_words() -> None:
    turned = clip()
    turned.ClearField("versions")
    turned.versions["diffusers"] = "0.42.1"
    turned.versions["torch"] = "2"
    assert told([clip(), turned]) == told([clip()])


def test_no_clips_are_no_words() -> None:
    assert told([]) == ""
    assert heard("") == []
    assert movie_words("") == {}


def test_a_movie_says_so_under_one_name() -> None:
    ((name, text),) = movie_words(told([clip()])).items()
    assert name == "artifex_provenance"
    assert json.loads(text)["schema"] == "artifex.provenance/1"
    assert heard(json.dumps(json.loads(text)["generations"])) == [clip()]


def test_what_a_newer_studio_added_is_passed_over() -> None:
    (found,) = json.loads(told([clip()]))
    assert heard(json.dumps([{**found, "invented_later": {"a": 1}}])) == [clip()]


@pytest.mark.parametrize("text", ["{", "{}", "7", "[7]", '[{"sigmas":"many"}]'])
def test_what_is_no_list_of_clips_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no provenance"):
        heard(text)
