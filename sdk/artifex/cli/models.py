"""`artifex models` and `artifex styles`: what a shot can be made with."""

from __future__ import annotations

import click

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
    caches = [cache for cache in model.step_caches if cache == generator.STEP_CACHE_MAGNITUDE]
    return "; ".join(
        [
            *(f"--recipe {recipe.name} ({recipe.steps} steps)" for recipe in model.recipes),
            *(f"--lora {name}" for name in model.loras),
            *("--cache magnitude" for _ in caches),
        ]
    )


@click.command()
@studio_command
async def styles(output: Output, studio: Client) -> None:
    """List the styles that a shot can be given with --style."""
    table = output.table("style", "name", "이름", "kind", "words")
    async for style in studio.generations.styles():
        if output.as_json:
            output.line(style)
        table.add_row(
            style.name.removeprefix("styles/"), style.display_name, style.display_name_ko, style.category, style.words
        )
    if not output.as_json:
        output.console.print(table)
