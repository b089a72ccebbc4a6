"""Run in Triton's environment: our sampling loop and the plain diffusers pipeline make the same pixels.

python parity.py WEIGHTS        prints one JSON line a case
"""

import json
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "services/generator/model_repository/wan"))

import numpy as np
import numpy.typing as npt
import torch
from artifex_wan.denoise import Cancelled, generate
from artifex_wan.spec import Spec
from diffusers import DiffusionPipeline, UniPCMultistepScheduler

BASE = Spec(
    prompt="a red balloon over the sea",
    negative_prompt="blurry",
    seed=7,
    width=64,
    height=48,
    frame_count=9,
    steps=4,
    guidance_scale=4.0,
    guidance_scale_2=3.0,
    flow_shift=5.0,
)
CASES = (
    BASE,
    replace(BASE, steps=5, flow_shift=12.0, seed=3, frame_count=5),
    replace(BASE, steps=3, flow_shift=3.0, guidance_scale=1.0),
    replace(BASE, steps=2, frame_count=1, width=80),
)


class Ours:
    """Our loop, and what it said under way."""

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline
        self.steps: list[int] = []
        self.experts: list[str] = []

    def run(self, spec: Spec, check_cancelled: Callable[[], None] = lambda: None) -> npt.NDArray[np.uint8]:
        return generate(
            self.pipeline,
            spec,
            text_tokens=64,
            on_step=self.steps.append,
            check_cancelled=check_cancelled,
            span=self._span,
        )

    def _span(self, name: str, **attributes: object) -> nullcontext[None]:
        if name == "wan.step":
            self.experts.append(str(attributes["expert"]))
        return nullcontext()


def theirs(pipeline: Any, spec: Spec) -> npt.NDArray[np.float32]:
    """The plain pipeline's clip; its saved scheduler is put back afterwards."""
    saved = pipeline.scheduler
    pipeline.scheduler = UniPCMultistepScheduler.from_config(saved.config, flow_shift=spec.flow_shift)
    clip: npt.NDArray[np.float32] = pipeline(
        prompt=spec.prompt,
        negative_prompt=spec.negative_prompt,
        height=spec.height,
        width=spec.width,
        num_frames=spec.frame_count,
        num_inference_steps=spec.steps,
        guidance_scale=spec.guidance_scale,
        guidance_scale_2=spec.guidance_scale_2,
        max_sequence_length=64,
        generator=torch.Generator("cpu").manual_seed(spec.seed),
        output_type="np",
    ).frames[0]
    pipeline.scheduler = saved
    return clip


def report(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")


def main(weights: str) -> None:
    torch.set_num_threads(1)
    pipeline = DiffusionPipeline.from_pretrained(weights)
    pipeline.set_progress_bar_config(disable=True)
    for spec in CASES:
        ours = Ours(pipeline)
        clip = ours.run(spec)
        expected = np.round(theirs(pipeline, spec) * 255).astype(int)
        difference = int(np.abs(expected - clip.astype(int)).max())
        report(difference=difference, steps=ours.steps, experts=ours.experts, shape=clip.shape)

    checks = 0

    def cancel_in_decode() -> None:
        nonlocal checks
        checks += 1
        if checks == 5:  # before encoding, before the step, before decoding, at the first latent frame; then the second
            raise Cancelled

    before = Ours(pipeline).run(BASE)
    try:
        Ours(pipeline).run(replace(BASE, steps=1), cancel_in_decode)
    except Cancelled:
        report(cancelled_in_decode=True)
    report(same_after_cancel=bool(np.array_equal(Ours(pipeline).run(BASE), before)))


if __name__ == "__main__":
    main(sys.argv[1])
