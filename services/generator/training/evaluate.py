"""`python -m services.generator.training.evaluate`: how often nano does what it is told, on captions never trained on.

It looks at the models as they are shipped, put together by `services.generator.nano` and run by diffusers' pipelines.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.generator.nano import DENOISERS
from services.generator.nano.build import build
from services.generator.training.captions import caption
from services.generator.training.measure import look
from services.generator.training.world import FRAMES, Attributes, draw, draw_attributes, draw_scene

STEPS: Final = 12
GUIDANCE: Final = 4.0
SIZES: Final = ((112, 64), (64, 64))
TOLD: Final = ("shape", "colour", "background", "motion", "count")
_BATCH: Final = 10


def held_out(count: int) -> list[tuple[Attributes, str]]:
    """Scenes that were kept from training, and what is said of them; always the same."""
    rng = np.random.default_rng(20_000)
    told = [draw_attributes(rng, held_out=True) for _ in range(count)]
    return [(what, caption(what, rng)) for what in told]


def from_text(pipeline: Any, size: tuple[int, int], count: int) -> dict[str, float]:
    """By attribute, the part of `count` clips that show it as it was told."""
    asked = held_out(count)
    right = dict.fromkeys(TOLD, 0)
    for start in range(0, count, _BATCH):
        part = asked[start : start + _BATCH]
        for (what, _), clip in zip(part, _made(pipeline, [text for _, text in part], start, size), strict=True):
            seen = look(clip)
            for name in TOLD:
                right[name] += getattr(seen, name) == getattr(what, name)
    return {name: number / count for name, number in right.items()}


def from_picture(pipeline: Any, size: tuple[int, int], count: int) -> dict[str, float]:
    """The part of `count` clips that move as was told from a drawn first frame, and how far theirs is from it on the
    mean, in parts of white."""
    right, error = 0, 0.0
    for number, (what, text) in enumerate(held_out(count)):
        width, height = size
        given = draw(draw_scene(np.random.default_rng(number), what, width / height), width, height, range(1))[0]
        clip = _made(pipeline, [text], number, size, image=given)[0]
        right += look(clip).motion == what.motion
        error += float(np.abs(clip[0].astype(float) - given).mean()) / 255
    return {"motion": right / count, "first frame's error": error / count}


def _made(
    pipeline: Any, texts: Sequence[str], seed: int, size: tuple[int, int], image: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Clips (n, frames, height, width, 3) for captions."""
    import torch
    from PIL import Image

    second = {} if pipeline.config.boundary_ratio is None else {"guidance_scale_2": GUIDANCE}
    given = {} if image is None else {"image": Image.fromarray(image)}
    with torch.no_grad():
        frames = pipeline(
            prompt=list(texts),
            negative_prompt=[""] * len(texts),
            width=size[0],
            height=size[1],
            num_frames=FRAMES,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            max_sequence_length=64,
            generator=torch.Generator().manual_seed(seed),
            output_type="np",
            **second,
            **given,
        ).frames
    clips: NDArray[np.uint8] = np.rint(np.asarray(frames) * 255).astype(np.uint8)
    return clips


def measured(count: int) -> Iterator[dict[str, Any]]:
    """A row for every model, size and thing that it is given."""
    from diffusers import DiffusionPipeline, WanImageToVideoPipeline

    with tempfile.TemporaryDirectory() as folder:
        for model in DENOISERS:
            build(model, Path(folder, model))
            pipeline: Any = DiffusionPipeline.from_pretrained(Path(folder, model), local_files_only=True)
            for size in SIZES:
                row = {"model": model, "size": f"{size[0]}x{size[1]}", "clips": count}
                if not model.endswith("-i2v"):
                    pipeline.set_progress_bar_config(disable=True)
                    yield {**row, "given": "text", **from_text(pipeline, size, count)}
                if not model.endswith("-t2v"):
                    pictured = WanImageToVideoPipeline(**pipeline.components, **_settings(pipeline))
                    pictured.set_progress_bar_config(disable=True)
                    yield {**row, "given": "picture", **from_picture(pictured, size, count)}


def _settings(pipeline: Any) -> dict[str, Any]:
    return {name: pipeline.config[name] for name in ("boundary_ratio", "expand_timesteps")}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure wan22-nano on captions that it was never trained on.")
    parser.add_argument("--count", type=int, default=200, help="captions for each model and size")
    parser.add_argument("--out", type=Path, help="a JSON file for what is printed")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"

    import torch

    torch.set_num_threads(arguments.threads)
    rows = []
    for row in measured(arguments.count):
        rows.append(row)
        print(json.dumps(row), flush=True)  # noqa: T201
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
