"""`artifex models` and `artifex styles`: what a shot can be made with."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from artifex.assets import check_destination, replace_file
from artifex.cli.generate import waiting
from artifex.cli.output import Output, studio_command
from artifex.cli.words import rate_text
from artifex.client import Client
from artifex.generator.v1 import messages_pb2 as generator


@click.command()
@studio_command
async def models(output: Output, studio: Client) -> None:
    """List the generation models, and what to put where for those whose weights are not there."""
    table = output.table("model", "makes", "state", "largest", "frames", "fps", "beside it", "note")
    async for model in studio.generations.models():
        if output.as_json:
            output.line(model)
        table.add_row(
            model.name.removeprefix("models/"),
            generator.Model.Kind.Name(model.kind).removeprefix("KIND_").lower().replace("_", " "),
            "absent" if not model.available else "in memory" if model.loaded else "ready",
            f"{model.max_width}x{model.max_height}",
            str(model.max_frames),
            rate_text(model.frame_rate) if model.frame_rate.numerator else "",
            beside(model),
            model.remedy or ("random weights: proves the machinery, no more" if model.random_weights else ""),
        )
    if not output.as_json:
        output.console.print(table)


def beside(model: generator.Model) -> str:
    """What lies beside a model's weights, as one asks for it."""
    known = {measure.step_cache: measure for measure in model.step_cache_measures}
    caches = [
        f"--cache {word}" + (f" ({_measured(known[cache])})" if cache in known else "")
        for cache, word in (
            (generator.STEP_CACHE_FIRST_BLOCK, "first-block"),
            (generator.STEP_CACHE_MAGNITUDE, "magnitude"),
        )
        # One that any model can be run with is told where it says more than that.
        if cache in known or (cache in model.step_caches and cache == generator.STEP_CACHE_MAGNITUDE)
    ]
    return "; ".join(
        [
            *(f"--recipe {recipe.name} ({recipe.steps} steps)" for recipe in model.recipes),
            *(f"--lora {name}" for name in model.loras),
            *caches,
        ]
    )


def _measured(measure: generator.StepCacheMeasure) -> str:
    return f"{measure.times:.1f} times as fast, " + (f"{measure.psnr:.0f} dB" if measure.psnr else "the same pixels")


@click.command()
@click.option(
    "--previews",
    type=click.Path(path_type=Path, file_okay=False),
    help="Make a picture of each style that has none in this folder yet, STYLE.jpg: a shot of the style's own.",
)
@click.option("--model", metavar="NAME", help="That makes the pictures. Default: the studio's own choice.")
@studio_command
async def styles(output: Output, studio: Client, previews: Path | None, model: str | None) -> None:
    """List the styles that a shot can be given with --style."""
    table = output.table("style", "name", "이름", "kind", "words")
    async for style in studio.generations.styles():
        if previews is not None:
            await _picture(output, studio, style, model, previews / f"{style.name.removeprefix('styles/')}.jpg")
        if output.as_json:
            output.line(style)
        table.add_row(
            style.name.removeprefix("styles/"), style.display_name, style.display_name_ko, style.category, style.words
        )
    if not output.as_json:
        output.console.print(table)


async def _picture(output: Output, studio: Client, style: generator.Style, model: str | None, path: Path) -> None:
    """The middle of a short shot; the same again where it was made before, and nothing to do where it is there."""
    if await asyncio.to_thread(path.exists):
        return
    check_destination(path)
    spec = generator.GenerationSpec(
        model=f"models/{model.removeprefix('models/')}" if model else "",
        prompt=style.preview_prompt,
        style=style.name,
        preset=generator.GENERATION_PRESET_DRAFT,
    )
    made = await studio.generations.create(spec)
    async with waiting(output, studio, made):
        output.note(f"{path.name}: {made.name}")
        made = await studio.generations.output(made.name)
    clip = (await studio.assets.get(made.output_asset)).media.video_streams[0]
    middle = clip.frame_count // 2 * clip.frame_rate.denominator / clip.frame_rate.numerator
    picture = await studio.assets.thumbnail(made.output_asset, time=middle, width=clip.width)
    await asyncio.to_thread(replace_file, path, picture)
