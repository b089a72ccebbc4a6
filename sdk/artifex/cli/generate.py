"""`artifex generate`: words in, a movie out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click

from artifex.assets import check_destination
from artifex.cli.output import Output, studio_command
from artifex.cli.render import finish
from artifex.client import Client
from artifex.errors import FailedPrecondition
from artifex.generator.v1 import messages_pb2 as generator


@dataclass(frozen=True)
class Preset:
    """How large and how carefully. Sizes in pixels; frames are 4k + 1 as the model makes them."""

    width: int
    height: int
    frames: int
    steps: int


FPS = 16
"""Frames a second that Wan2.2 makes."""
PRESETS = {
    "draft": Preset(256, 144, 17, 4),
    "preview": Preset(416, 240, 33, 10),
    "production": Preset(832, 480, 81, 40),
    "cinema": Preset(1280, 720, 81, 50),
}


@click.command()
@click.argument("prompt")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**53 - 1), help="Another makes another shot."
)
@click.option(
    "--preset", default="preview", show_default=True, type=click.Choice(list(PRESETS)), help="Size and steps."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("shot.mp4"), show_default=True)
@studio_command
async def generate(output: Output, studio: Client, prompt: str, seed: int, preset: str, out: Path) -> None:
    """Generate a shot from the words of PROMPT, and save it as a movie. Ctrl-C cancels it."""
    check_destination(out)
    models = [model async for model in studio.generations.models()]
    if not models:
        raise FailedPrecondition("the studio has no generation model", code="FAILED_PRECONDITION")
    model = models[0]
    wanted = PRESETS[preset]
    shot = fitted(wanted, model)
    if shot != wanted:
        output.note(f"{preset} is {wanted}; {model.display_name or model.name} makes {shot}")
    if model.random_weights:
        output.note(f"the weights of {model.name} are random: its pictures prove the machinery and mean nothing")
    job = await studio.renders.create(document(prompt, seed, shot, model.name), display_name=prompt[:80])
    await finish(output, studio, job, out, verbose=False)


def fitted(preset: Preset, model: generator.Model) -> Preset:
    """The preset within what a model can make."""
    multiple, step = max(1, model.size_multiple), max(1, model.frame_multiple)
    scale = min(1.0, model.max_width / preset.width, model.max_height / preset.height)
    frames = min(preset.frames, model.max_frames)
    return Preset(
        max(multiple, int(preset.width * scale) // multiple * multiple),
        max(multiple, int(preset.height * scale) // multiple * multiple),
        (frames - 1) // step * step + 1,
        preset.steps,
    )


def document(prompt: str, seed: int, shot: Preset, model: str) -> str:
    """The graph that renders one generated shot as it is."""
    parameters = {
        "prompt": prompt,
        "seed": seed,
        "width": shot.width,
        "height": shot.height,
        "frames": shot.frames,
        "fps": FPS,
        "steps": shot.steps,
        "model": model,
    }
    nodes = {
        "shot": {"type": "T2VGenerator", "params": parameters},
        "out": {"type": "FileOutput", "inputs": {"video": "shot"}, "params": {"path": "shot.mp4"}},
    }
    settings = {"width": shot.width, "height": shot.height, "fps": FPS, "duration": f"{shot.frames}/{FPS}"}
    return json.dumps({"schema": "artifex.graph/1", "settings": settings, "nodes": nodes}, ensure_ascii=False)
