"""`python -m artifex_wan.compare WEIGHTS PROMPT`: measure what each step cache saves of a clip, and changes in it.

Writes caches.json beside the weights, from which plans and provenance tell it; it is no part of the weights' digest. It
takes as long as three clips, and wants magnitudes.json there first; without it the cache "magnitude" is left out.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from artifex_wan.calibrate import arguments, asked, gray
from artifex_wan.decode import decoded
from artifex_wan.denoise import begun
from artifex_wan.loading import EXPERTS, Model
from artifex_wan.options import Options
from artifex_wan.spec import STEP_CACHES, Spec

CACHES_FILE: Final = "caches.json"
"""Beside the weights: by cache, as in "first_block", how many times as fast the steps were made ("times"), the clip's
signal to noise against the one without ("psnr", and "least_psnr" of the worst frame, in dB; 0 where no pixel differs),
and what clip it was: "width", "height", "frame_count", "steps"."""


def compared(model: Model, spec: Spec, text_tokens: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each cache that the model can have, and what it did."""
    plain, alone = _made(model, spec, text_tokens)
    for cache in STEP_CACHES[1:]:
        if cache == "magnitude" and not set(model.transformers) <= model.magnitudes.keys():
            continue
        clip, seconds = _made(model, replace(spec, step_cache=cache), text_tokens)
        each = [_psnr(one, other) for one, other in zip(plain, clip, strict=True)]
        yield (
            cache,
            {
                "times": round(alone / seconds, 3),
                "psnr": _psnr(plain, clip),
                "least_psnr": min((noise for noise in each if noise), default=0.0),
                "width": spec.width,
                "height": spec.height,
                "frame_count": spec.frame_count,
                "steps": spec.steps,
            },
        )


def _made(model: Model, spec: Spec, text_tokens: int) -> tuple[npt.NDArray[np.uint8], float]:
    """The clip, and the seconds of its steps."""
    with torch.inference_mode():
        run = begun(model, spec, gray(spec), text_tokens)
        _wait_for(model)
        began = time.perf_counter()
        while run.done < run.steps:
            run.advance()
        _wait_for(model)
        seconds = time.perf_counter() - began
        return np.concatenate(list(decoded(model.vae, run.finished()))), seconds


def _wait_for(model: Model) -> None:
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)


def _psnr(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    error = float(np.mean((one.astype(np.float32) - other.astype(np.float32)) ** 2))
    return round(10 * float(np.log10(255**2 / error)), 2) if error else 0.0


def main() -> None:
    parser = arguments("compare", __doc__.splitlines()[0])
    parser.add_argument("--guidance", type=float, default=4.0, help="of each expert (default: %(default)s)")
    given = parser.parse_args()
    model = Model.read(given.weights, given.device, Options.parse(given.load))
    spec = asked(given, given.guidance)
    if model.options.compile != "none" or model.device.type == "cuda":
        # What the first step of a size costs is no cache's gain.
        _made(model, replace(spec, steps=len(EXPERTS)), given.text_tokens)
    found = dict(compared(model, spec, given.text_tokens))
    (given.weights / CACHES_FILE).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for cache, what in found.items():
        sys.stdout.write(f"{cache}: {what['times']} times as fast, {what['psnr']} dB\n")


if __name__ == "__main__":
    main()
