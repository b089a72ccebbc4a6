"""`artifex generations`: what is being generated, and what was; and what one would take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from artifex.assets import check_destination
from artifex.cli.generate import PREVIEW, follow, tell_changes
from artifex.cli.output import Output, plain_dict, studio_command
from artifex.cli.plan_table import plans
from artifex.cli.shots import made_from, shot_options, spec_of
from artifex.cli.words import Bytes, gigabytes_text, rate_text, seconds_text, time_text
from artifex.client import Client
from artifex.finishing import UNTOUCHED, finish_of
from artifex.generator.v1 import messages_pb2 as generator


@click.group()
def generations() -> None:
    """Shots that are generated on the studio's own models."""


generations.add_command(plans)


def full_name(generation: str) -> str:
    return generation if generation.startswith("generations/") else f"generations/{generation}"


def state_word(generation: generator.Generation) -> str:
    return generator.Generation.State.Name(generation.state).removeprefix("STATE_").lower()


@generations.command("list")
@studio_command
async def list_generations(output: Output, studio: Client) -> None:
    """List the generations, newest first."""
    table = output.table("generation", "state", "steps", "device time", "made", "clip", "prompt")
    async for generation in studio.generations.list():
        if output.as_json:
            output.line(generation)
        table.add_row(
            generation.name,
            state_word(generation),
            f"{generation.steps_done}/{generation.steps_total}",
            seconds_text(generation.device_seconds) if generation.device_seconds else "",
            time_text(generation.create_time),
            generation.output_asset,
            generation.spec.prompt[:60],
        )
    if not output.as_json:
        output.console.print(table)


@generations.command("watch")
@click.argument("generation")
@click.option("--preview", **PREVIEW)
@studio_command
async def watch(output: Output, studio: Client, generation: str, preview: Path | None) -> None:
    """Follow GENERATION to its end. Ctrl-C stops watching, not the generation."""
    if preview is not None:
        check_destination(preview)
    await follow(output, studio, await studio.generations.get(full_name(generation)), preview)
    found = await studio.generations.output(full_name(generation))
    if output.as_json:
        output.line({"event": "done", **plain_dict(found)})
    output.text(f"{found.name} succeeded: {found.output_asset}")


@generations.command("pause")
@click.argument("generation")
@studio_command
async def pause(output: Output, studio: Client, generation: str) -> None:
    """Put GENERATION down within one denoising step. `artifex generations resume` takes it up where it stopped."""
    _tell(output, await studio.generations.pause(full_name(generation)))


@generations.command("resume")
@click.argument("generation")
@studio_command
async def resume(output: Output, studio: Client, generation: str) -> None:
    """Queue a paused GENERATION again. Follow it with `artifex generations watch`."""
    _tell(output, await studio.generations.resume(full_name(generation)))


@generations.command("cancel")
@click.argument("generation")
@studio_command
async def cancel(output: Output, studio: Client, generation: str) -> None:
    """Stop GENERATION within one denoising step. One that has ended otherwise is refused."""
    _tell(output, await studio.generations.cancel(full_name(generation)))


def _tell(output: Output, generation: generator.Generation) -> None:
    if output.as_json:
        output.line(generation)
    output.text(f"{generation.name} {state_word(generation)}")


@generations.command("plan")
@shot_options
@click.option("--memory", type=Bytes(), help="Of the device, as 24GB. Default: the studio's own device.")
@studio_command
async def plan(output: Output, studio: Client, memory: int | None, **given: Any) -> None:
    """Say what a shot of PROMPT will be and take, and why, before any of it is spent."""
    before = await made_from(studio, given["source"]) if given["source"] else None
    spec = await spec_of(output, studio, given, before)
    answer = await studio.generations.foresee(spec, device_memory_bytes=memory or 0)
    found = answer.plan
    if output.as_json:
        more = {"content_key": answer.content_key, "clip": answer.clip.digest, "refusal": answer.refusal.reason}
        output.line({**plain_dict(found), **more})
        return
    spec = found.spec
    output.text(
        f"{spec.model}: {spec.width}x{spec.height}, {spec.frame_count} frames at {rate_text(spec.frame_rate)} fps, "
        f"{spec.steps} steps, guidance {spec.guidance_scale:g} and {spec.guidance_scale_2:g}, shift {spec.flow_shift:g}"
    )
    if (finish := finish_of(spec)) is not UNTOUCHED:
        output.text(finish.told(spec.width, spec.height))
    tell_changes(output, found)
    table = output.table("stage", "device memory", "host memory", "TFLOP", "time")
    for stage in found.stages:
        table.add_row(
            stage.name,
            gigabytes_text(stage.device_bytes),
            gigabytes_text(stage.host_bytes),
            f"{stage.flops / 1e12:.1f}",
            seconds_text(stage.seconds),
        )
    output.console.print(table)
    for choice in found.choices:
        output.text(f"{choice.subject}: {choice.choice} ({choice.reason})")
    output.text(verdict(found))
    if answer.clip.digest:
        output.text("it was made before, and would not be made again")
    elif found.fits and answer.refusal.message:
        output.text(f"it could not be made now: {answer.refusal.message}")


def verdict(plan: generator.GenerationPlan) -> str:
    """Whether it fits, with the numbers."""
    devices = f"{plan.device_count} x {plan.device}" if plan.device_count > 1 else plan.device
    where = f"{devices} ({gigabytes_text(plan.device_memory_bytes)})"
    if plan.fits:
        known = "measured here" if plan.calibrated else "from published rates"
        return f"fits {where}; about {seconds_text(plan.seconds)}, {known}"
    near = plan.nearest
    nearest = f"; {near.width}x{near.height} and {near.frame_count} frames would fit" if near.width else ""
    return f"does not fit {where}: {plan.shortage}{nearest}"
