"""`python -m artifex_wan.calibrate WEIGHTS PROMPT`: measure what the step cache "magnitude" goes by, on one long run.

Writes magnitudes.json beside the weights, which are other weights then: their digest changes, as the clips do that are
made with the cache. It takes as long as a clip; run it where the model is to run, in the model server's environment.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from artifex_wan.denoise import Pictures, begun
from artifex_wan.loading import Model
from artifex_wan.magnitudes import MAGNITUDES_FILE
from artifex_wan.options import Options
from artifex_wan.spec import Spec


class Meter:
    """Watches an expert's blocks: the length of what they add to the clip, relative to the step before."""

    def __init__(self, transformer: Any) -> None:
        self.ratios: list[float] = []
        self._before: torch.Tensor | None = None
        self._given: torch.Tensor | None = None
        blocks = transformer.blocks
        self._handles = [
            blocks[0].register_forward_pre_hook(self._enter),
            blocks[-1].register_forward_hook(self._leave),
        ]

    def _enter(self, block: Any, given: tuple[Any, ...]) -> None:
        self._given = given[0]

    def _leave(self, block: Any, given: tuple[Any, ...], made: torch.Tensor) -> None:
        assert self._given is not None  # the first block comes before the last
        length = torch.linalg.norm((made - self._given).float(), dim=-1)
        self.ratios.append(1.0 if self._before is None else float((length / (self._before + 1e-8)).mean()))
        self._before = length

    def close(self) -> None:
        for handle in self._handles:
            handle.remove()


def measured(model: Model, spec: Spec, text_tokens: int) -> dict[str, list[float]]:
    """By expert, one number for each of its steps; of a run without guidance; both passes of a guided step go by it."""
    meters = {name: Meter(transformer) for name, transformer in model.transformers.items()}
    try:
        with torch.inference_mode():
            run = begun(model, spec, gray(spec), text_tokens)
            while run.done < run.steps:
                run.advance()
    finally:
        for meter in meters.values():
            meter.close()
    return {name: [round(ratio, 5) for ratio in meter.ratios] for name, meter in meters.items() if meter.ratios}


def arguments(name: str, purpose: str) -> argparse.ArgumentParser:
    """The command line of a tool that makes one clip to measure something."""
    parser = argparse.ArgumentParser(prog=f"artifex_wan.{name}", description=purpose)
    parser.add_argument("weights", type=Path, help="a model in diffusers layout")
    parser.add_argument("prompt")
    parser.add_argument("--width", type=int, default=832, help="pixels (default: %(default)s)")
    parser.add_argument("--height", type=int, default=480, help="pixels (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=81, help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=40, help="default: %(default)s")
    parser.add_argument("--shift", type=float, default=5.0, help="of the schedule (default: %(default)s)")
    parser.add_argument("--text-tokens", type=int, default=512, help="default: %(default)s")
    parser.add_argument("--picture", action="store_true", help="a gray first picture, for models that need one")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: %(default)s")
    parser.add_argument("--load", type=json.loads, default={}, help='how it lies in memory: {"experts": "swapped"}')
    return parser


def asked(given: argparse.Namespace, guidance: float = 1.0) -> Spec:
    """The clip of a command line; without guidance, which is 1."""
    return Spec(
        prompt=given.prompt,
        negative_prompt="",
        seed=0,
        width=given.width,
        height=given.height,
        frame_count=given.frames,
        steps=given.steps,
        guidance_scale=guidance,
        guidance_scale_2=guidance,
        flow_shift=given.shift,
        sampler="unipc",
        sigmas=(),
        pictures=("first",) if given.picture else (),
        loras=(),
        step_cache="none",
        preview_every=0,
        preview_share=0.0,
        checkpoint_every=0,
    )


def gray(spec: Spec) -> Pictures:
    """The given pictures of such a clip."""
    return {name: np.full((spec.height, spec.width, 3), 128, np.uint8) for name in spec.pictures}


def main() -> None:
    given = arguments("calibrate", __doc__.splitlines()[0]).parse_args()
    model = Model.read(given.weights, given.device, Options.parse(given.load))
    found = measured(model, asked(given), given.text_tokens)
    file = given.weights / MAGNITUDES_FILE
    unfinished = file.with_name(f".{file.name}")
    unfinished.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(file)
    sys.stdout.write(f"{file}: {', '.join(f'{len(f)} of {n}' for n, f in found.items())}\n")


if __name__ == "__main__":
    main()
