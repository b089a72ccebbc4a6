from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from artifex.common.v1.types_pb2 import Rational
from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import FailedPrecondition, InvalidArgument
from services.generator.domain.filling import Filled, filled
from services.generator.domain.keys import content_key
from services.generator.domain.models import Defaults, ModelCard, Recipe, with_absent
from services.generator.domain.presets import PRESETS
from services.generator.domain.spec import chosen, reseeded, resolve, sampling
from services.generator.domain.windows import windows

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
I2V = replace(NANO, model="wan22-nano-i2v", kind="image", image_form="wan22-nano-i2v")
TI2V = replace(NANO, model="wan22-nano-ti2v", kind="text_image", image_form="wan22-nano-ti2v")
CARDS = {NANO.model: NANO}
ALL = {card.model: card for card in (replace(NANO, image_form=I2V.model), I2V, TI2V)}


def spec(**changes: Any) -> GenerationSpec:
    values: dict[str, Any] = {
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
    return GenerationSpec(**values)


def fields(wrong: GenerationSpec, card: ModelCard = NANO) -> list[str]:
    with pytest.raises(InvalidArgument) as caught:
        filled(wrong, card, ALL)
    return [violation.field for violation in caught.value.violations]


def bare(card: ModelCard = NANO, **given: Any) -> Filled:
    """A spec of nothing but words and what is given, filled."""
    return filled(GenerationSpec(prompt="a river", **given), card, CARDS)


def changed(result: Filled) -> dict[str, tuple[str, str]]:
    return {change.field: (change.given, change.taken) for change in result.adjustments}


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


PICTURE: dict[str, Any] = {"image": "assets/a"}


@pytest.mark.parametrize(
    ("shape", "given", "taken"),
    [
        # The usual size, or that on its side, where it is nearly of the shape.
        (Fraction(16, 9), {}, (1280, 720)),
        (Fraction(1280, 704), {}, (1280, 720)),
        (Fraction(9, 16), {}, (720, 1280)),
        (Fraction(16, 9), {"preset": pb.GENERATION_PRESET_DRAFT}, (832, 480)),
        # Else about as many pixels, of the nearest shape.
        (Fraction(1), {}, (960, 960)),
        (Fraction(4, 3), {}, (1104, 832)),
        (Fraction(3, 4), {}, (832, 1104)),
        (Fraction(1), {"preset": pb.GENERATION_PRESET_DRAFT}, (624, 624)),
        # Within what the model makes, however long the picture is.
        (Fraction(7, 3), {}, (1280, 544)),
        (Fraction(3000), {}, (1280, 16)),
        (Fraction(1, 3000), {}, (16, 1280)),
        # A side that is given stands; the other one is the picture's.
        (Fraction(1), {"width": 480}, (480, 480)),
        (Fraction(3, 4), {"height": 832}, (624, 832)),
        (Fraction(1), {"width": 832, "height": 480}, (832, 480)),
    ],
)
def test_a_given_picture_shapes_what_is_left_open(
    shape: Fraction, given: dict[str, Any], taken: tuple[int, int]
) -> None:
    a14b = with_absent({})["wan22-i2v-a14b"]
    asked = GenerationSpec(prompt="a", **PICTURE, **given)
    result = filled(asked, a14b, {}, (), shape)
    assert (result.spec.width, result.spec.height) == taken
    assert filled(result.spec, a14b, {}, (), shape).spec == result.spec
    plain = filled(asked, a14b, {}).spec
    told = {change.field: (change.given, change.taken, change.reason) for change in result.adjustments}
    for side in {"width", "height"} - given.keys():
        was, now = getattr(plain, side), getattr(result.spec, side)
        assert (f"spec.{side}" in told) == (was != now)
        if was != now:
            assert told[f"spec.{side}"][1:] == (f"{now}", "the given picture is of another shape")


def test_a_picture_is_shaped_within_a_small_models_sizes() -> None:
    small = replace(I2V, max_width=112, max_height=64)
    sizes = {
        shape: (result.spec.width, result.spec.height)
        for shape in (Fraction(16, 9), Fraction(1), Fraction(3, 4))
        for result in [filled(GenerationSpec(prompt="a", **PICTURE), small, {}, (), shape)]
    }
    assert list(sizes.values()) == [(112, 64), (64, 64), (48, 64)]


def test_a_known_model_without_weights_is_refused_with_what_to_put_where() -> None:
    with pytest.raises(FailedPrecondition, match=r"Wan2\.2-T2V-A14B-Diffusers.*ARTIFEX_MODELS") as caught:
        resolve(spec(model="models/wan22-t2v-a14b"), CARDS, NANO.model)
    assert caught.value.reason == "ERROR_REASON_MODEL_ABSENT"
    assert caught.value.metadata == {"model": "wan22-t2v-a14b"}


@pytest.mark.parametrize(
    ("given", "model"),
    [
        ({}, "wan22-nano-t2v"),
        ({"image": "assets/a"}, "wan22-nano-i2v"),
        ({"image": "assets/a", "last_image": "assets/b"}, "wan22-nano-i2v"),
        ({"image": "assets/a", "model": "models/wan22-nano-ti2v"}, "wan22-nano-ti2v"),
    ],
)
def test_a_picture_takes_the_default_model_to_its_image_form(given: dict[str, Any], model: str) -> None:
    assert chosen(GenerationSpec(prompt="a", **given), ALL, NANO.model).model == model


def test_pictures_from_elsewhere_count_as_the_specs_own() -> None:
    assert chosen(GenerationSpec(prompt="a"), ALL, NANO.model, {"first"}) is I2V
    resolved, _ = resolve(GenerationSpec(prompt="a"), ALL, NANO.model, {"first", "last"})
    assert resolved.model == "models/wan22-nano-i2v"


@pytest.mark.parametrize("preset", list(PRESETS))
def test_what_is_left_open_comes_from_the_preset(preset: pb.GenerationPreset.ValueType) -> None:
    a14b = with_absent({})["wan22-t2v-a14b"]
    result = filled(GenerationSpec(prompt="a", preset=preset), a14b, {}).spec
    said = PRESETS[preset]
    assert (result.width, result.height, result.frame_count) == (said.width, said.height, said.frame_count)
    assert (result.steps, result.guidance_scale, result.guidance_scale_2, result.flow_shift) == (
        said.steps,
        said.guidance_scale,
        said.guidance_scale_2,
        said.flow_shift,
    )


def test_a_spec_without_a_preset_has_the_models_own_defaults_and_then_those_of_preview() -> None:
    card = replace(NANO, defaults=Defaults(steps=12, guidance_scale=2.0))
    open_, draft = bare(card).spec, bare(card, preset=pb.GENERATION_PRESET_DRAFT).spec
    assert (open_.steps, open_.guidance_scale, open_.guidance_scale_2, open_.flow_shift) == (12, 2.0, 3.5, 4.0)
    assert (draft.steps, draft.guidance_scale) == (25, 2.5)


def test_quality_makes_a_quarter_more_steps_and_speed_caches_them() -> None:
    quality = bare(profile=pb.GENERATION_PROFILE_QUALITY).spec
    assert (quality.steps, quality.step_cache) == (45, pb.STEP_CACHE_NONE)
    assert bare(profile=pb.GENERATION_PROFILE_QUALITY, steps=10).spec.steps == 10
    assert bare(profile=pb.GENERATION_PROFILE_SPEED).spec.step_cache == pb.STEP_CACHE_FIRST_BLOCK
    assert bare().spec.step_cache == pb.STEP_CACHE_NONE


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"width": 250, "height": 144}, (256, 144)),
        ({"width": 264, "height": 8}, (256, 16)),
        ({"width": 1280, "height": 720}, (832, 464)),
        ({"width": 480, "height": 832}, (272, 480)),
        ({"width": 4096, "height": 64}, (832, 16)),
        ({"width": 320}, (320, 176)),
        ({"height": 176}, (320, 176)),
        ({}, (832, 464)),
    ],
)
def test_sizes_are_the_nearest_that_the_model_makes_in_the_same_shape(
    given: dict[str, int], size: tuple[int, int]
) -> None:
    result = bare(NANO, **given)
    assert (result.spec.width, result.spec.height) == size
    for side, taken in zip(("width", "height"), size, strict=True):
        told = changed(result).get(f"spec.{side}")
        if side in given:
            assert told == (None if given[side] == taken else (str(given[side]), str(taken)))


def test_a_size_of_the_preset_that_is_not_made_is_told_too() -> None:
    assert changed(bare())["spec.width"] == ("1280 of preview", "832")


@pytest.mark.parametrize(("given", "taken"), [(1, 1), (2, 1), (3, 1), (4, 5), (5, 5), (32, 33), (81, 81), (85, 81)])
def test_lengths_are_the_nearest_multiple_of_four_plus_one(given: int, taken: int) -> None:
    result = bare(frame_count=given)
    assert result.spec.frame_count == taken
    assert changed(result).get("spec.frame_count") == (None if given == taken else (str(given), str(taken)))


def test_a_clip_may_be_longer_where_a_model_goes_on_from_its_last_frame() -> None:
    text = ALL[NANO.model]
    assert filled(spec(frame_count=241), text, ALL).spec.frame_count == 241
    assert filled(spec(frame_count=999), TI2V, ALL).spec.frame_count == 997
    short = filled(spec(frame_count=241), text, CARDS)
    assert short.spec.frame_count == 81
    assert "wan22-nano-i2v" in short.adjustments[0].reason


@pytest.mark.parametrize(
    ("count", "parts"), [(1, (1,)), (81, (81,)), (85, (45, 41)), (241, (81, 81, 81)), (245, (65, 61, 61, 61))]
)
def test_runs_of_a_long_clip_share_their_ends(count: int, parts: tuple[int, ...]) -> None:
    assert windows(count, NANO) == parts
    assert sum(parts) - (len(parts) - 1) == count


def test_a_recipe_brings_its_loras_once_and_leaves_the_strength_of_one_that_is_asked_for() -> None:
    recipe = Recipe("lightning-4", 4, "euler", (1.0, 0.75, 0.5, 0.25), loras=(("high", 1.0, 0.0), ("low", 0.0, 1.0)))
    card = replace(NANO, recipes=(recipe,), loras=("grain", "high", "low"))
    given = [pb.Lora(name="grain", strength=0.5), pb.Lora(name="low", strength_2=0.7)]
    result = bare(card, recipe="lightning-4", loras=given).spec
    wanted = [("grain", 0.5, 0.0), ("low", 0.0, 0.7), ("high", 1.0, 0.0)]
    assert [(lora.name, lora.strength, lora.strength_2) for lora in result.loras] == wanted
    again = filled(result, card, {card.model: card}).spec
    assert again == result


def test_a_recipe_says_what_it_was_distilled_for() -> None:
    card = replace(NANO, recipes=(Recipe("lightning-4", 4, "euler", (1.0, 0.75, 0.5, 0.25)),))
    result = bare(card, recipe="lightning-4", steps=30, profile=pb.GENERATION_PROFILE_SPEED)
    assert (result.spec.steps, result.spec.guidance_scale, result.spec.guidance_scale_2) == (4, 1.0, 1.0)
    assert result.spec.step_cache == pb.STEP_CACHE_NONE
    assert changed(result)["spec.steps"] == ("30", "4")
    assert sampling(result.spec, card) == ("euler", (1.0, 0.75, 0.5, 0.25))
    assert sampling(bare().spec, NANO) == ("unipc", ())


def test_guidance_below_one_is_none() -> None:
    assert changed(bare(guidance_scale=0.5)).items() >= {"spec.guidance_scale": ("0.5", "1")}.items()


@pytest.mark.parametrize(
    ("changes", "card", "wrong"),
    [
        ({"frame_rate": Rational(numerator=0, denominator=1)}, NANO, ["spec.frame_rate"]),
        ({"frame_rate": Rational(numerator=1, denominator=0)}, NANO, ["spec.frame_rate"]),
        ({"frame_rate": Rational(numerator=1000, denominator=1)}, NANO, ["spec.frame_rate"]),
        ({"image": "assets/a"}, NANO, ["spec.image"]),
        ({}, I2V, ["spec.image"]),
        ({"last_image": "assets/a"}, I2V, ["spec.image"]),
        ({"image": "assets/a", "last_image": "assets/b"}, TI2V, ["spec.last_image"]),
        ({"recipe": "lightning-4"}, NANO, ["spec.recipe"]),
        ({"loras": [pb.Lora(name="grain", strength=1.0)]}, NANO, ["spec.loras[0]"]),
    ],
)
def test_what_the_model_has_no_use_for_is_named(changes: dict[str, object], card: ModelCard, wrong: list[str]) -> None:
    assert fields(spec(**changes), card) == wrong


@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize("profile", pb.GenerationProfile.values())
@pytest.mark.parametrize("card", [NANO, TI2V])
def test_a_filled_spec_fills_to_itself(
    preset: pb.GenerationPreset.ValueType, profile: pb.GenerationProfile.ValueType, card: ModelCard
) -> None:
    once = filled(GenerationSpec(prompt="a", preset=preset, profile=profile), card, ALL)
    again = filled(once.spec, card, ALL)
    assert again.spec == once.spec
    assert not again.adjustments


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
    one, _ = resolve(spec(image="assets/one"), ALL, NANO.model)
    copy, _ = resolve(spec(image="assets/copy"), ALL, NANO.model)
    key = content_key("studio", one, "a" * 64, ["1" * 64])
    assert content_key("studio", copy, "a" * 64, ["1" * 64]) == key
    assert content_key("studio", one, "a" * 64, ["2" * 64]) != key
    assert content_key("studio", one, "a" * 64, ["1" * 64, "2" * 64]) != key
    assert one.image == "assets/one", "the spec itself is left alone"


def test_the_content_key_follows_what_the_model_is_told_and_shown() -> None:
    base, _ = resolve(spec(), CARDS, NANO.model)
    styled, _ = resolve(spec(style="styles/noir", preset=pb.GENERATION_PRESET_DRAFT), CARDS, NANO.model)
    told = ("a river, noir", "colour")
    keys = [
        content_key("studio", base, "a" * 64),
        content_key("studio", styled, "a" * 64, told=told),
        content_key("studio", base, "a" * 64, pictures=["1" * 64]),
        content_key("studio", base, "a" * 64, pictures=["1" * 64, "2" * 64]),
    ]
    assert len(set(keys)) == 4
    assert content_key("studio", base, "a" * 64, told=told) == keys[1], "however the words came about"


def test_the_content_key_tells_ways_of_computing_apart_and_not_profiles_that_came_to_the_same() -> None:
    base, _ = resolve(spec(), CARDS, NANO.model)
    ways = [(), ("whole",), ("tiled",), ("whole", "tiled")]
    assert len({content_key("studio", base, "a" * 64, computed=way) for way in ways}) == 4
    for profile, alike in (
        (pb.GENERATION_PROFILE_MEMORY, True),
        (pb.GENERATION_PROFILE_SPEED, True),
        (pb.GENERATION_PROFILE_QUALITY, False),
    ):
        other, _ = resolve(spec(profile=profile, step_cache=pb.STEP_CACHE_NONE), CARDS, NANO.model)
        keys = {content_key("studio", each, "a" * 64, computed=("whole",)) for each in (base, other)}
        assert (len(keys) == 1) == alike


def test_another_seed_is_always_the_same_other_one_and_not_beside_it() -> None:
    for seed in (0, 7, 2**63 - 1):
        other = reseeded(spec(seed=seed))
        assert 0 <= other.seed < 2**63
        assert 1000 < (other.seed - seed) % 2**32 < 2**32 - 1000
        assert reseeded(spec(seed=seed)) == other
        other.seed = seed
        assert other == spec(seed=seed)


def test_magnitudes_are_asked_for_where_they_were_measured() -> None:
    assert fields(spec(step_cache=pb.STEP_CACHE_MAGNITUDE)) == ["spec.step_cache"]
    measured = replace(NANO, magnitudes=True)
    asked = filled(spec(step_cache=pb.STEP_CACHE_MAGNITUDE), measured, ALL).spec
    assert asked.step_cache == pb.STEP_CACHE_MAGNITUDE


def test_what_goes_on_from_a_last_frame_needs_the_same_beside_it() -> None:
    card = replace(NANO, image_form=I2V.model, loras=("grain", "ink"), magnitudes=True)
    form = replace(I2V, loras=("ink",))
    cards = {card.model: card, form.model: form}
    loras = [pb.Lora(name=name, strength=1.0) for name in ("ink", "grain")]

    asked = spec(loras=loras, step_cache=pb.STEP_CACHE_MAGNITUDE)
    asked.frame_count = card.max_frames
    assert filled(asked, card, cards).spec.frame_count == card.max_frames, "it is made at once"
    asked.frame_count += 16
    with pytest.raises(InvalidArgument, match=form.model) as caught:
        filled(asked, card, cards)
    assert [violation.field for violation in caught.value.violations] == ["spec.loras[1]", "spec.step_cache"]
    cards[form.model] = replace(form, loras=("grain", "ink"), magnitudes=True)
    assert filled(asked, card, cards).spec.frame_count == asked.frame_count


def test_who_looks_on_makes_no_other_clip() -> None:
    assert content_key("t", spec(preview_every=3), "d") == content_key("t", spec(), "d")
