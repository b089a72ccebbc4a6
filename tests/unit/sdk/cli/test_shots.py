"""What a command line asks for, as the spec that is sent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import click
import pytest
from click.testing import CliRunner

from artifex.cli.output import Output
from artifex.cli.shots import made_from, shot_options, spec_of, take_recipe_away
from artifex.cli.words import Bytes
from artifex.client import Client
from artifex.common.v1 import types_pb2 as common
from artifex.errors import FileProblem
from artifex.generator.v1 import messages_pb2 as generator

BEFORE = generator.GenerationProvenance(
    spec=generator.GenerationSpec(
        model="models/wan22-t2v-a14b",
        prompt="a sea",
        seed=5,
        width=832,
        height=480,
        frame_count=41,
        steps=25,
        guidance_scale=2.5,
        guidance_scale_2=3,
        flow_shift=3,
        frame_rate=common.Rational(numerator=16, denominator=1),
        preset=generator.GENERATION_PRESET_DRAFT,
        style="styles/ink",
        loras=[generator.Lora(name="slow", strength=1, strength_2=1)],
    )
)


def asked(*words: str, before: generator.GenerationProvenance | None = None) -> generator.GenerationSpec:
    """The spec of these words. Nothing of them is a local file, so no studio is asked."""
    found: list[generator.GenerationSpec] = []

    @click.command()
    @shot_options
    def command(**given: Any) -> None:
        found.append(asyncio.run(spec_of(Output(as_json=True), cast(Client, None), given, before)))

    ran = CliRunner().invoke(command, list(words), standalone_mode=False)
    if ran.exception is not None:
        raise ran.exception
    return found[0]


def test_only_what_is_said_is_sent() -> None:
    assert asked("a red fox") == generator.GenerationSpec(prompt="a red fox")


def test_every_option_has_its_field() -> None:
    spec = asked(
        *("붉은 여우", "--model", "wan22-i2v-a14b", "--preset", "cinema", "--profile", "quality", "--seed", "9"),
        *("--style", "ink", "--strength", "0.5", "--extend", "--negative", "rain", "--image", "assets/a"),
        *("--last-image", "assets/b", "--width", "640", "--height", "360", "--frames", "33", "--fps", "23.976"),
        *("--steps", "8", "--lora", "slow", "--lora", "film=0.8,-0.5", "--recipe", "lightning-4"),
        *("--cache", "first-block"),
    )
    assert spec == generator.GenerationSpec(
        prompt="붉은 여우",
        model="models/wan22-i2v-a14b",
        preset=generator.GENERATION_PRESET_CINEMA,
        profile=generator.GENERATION_PROFILE_QUALITY,
        seed=9,
        style="styles/ink",
        style_strength=0.5,
        extend_prompt=True,
        negative_prompt="rain",
        image="assets/a",
        last_image="assets/b",
        width=640,
        height=360,
        frame_count=33,
        frame_rate=common.Rational(numerator=24000, denominator=1001),
        steps=8,
        loras=[
            generator.Lora(name="slow", strength=1, strength_2=1),
            generator.Lora(name="film", strength=0.8, strength_2=-0.5),
        ],
        recipe="lightning-4",
        step_cache=generator.STEP_CACHE_FIRST_BLOCK,
    )


def test_what_was_made_before_is_asked_for_whole() -> None:
    assert asked(before=BEFORE) == BEFORE.spec


def test_other_options_change_what_was_made_before() -> None:
    spec = asked("a lake", "--seed", "0", "--lora", "fast", "--no-extend", before=BEFORE)
    assert (spec.prompt, spec.seed, [lora.name for lora in spec.loras]) == ("a lake", 0, ["fast"])
    assert (spec.width, spec.steps, spec.style) == (832, 25, "styles/ink")


def test_another_preset_fills_in_anew_what_the_first_one_had_filled_in() -> None:
    spec = asked("--preset", "production", "--steps", "30", before=BEFORE)
    assert spec.preset == generator.GENERATION_PRESET_PRODUCTION
    assert (spec.width, spec.height, spec.frame_count, spec.steps) == (0, 0, 0, 30)
    assert (spec.guidance_scale, spec.guidance_scale_2, spec.flow_shift) == (0, 0, 0)
    assert (spec.prompt, spec.seed) == ("a sea", 5)


@pytest.mark.parametrize(
    ("said", "rate"),
    [
        ("1", (1, 1)),
        ("24", (24, 1)),
        ("12.5", (25, 2)),
        ("29.97", (30000, 1001)),
        ("24000/1001", (24000, 1001)),
        ("240", (240, 1)),
    ],
)
def test_a_rate_is_what_people_mean(said: str, rate: tuple[int, int]) -> None:
    assert asked("a fox", "--fps", said).frame_rate == common.Rational(numerator=rate[0], denominator=rate[1])


def test_another_profile_says_anew_what_is_taken_over() -> None:
    before = generator.GenerationProvenance()
    before.CopyFrom(BEFORE)
    before.spec.step_cache = generator.STEP_CACHE_NONE
    assert asked("--profile", "speed", before=before).step_cache == generator.STEP_CACHE_UNSPECIFIED
    assert asked("--seed", "2", before=before).step_cache == generator.STEP_CACHE_NONE


def test_a_recipe_takes_away_with_it_what_it_brought() -> None:
    spec = generator.GenerationSpec()
    spec.CopyFrom(BEFORE.spec)
    spec.recipe = "quick"
    spec.loras.add(name="distilled", strength=1)
    quick = generator.Recipe(name="quick", loras=[generator.Lora(name="distilled", strength=1)])
    style = generator.Recipe(name="other", loras=[generator.Lora(name="slow", strength=1)])
    models = [
        generator.Model(name="models/another", recipes=[generator.Recipe(name="quick", loras=style.loras)]),
        generator.Model(name=spec.model, recipes=[quick, style]),
    ]
    take_recipe_away(spec, models)
    assert (spec.recipe, spec.steps, spec.guidance_scale, spec.guidance_scale_2, spec.flow_shift) == ("", 0, 0, 0, 0)
    assert [lora.name for lora in spec.loras] == ["slow"]
    assert (spec.width, spec.frame_count, spec.prompt) == (832, 41, "a sea")


def test_the_recipe_of_the_first_time_is_kept_with_its_numbers() -> None:
    before = generator.GenerationProvenance()
    before.CopyFrom(BEFORE)
    before.spec.recipe = "quick"
    assert asked("--recipe", "quick", "--seed", "5", before=before) == before.spec


def test_what_is_empty_takes_away() -> None:
    before = generator.GenerationProvenance()
    before.CopyFrom(BEFORE)
    before.spec.image, before.spec.negative_prompt = "assets/a", "rain"
    before.picture_digests.append("a" * 64)
    spec = asked("--image", "", "--style", "", "--negative", "", before=before)
    assert (spec.image, spec.style, spec.negative_prompt) == ("", "", "")


def test_a_preset_beside_sizes_leaves_the_sizes() -> None:
    assert asked("a fox", "--preset", "draft", "--width", "64").width == 64


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "PROMPT"),
        (["a fox", "--lora", "=1"], "NAME=STRENGTH"),
        (["a fox", "--lora", "a=1,2,3"], "NAME=STRENGTH"),
        (["a fox", "--lora", "a=much"], "NAME=STRENGTH"),
        (["a fox", "--fps", "0"], "between 1 and 240"),
        (["a fox", "--fps", "0.0001"], "between 1 and 240"),
        (["a fox", "--fps", "1e999999999"], "no frame rate"),
        (["a fox", "--lora", "\udcff=1"], "NAME=STRENGTH"),
        (["a fox", "--fps", "24/0"], "no frame rate"),
        (["a fox", "--preset", "best"], "preview"),
        (["a fox", "--strength", "0"], "0<x<=2"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(words: list[str], said: str) -> None:
    with pytest.raises(click.UsageError, match=said):
        asked(*words)


@pytest.mark.parametrize(
    ("text", "size"), [("24GB", 24 * 10**9), ("80GiB", 80 * 2**30), ("1.5 gb", 1_500_000_000), ("512", 512)]
)
def test_memory_has_units(text: str, size: int) -> None:
    assert Bytes().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "GB", "24 apples", "-1GB", "0", "0GB", "9999999999GB", "9" * 400])
def test_what_is_no_number_of_bytes_is_wrong_usage(text: str) -> None:
    with pytest.raises(click.UsageError, match="number of bytes"):
        Bytes().convert(text, None, None)


def test_what_went_on_from_a_frame_of_a_graph_is_repeated_with_a_picture_alone() -> None:
    graphs = generator.GenerationProvenance(spec=BEFORE.spec, picture_digests=["a" * 64])
    with pytest.raises(FileProblem, match="give it as --image"):
        asked("--seed", "6", before=graphs)
    assert asked("--image", "assets/frame", before=graphs).image == "assets/frame"
    named = generator.GenerationProvenance(spec=BEFORE.spec, picture_digests=["a" * 64])
    named.spec.image = "assets/still"
    assert asked(before=named) == named.spec


def test_a_file_is_no_asset(tmp_path: Path) -> None:
    (tmp_path / "shot.mp4").write_bytes(b"a movie")
    with pytest.raises(FileProblem, match="takes an asset"):
        asyncio.run(made_from(cast(Client, None), str(tmp_path / "shot.mp4")))
