"""What a command line asks for, as the spec that is sent."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import click
import pytest
from click.testing import CliRunner

from artifex.cli.output import Output
from artifex.cli.shots import shot_options, spec_of
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


def test_a_preset_beside_sizes_leaves_the_sizes() -> None:
    assert asked("a fox", "--preset", "draft", "--width", "64").width == 64


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "PROMPT"),
        (["a fox", "--lora", "=1"], "NAME=STRENGTH"),
        (["a fox", "--lora", "a=1,2,3"], "NAME=STRENGTH"),
        (["a fox", "--lora", "a=much"], "NAME=STRENGTH"),
        (["a fox", "--fps", "0"], "between 0 and 240"),
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


@pytest.mark.parametrize("text", ["", "GB", "24 apples", "-1GB"])
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
