"""What to generate, from the words of a command line: shared by the commands that make a shot or plan one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import click

from artifex.cli.output import Output
from artifex.cli.progress import transfer
from artifex.client import Client
from artifex.common.v1 import types_pb2 as common
from artifex.errors import FileProblem
from artifex.generator.v1 import messages_pb2 as generator
from artifex.graphfile import ASSET_PREFIX
from artifex.provenance import DETAIL, heard


def _words(enum: Any, prefix: str) -> dict[str, Any]:
    """The values of an enum as people type them: "first-block"."""
    return {name.removeprefix(prefix).lower().replace("_", "-"): value for name, value in enum.items() if value}


PRESETS: Final = _words(generator.GenerationPreset, "GENERATION_PRESET_")
PROFILES: Final = _words(generator.GenerationProfile, "GENERATION_PROFILE_")
CACHES: Final = _words(generator.StepCache, "STEP_CACHE_")
PRIORITIES: Final = _words(generator.GenerationPriority, "GENERATION_PRIORITY_")
_SEEDS: Final = 2**63
_FILLED: Final = ("width", "height", "frame_count", "steps", "guidance_scale", "guidance_scale_2", "flow_shift")
"""What a preset fills in."""
_RECIPES: Final = ("steps", "guidance_scale", "guidance_scale_2", "flow_shift")
"""What a recipe says, beside its LoRAs."""
_RATE: Final = re.compile(r"\d+(\.\d+|/\d+)?")


class Rate(click.ParamType[Fraction]):
    """Frames a second: 24, 23.976 or 24000/1001."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        try:
            rate = Fraction(value) if _RATE.fullmatch(value) else None
        except (ValueError, ZeroDivisionError):
            rate = None
        if rate is None:
            self.fail(f"{value!r} is no frame rate", param, ctx)
        if not 1 <= rate <= 240:
            # Models would make slower ones, and no movie could be rendered of them.
            self.fail(f"{value!r} is not between 1 and 240 frames a second", param, ctx)
        # What people write as 23.976 is 24000/1001; 1 is 1, as near as 1000/1001 is to it.
        exact = Fraction(round(rate) * 1000, 1001)
        meant = rate.denominator != 1 and abs(rate - exact) < Fraction(1, 1000)
        return exact if meant else rate.limit_denominator(1001)


class LoraOption(click.ParamType[generator.Lora]):
    """NAME, NAME=STRENGTH, or NAME=HIGH,LOW for the two experts."""

    name = "lora"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> generator.Lora:
        name, _, strengths = str(value).partition("=")
        try:
            numbers = [float(number) for number in strengths.split(",")] if strengths else [1.0]
            lora = generator.Lora(name=name, strength=numbers[0], strength_2=numbers[-1])
        except ValueError:
            # Among them a name that is no text in UTF-8.
            numbers = []
        if not name or len(numbers) not in (1, 2):
            self.fail(f"{value!r} is no NAME, NAME=STRENGTH or NAME=HIGH,LOW", param, ctx)
        return lora


_OPTIONS: Final = (
    click.option("--model", metavar="NAME", help="See `artifex models`. Default: the studio's own choice."),
    click.option(
        "--preset",
        type=click.Choice(list(PRESETS)),
        help="Size, length, care. Default: the model's own, or preview.",
    ),
    click.option("--profile", type=click.Choice(list(PROFILES)), help="What to save where there is a choice."),
    click.option("--seed", type=click.IntRange(0, _SEEDS - 1), help="Another makes another shot. Default: 0."),
    click.option("--style", metavar="NAME", help="See `artifex styles`."),
    click.option("--strength", type=click.FloatRange(0, 2, min_open=True), help="Of the style, to 2. Default: 1."),
    click.option("--extend/--no-extend", default=None, help="Have the prompt told in more words, about 200."),
    click.option("--negative", metavar="TEXT", help="What is not to be seen."),
    click.option("--image", metavar="FILE|ASSET", help="The shot's first frame."),
    click.option("--last-image", metavar="FILE|ASSET", help="The shot's last frame, for models that go to one."),
    click.option("--width", type=click.IntRange(1, 4096), help="Pixels; the nearest that the model makes is taken."),
    click.option("--height", type=click.IntRange(1, 4096), help="Pixels."),
    click.option("--frames", type=click.IntRange(1, 1000), help="Of the shot; the nearest that the model makes."),
    click.option("--fps", type=Rate(), help="Frames a second. Default: the model's."),
    click.option("--steps", type=click.IntRange(1, 200), help="Denoising steps."),
    click.option("--lora", "loras", multiple=True, type=LoraOption(), help="Changes of the weights; repeatable."),
    click.option("--recipe", metavar="NAME", help="A distilled recipe that lies beside the model, as lightning-4."),
    click.option("--cache", type=click.Choice(list(CACHES)), help="What of a step is taken over from the one before."),
    click.option(
        "--from",
        "source",
        metavar="ASSET",
        help="Repeat what made ASSET; other options change it; empty ones clear.",
    ),
)


def shot_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that `spec_of` takes, and a PROMPT that may be left out with --from."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return click.argument("prompt", required=False, default="")(command)


async def spec_of(
    output: Output, studio: Client, given: dict[str, Any], before: generator.GenerationProvenance | None
) -> generator.GenerationSpec:
    """The spec that these options ask for, beginning with what was made before; local pictures are uploaded, once by
    content. Raises click.UsageError where nobody says what is to be seen, FileProblem where what was made before began
    with a picture that is no asset, and no other is given."""
    spec = generator.GenerationSpec()
    if before is not None:
        spec.CopyFrom(before.spec)
    elif not given["prompt"]:
        raise click.UsageError("say what is to be seen: PROMPT, or --from an asset")
    if given["preset"]:
        # Else the numbers of the first time would stand, and the preset would say nothing.
        for field in _FILLED:
            spec.ClearField(field)
    if given["profile"]:
        # As with the preset: which steps are taken over is the profile's to say.
        spec.ClearField("step_cache")
    if spec.recipe and given["recipe"] not in (None, spec.recipe):
        take_recipe_away(spec, [model async for model in studio.generations.models()])
    _plain(spec, given)
    rate: Fraction | None = given["fps"]
    if rate is not None:
        spec.frame_rate.CopyFrom(common.Rational(numerator=rate.numerator, denominator=rate.denominator))
    if given["loras"]:
        del spec.loras[:]
        spec.loras.extend(given["loras"])
    for field in ("image", "last_image"):
        if given[field] is not None:
            setattr(spec, field, await _asset(output, studio, given[field]) if given[field] else "")
    taken_away = "" in (given["image"], given["last_image"])
    if before is not None and not taken_away and _pictures(spec) < len(before.picture_digests):
        # A model that takes words alone, too, would make another shot of them.
        raise FileProblem(
            "the shot went on from a frame of a graph, which is no asset: render it, and give it as --image"
        )
    return spec


def _pictures(spec: generator.GenerationSpec) -> int:
    return bool(spec.image) + bool(spec.last_image)


def take_recipe_away(spec: generator.GenerationSpec, models: Iterable[generator.Model]) -> None:
    """Leave open again what the spec's recipe filled in, and drop the LoRAs that it brought, by what `models` tell:
    with another recipe, or none, they have nothing to say."""
    recipes = [recipe for model in models if model.name == spec.model for recipe in model.recipes]
    brought = {lora.name for recipe in recipes if recipe.name == spec.recipe for lora in recipe.loras}
    kept = [lora for lora in spec.loras if lora.name not in brought]
    for field in ("recipe", "loras", *_RECIPES):
        spec.ClearField(field)
    spec.loras.extend(kept)


def _plain(spec: generator.GenerationSpec, given: dict[str, Any]) -> None:
    """What is taken as it was given."""
    values: dict[str, Any] = {
        "prompt": given["prompt"] or None,
        "negative_prompt": given["negative"],
        "model": _named("models", given["model"]),
        "style": _named("styles", given["style"]),
        "style_strength": given["strength"],
        "extend_prompt": given["extend"],
        "seed": given["seed"],
        "width": given["width"],
        "height": given["height"],
        "frame_count": given["frames"],
        "steps": given["steps"],
        "recipe": given["recipe"],
        "preset": PRESETS.get(given["preset"]),
        "profile": PROFILES.get(given["profile"]),
        "step_cache": CACHES.get(given["cache"]),
    }
    for field, value in values.items():
        if value is not None:
            setattr(spec, field, value)


def _named(collection: str, name: str | None) -> str | None:
    return f"{collection}/{name}" if name and "/" not in name else name


async def _asset(output: Output, studio: Client, given: str) -> str:
    """The name of a picture's asset, which is made of a file of this machine unless an asset is named: a file below a
    folder called so is `./assets/…`."""
    if given.startswith(ASSET_PREFIX):
        return given
    with transfer(output, f"uploading {Path(given).name}") as progress:
        return (await studio.assets.upload(Path(given), on_progress=progress)).name


async def made_from(studio: Client, asset: str) -> generator.GenerationProvenance:
    """What made the only generated clip in an asset. Raises FileProblem for none or several, and for what is a file."""
    if not asset.startswith(ASSET_PREFIX) and await asyncio.to_thread(Path(asset).exists):
        raise FileProblem(f"{asset} is a file, and --from takes an asset: `artifex assets list` names yours")
    found = await studio.assets.get(asset if asset.startswith(ASSET_PREFIX) else f"{ASSET_PREFIX}{asset}")
    try:
        made = heard(found.provenance.details.get(DETAIL, ""))
    except ValueError as error:
        raise FileProblem(f"{found.name}: {error}") from None
    if len(made) > 1:
        prompts = "; ".join(f"“{each.spec.prompt[:60]}”" for each in made[:5])
        raise FileProblem(f"{found.name} holds {len(made)} generated clips ({prompts}): name the asset of one")
    if not made:
        raise FileProblem(f"{found.name} was not generated, so there is nothing to repeat")
    return made[0]
