"""What makes the windows of a longer clip, and what becomes of it where that is not there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import FailedPrecondition
from services.generator.domain.filling import filled
from services.generator.domain.keys import follower_of
from services.generator.domain.spec import require_as_planned
from services.generator.domain.windows import needed
from tests.unit.services.generator.test_spec import ALL, CARDS, I2V, NANO, TI2V

WORDS = ALL[NANO.model]
LONG = filled(GenerationSpec(prompt="a", frame_count=NANO.max_frames + 4), WORDS, ALL).spec
SHORT = filled(GenerationSpec(prompt="a", frame_count=NANO.max_frames), WORDS, ALL).spec


def test_a_longer_clip_needs_what_goes_on_from_it() -> None:
    assert LONG.frame_count == NANO.max_frames + 4
    assert needed(LONG, ALL) == (NANO.model, I2V.model)
    assert follower_of(LONG, WORDS, ALL) == I2V
    assert needed(SHORT, ALL) == (NANO.model,)
    assert follower_of(SHORT, WORDS, {}) == WORDS
    alone = filled(GenerationSpec(prompt="a", frame_count=NANO.max_frames + 4), TI2V, ALL).spec
    assert needed(alone, ALL) == (TI2V.model,), "it goes on by itself"
    assert needed(LONG, {}) == (NANO.model,), "nothing is known of it"


def test_a_server_without_that_is_told_and_the_clip_is_never_shorter_than_planned() -> None:
    with pytest.raises(FailedPrecondition, match=f"ask for {NANO.max_frames} frames at the most") as caught:
        follower_of(LONG, WORDS, CARDS)
    assert (caught.value.reason, caught.value.metadata) == ("ERROR_REASON_MODEL_ABSENT", {"model": I2V.model})
    there = filled(LONG, WORDS, ALL).spec
    require_as_planned(there, LONG)
    here = filled(LONG, WORDS, CARDS).spec
    assert here.frame_count == NANO.max_frames
    with pytest.raises(FailedPrecondition, match="frame_count"):
        require_as_planned(here, LONG)


def test_an_image_form_on_another_server_goes_on_from_nothing() -> None:
    apart = replace(WORDS, apart=True)
    cut = filled(LONG, apart, ALL)
    assert cut.spec.frame_count == NANO.max_frames
    (change,) = cut.adjustments
    assert (change.field, change.taken) == ("spec.frame_count", str(NANO.max_frames))
