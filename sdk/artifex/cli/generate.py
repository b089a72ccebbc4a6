"""`artifex generate`: words in, a movie out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from artifex.assets import check_destination, replace_file
from artifex.cli.generation_progress import GenerationProgress
from artifex.cli.output import Output, plain_dict, studio_command
from artifex.cli.render import finish
from artifex.cli.shots import CACHES, PRIORITIES, made_from, shot_options, spec_of
from artifex.client import Client
from artifex.errors import FailedPrecondition, FileProblem
from artifex.finishing import clip_document, finish_of
from artifex.generations import raise_unless_made
from artifex.generator.v1 import messages_pb2 as generator

CHUNK: Final = 60
"""Frames of a chunk: a number that is not the studio's to choose, so that the same shot gives the same bytes."""
_WORDS: Final = ("prompt", "negative_prompt", "style", "style_strength", "extend_prompt")
"""Of a spec: what a model is told follows from them, and from who extends the prompt."""
PREVIEW: Final[Mapping[str, Any]] = {
    "metavar": "FILE",
    "type": click.Path(path_type=Path, dir_okay=False),
    "help": "Keep the newest preview here, a JPEG, while the shot is made.",
}


@click.command()
@shot_options
@click.option("--priority", type=click.Choice(list(PRIORITIES)), default="normal", help="Among your studio's own.")
@click.option("--preview", **PREVIEW)
@click.option("--preview-every", type=click.IntRange(1, 200), help="Steps from one preview to the next.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("shot.mp4"), show_default=True)
@studio_command
async def generate(
    output: Output,
    studio: Client,
    priority: str,
    preview: Path | None,
    preview_every: int | None,
    out: Path,
    **given: Any,
) -> None:
    """Generate a shot from the words of PROMPT, and save it as a movie. Ctrl-C cancels it.

    The same words, seed, model and kind of device give the same bytes. The movie says in its own metadata what made it.
    """
    check_destination(out)
    if preview is not None:
        check_destination(preview)
    if out.suffix.lower() != ".mp4":
        output.note(f"{out} will hold an MP4, whatever its name says")
    before = await made_from(studio, given["source"]) if given["source"] else None
    spec = await spec_of(output, studio, given, before)
    spec.preview_every = preview_every or 0
    generation = await studio.generations.create(spec, priority=PRIORITIES[priority])
    async with waiting(output, studio, generation):
        if output.as_json:
            output.line({"event": "generation", **plain_dict(generation)})
        output.note(f"{generation.name}: seed {generation.spec.seed}, trace {generation.trace_id}")
        tell_changes(output, generation.plan)
        await follow(output, studio, generation, preview)
    generation = await studio.generations.output(generation.name)
    tell_made(output, generation, before)
    clip = await studio.assets.get(generation.output_asset)
    shown = clip_document(clip, finish_of(generation.spec))
    job = await studio.renders.create(shown, display_name=generation.spec.prompt[:80], chunk_frames=CHUNK)
    await finish(output, studio, job, out, verbose=False)


@contextlib.asynccontextmanager
async def waiting(output: Output, studio: Client, generation: generator.Generation) -> AsyncIterator[None]:
    """Cancel a generation when it is not waited for any more, so that nobody computes it: by Ctrl-C, or as whoever
    reads the output is gone."""
    try:
        yield
    except (asyncio.CancelledError, OSError, SystemExit):
        with contextlib.suppress(FailedPrecondition):
            # Raised where it has ended meanwhile.
            await studio.generations.cancel(generation.name)
            output.note(f"interrupted: {generation.name} is cancelled")
        raise


async def follow(output: Output, studio: Client, generation: generator.Generation, preview: Path | None = None) -> None:
    """Show a generation until it has ended, and keep its newest preview in a file. Raises JobFailed or JobCancelled
    when that is without a clip."""
    newest, seen = generation, ""
    with GenerationProgress(output) as progress:
        async for newest in studio.generations.watch(generation.name):
            progress.show(newest)
            if preview is not None and newest.preview.digest != seen:
                seen = newest.preview.digest
                try:
                    await asyncio.to_thread(replace_file, preview, await studio.generations.preview(newest.name))
                except FileProblem as error:
                    # The shot is what was asked for.
                    output.note(f"no more previews: {error}")
                    preview = None
    raise_unless_made(newest)


def tell_changes(output: Output, plan: generator.GenerationPlan) -> None:
    """What the studio takes otherwise than it was given."""
    for change in plan.adjustments:
        field = change.field.removeprefix("spec.")
        output.note(f"{field}: {change.taken} instead of {change.given} ({change.reason})")
    for note in plan.prompt_notes:
        output.note(note)


def cache_text(use: generator.StepCacheUse) -> str:
    """What a step cache saved, and what it is known to change."""
    word = next(word for word, cache in CACHES.items() if cache == use.step_cache)
    saved = f"the step cache {word} took over {use.taken_over} of {use.passes} passes: {use.times:.1f} times as fast"
    if not use.HasField("measure"):
        return f"{saved}; what it changes was not measured with these weights"
    if not use.measure.psnr:
        return f"{saved}; it changed no pixel where it was measured"
    return f"{saved}; clips with it are {use.measure.psnr:.1f} dB from those without, where it was measured"


def tell_made(output: Output, generation: generator.Generation, before: generator.GenerationProvenance | None) -> None:
    """What is to be known of a clip that nobody could know when it was asked for, and how it differs from the one that
    it repeats."""
    made = generation.provenance
    if generation.random_weights:
        output.note(f"the weights of {made.model} are random: its pictures prove the machinery and mean nothing")
    for note in made.notes:
        if note not in generation.plan.prompt_notes:
            output.note(note)
    if made.HasField("step_cache_use"):
        output.note(cache_text(made.step_cache_use))
    if before is None:
        return
    if before.weights_digest != made.weights_digest:
        output.note(f"the weights of {made.model} are not those of the first time: the shot may differ")
    elif before.follower_weights_digest != made.follower_weights_digest:
        output.note("what goes on from its last frame is not what did the first time: the shot may differ")
    elif before.device != made.device:
        output.note(f"the first time was on {before.device}, this on {made.device}: the shot may differ")
    elif before.load and dict(before.load) != dict(made.load):
        otherwise = [name for name in sorted(made.load) if before.load.get(name) != made.load[name]]
        output.note(f"the model was laid out otherwise the first time ({', '.join(otherwise)}): the shot may differ")
    # A local writer may be another one now, or gone.
    asked = all(getattr(before.spec, field) == getattr(made.spec, field) for field in _WORDS)
    if asked and (before.prompt, before.negative_prompt) != (made.prompt, made.negative_prompt):
        output.note("the model was told the prompt in other words than the first time: the shot differs")
