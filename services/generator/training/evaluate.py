"""How often nano does what it is told, on captions that it was never trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import torch
from diffusers import UniPCMultistepScheduler, WanImageToVideoPipeline, WanPipeline
from numpy.typing import NDArray
from PIL import Image

from services.generator.training.captions import caption
from services.generator.training.measure import look
from services.generator.training.world import FRAMES, Attributes, draw, draw_attributes, draw_scene

STEPS: Final = 12
GUIDANCE: Final = 4.0
TOLD: Final = ("shape", "colour", "background", "motion", "count")
_BATCH: Final = 25

Maker = Callable[[Sequence[str], int], NDArray[np.uint8]]
"""Clips (n, frames, height, width, 3) for captions and a seed."""


def held_out(count: int) -> list[tuple[Attributes, str]]:
    """Scenes that were kept from training, and what is said of them; always the same."""
    rng = np.random.default_rng(20_000)
    told = [draw_attributes(rng, held_out=True) for _ in range(count)]
    return [(what, caption(what, rng)) for what in told]


def scores(make: Maker, count: int = 200) -> dict[str, float]:
    """By attribute, the part of the clips that show it as it was told."""
    asked = held_out(count)
    right = dict.fromkeys(TOLD, 0)
    for start in range(0, count, _BATCH):
        part = asked[start : start + _BATCH]
        for (what, _), clip in zip(part, make([text for _, text in part], start), strict=True):
            seen = look(clip)
            for name in TOLD:
                right[name] += getattr(seen, name) == getattr(what, name)
    return {name: number / count for name, number in right.items()}


def of_text(pipeline: WanPipeline, width: int, height: int) -> Maker:
    """Of a text-to-video pipeline."""

    def make(texts: Sequence[str], seed: int) -> NDArray[np.uint8]:
        return _run(pipeline, texts, seed, width, height)

    return make


def of_pictures(
    pipeline: WanPipeline | WanImageToVideoPipeline, width: int, height: int, count: int
) -> dict[str, float]:
    """Motion as told from a drawn first frame, and the mean error of that frame in parts of white."""
    asked = held_out(count)
    right, error = 0, 0.0
    for number, (what, text) in enumerate(asked):
        given = draw(draw_scene(np.random.default_rng(number), what, width / height), width, height, 1)[0]
        clip = _run(pipeline, [text], number, width, height, image=Image.fromarray(given))[0]
        right += look(clip).motion == what.motion
        error += float(np.abs(clip[0].astype(float) - given).mean()) / 255
    return {"motion": right / count, "first frame error": error / count}


def _run(pipeline: Any, texts: Sequence[str], seed: int, width: int, height: int, **given: Any) -> NDArray[np.uint8]:
    pipeline.scheduler = UniPCMultistepScheduler.from_config(pipeline.scheduler.config, flow_shift=5.0)
    pipeline.set_progress_bar_config(disable=True)
    second = {"guidance_scale_2": GUIDANCE} if pipeline.config.boundary_ratio is not None else {}
    with torch.no_grad():
        frames = pipeline(
            prompt=list(texts),
            negative_prompt=[""] * len(texts),
            width=width,
            height=height,
            num_frames=FRAMES,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            **second,
            max_sequence_length=64,
            generator=torch.Generator().manual_seed(seed),
            output_type="np",
            **given,
        ).frames
    clips: NDArray[np.uint8] = np.rint(np.asarray(frames) * 255).astype(np.uint8)
    return clips
