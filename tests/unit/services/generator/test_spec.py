from __future__ import annotations

from fractions import Fraction

import pytest

from artifex.common.v1.types_pb2 import Rational
from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import InvalidArgument
from services.generator.domain.models import ModelCard
from services.generator.domain.spec import content_key, resolve

NANO = ModelCard(
    model="wan22-nano-t2v",
    display_name="Wan2.2 nano",
    weights_digest="d" * 64,
    random_weights=True,
    kind="text",
    size_multiple=16,
    max_width=832,
    max_height=480,
    frame_multiple=4,
    max_frames=81,
    frame_rate=Fraction(16),
    text_tokens=64,
)
CARDS = {NANO.model: NANO}


def spec(**changes: object) -> GenerationSpec:
    values: dict[str, object] = {
        "prompt": "a river",
        "seed": 7,
        "width": 256,
        "height": 144,
        "frame_count": 33,
        "steps": 8,
        "guidance_scale": 4.0,
        "guidance_scale_2": 3.0,
        "flow_shift": 5.0,
        **changes,
    }
    return GenerationSpec(**values)  # type: ignore[arg-type]


def fields(wrong: GenerationSpec) -> list[str]:
    with pytest.raises(InvalidArgument) as caught:
        resolve(wrong, CARDS, NANO.model)
    return [violation.field for violation in caught.value.violations]


def test_the_default_model_and_its_frame_rate_are_filled_in() -> None:
    resolved, card = resolve(spec(), CARDS, NANO.model)
    assert card is NANO
    assert resolved.model == "models/wan22-nano-t2v"
    assert resolved.frame_rate == Rational(numerator=16, denominator=1)


def test_what_is_given_stays_and_fractions_are_in_lowest_terms() -> None:
    given = spec(model="models/wan22-nano-t2v", frame_rate=Rational(numerator=48_000, denominator=2002))
    resolved, _ = resolve(given, CARDS, "another")
    assert resolved.frame_rate == Rational(numerator=24_000, denominator=1001)
    assert given.frame_rate.denominator == 2002, "the caller's spec is left alone"


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(InvalidArgument, match="no model wan99; there are: wan22-nano-t2v"):
        resolve(spec(model="models/wan99"), CARDS, NANO.model)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"width": 250}, ["spec.width"]),
        ({"width": 848}, ["spec.width"]),
        ({"width": 0}, ["spec.width"]),
        ({"height": 496}, ["spec.height"]),
        ({"frame_count": 32}, ["spec.frame_count"]),
        ({"frame_count": 85}, ["spec.frame_count"]),
        ({"frame_count": 0}, ["spec.frame_count"]),
        ({"frame_rate": Rational(numerator=0, denominator=1)}, ["spec.frame_rate"]),
        ({"frame_rate": Rational(numerator=1, denominator=0)}, ["spec.frame_rate"]),
        ({"frame_rate": Rational(numerator=1000, denominator=1)}, ["spec.frame_rate"]),
        ({"width": 8, "height": 7, "frame_count": 2}, ["spec.width", "spec.height", "spec.frame_count"]),
    ],
)
def test_every_field_that_the_model_cannot_do_is_named(changes: dict[str, object], wrong: list[str]) -> None:
    assert fields(spec(**changes)) == wrong


@pytest.mark.parametrize("count", [1, 5, 33, 81])
def test_lengths_are_a_multiple_of_four_plus_one(count: int) -> None:
    assert resolve(spec(frame_count=count), CARDS, NANO.model)[0].frame_count == count


def test_the_content_key_tells_tenants_weights_and_specs_apart() -> None:
    base, _ = resolve(spec(), CARDS, NANO.model)
    other, _ = resolve(spec(seed=8), CARDS, NANO.model)
    keys = [
        content_key("studio", base, "a" * 64),
        content_key("other", base, "a" * 64),
        content_key("studio", base, "b" * 64),
        content_key("studio", other, "a" * 64),
    ]
    assert len(set(keys)) == 4
    again, _ = resolve(spec(), CARDS, NANO.model)
    assert content_key("studio", again, "a" * 64) == keys[0]


def test_the_content_key_knows_given_pictures_by_their_bytes() -> None:
    one, _ = resolve(spec(image="assets/one"), CARDS, NANO.model)
    copy, _ = resolve(spec(image="assets/copy"), CARDS, NANO.model)
    key = content_key("studio", one, "a" * 64, ["1" * 64])
    assert content_key("studio", copy, "a" * 64, ["1" * 64]) == key
    assert content_key("studio", one, "a" * 64, ["2" * 64]) != key
    assert content_key("studio", one, "a" * 64, ["1" * 64, "2" * 64]) != key
    assert one.image == "assets/one", "the spec itself is left alone"
