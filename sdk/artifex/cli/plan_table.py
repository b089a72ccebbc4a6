"""`artifex generations plans`: each model, preset and size of device, and the way that a shot would go there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

import click

from artifex.cli.output import Output, studio_command
from artifex.cli.shots import PRESETS, PROFILES
from artifex.cli.words import Bytes, gigabytes_text, seconds_text
from artifex.client import Client
from artifex.errors import NotFound
from artifex.generator.v1 import messages_pb2 as generator

COLUMNS: Final = ("model", "preset", "device", "clip", "way", "encode", "denoise", "decode", "host", "time")
MEMORIES: Final = (24 * 10**9, 48 * 10**9, 80 * 10**9)
_PLAIN: Final = {
    "text_encoder": "text encoder",
    "vae": "VAE",
}
_WAYS: Final = ("precision", "experts", "text_encoder", "vae", "attention", "compile", "step_cache")
_UNSAID: Final = ("native", "none", "whole")
_ANY_PICTURE: Final = (generator.PlannedPicture(role=generator.PlannedPicture.ROLE_FIRST),)


@click.command()
@click.option("--model", "names", multiple=True, metavar="NAME", help="Repeatable. Default: all but the embedded.")
@click.option("--preset", "presets", multiple=True, type=click.Choice(list(PRESETS)), help="Repeatable. Default: all.")
@click.option("--profile", type=click.Choice(list(PROFILES)), help="What to save where there is a choice.")
@click.option(
    "--memory",
    "memories",
    multiple=True,
    type=Bytes(),
    help="Of a device, as 24GB; repeatable. Default: 24GB, 48GB and 80GB.",
)
@studio_command
async def plans(
    output: Output,
    studio: Client,
    names: tuple[str, ...],
    presets: tuple[str, ...],
    profile: str | None,
    memories: tuple[int, ...],
) -> None:
    """Show which way each model would go with each preset on devices of several sizes, and what it would take."""
    table = output.table(*COLUMNS)
    async for preset, memory, plan in _planned(studio, names, presets or tuple(PRESETS), profile, memories or MEMORIES):
        if output.as_json:
            output.line(plan)
        else:
            table.add_row(*row(plan, preset, memory))
    if not output.as_json:
        output.console.print(table)


async def _planned(
    studio: Client, names: Iterable[str], presets: Iterable[str], profile: str | None, memories: Iterable[int]
) -> AsyncIterator[tuple[str, int, generator.GenerationPlan]]:
    for model in models_of([model async for model in studio.generations.models()], names):
        for preset in presets:
            # Any shot of it: what is to be seen costs nothing.
            spec = generator.GenerationSpec(model=model.name, prompt="anything", preset=PRESETS[preset])
            if profile is not None:
                spec.profile = PROFILES[profile]
            pictured = model.kind == generator.Model.KIND_IMAGE_TO_VIDEO
            for memory in memories:
                plan = await studio.generations.plan(
                    spec, device_memory_bytes=memory, pictures=_ANY_PICTURE if pictured else ()
                )
                yield preset, memory, plan


def models_of(models: Sequence[generator.Model], names: Iterable[str]) -> list[generator.Model]:
    """Those of these names, in the order that the studio tells them; without names all that are not embedded. Raises
    NotFound."""
    known = {model.name.removeprefix("models/"): model for model in models}
    wanted = {name.removeprefix("models/") for name in names}
    if unknown := sorted(wanted - known.keys()):
        raise NotFound(f"there is no model {unknown[0]}; there are: {', '.join(known)}", code="NOT_FOUND")
    return [model for name, model in known.items() if (name in wanted if wanted else "nano" not in name)]


def row(plan: generator.GenerationPlan, preset: str, memory: int) -> tuple[str, ...]:
    """What `COLUMNS` say of one plan: memory in gigabytes at each stage's peak, "-" where nothing is reckoned."""
    spec = plan.spec
    stages = {stage.name: stage for stage in plan.stages}
    host = max((stage.host_bytes for stage in plan.stages), default=0)
    return (
        spec.model.removeprefix("models/"),
        preset,
        gigabytes_text(memory),
        f"{spec.width}x{spec.height}, {spec.frame_count} frames, {spec.steps} steps",
        way(plan),
        *(
            gigabytes_text(stages[name].device_bytes) if name in stages else "-"
            for name in ("encode", "denoise", "decode")
        ),
        gigabytes_text(host) if stages else "-",
        seconds_text(plan.seconds) if plan.fits else "-",
    )


def way(plan: generator.GenerationPlan) -> str:
    """The plan's choices in a few words, or what would fit where it does not."""
    if not plan.fits:
        near = plan.nearest
        nearest = f"{near.width}x{near.height}, {near.frame_count} frames would" if near.width else "nor does less"
        return f"does not fit; {nearest}"
    chosen = {choice.subject: choice.choice for choice in plan.choices}
    said = [
        f"{_PLAIN.get(subject, subject.replace('_', ' '))} {chosen[subject]}"
        for subject in _WAYS
        if subject in chosen and chosen[subject] not in _UNSAID
    ]
    runs = chosen.get("windows", "1")
    return ", ".join([text.removeprefix("precision ") for text in said] + ([f"{runs} runs"] if runs != "1" else []))
