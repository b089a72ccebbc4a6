"""Step caches on models of each class, and the tools that measure them; run by scripts.py.

["step_caches", "t2v|i2v|ti2v"]        one JSON line a case
"""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from artifex_wan.compare import CACHES_FILE
from artifex_wan.denoise import begun, resumed
from artifex_wan.loading import Model
from artifex_wan.options import Options
from artifex_wan.spec import Spec

from tests.integration.generator.loads import COMBINED, Made, difference, spec_of, told
from tests.integration.generator.parity import pictures


def caches(kind: str, folder: Path) -> Iterator[dict[str, Any]]:
    calibrated(kind, folder)
    plain_model = Model.read(folder, "cpu", Options())
    known = {name: len(ratios) for name, ratios in plain_model.magnitudes.items()}
    compared = json.loads((folder / CACHES_FILE).read_text())
    # The tools ask for a clip of their own: gray pictures, one seed, no negative prompt.
    like = replace(spec_of(kind, steps=20, flow_shift=3.0), prompt="a red balloon", negative_prompt="", seed=0)
    like = replace(like, guidance_scale=4.0, guidance_scale_2=4.0)
    gray = {name: np.full((64, 64, 3), 128, np.uint8) for name in like.pictures}
    clips = [
        Made(plain_model, like, begun(plain_model, replace(like, step_cache=cache), gray, 64)).clip
        for cache in ("none", "first_block", "magnitude")
    ]
    errors = [float(((clip.astype(float) - clips[0]) ** 2).mean()) for clip in clips[1:]]
    yield {
        "calibrated": known,
        "compared": compared,
        "of_one_block": of_one_block(kind, folder),
        "psnr": [10 * float(np.log10(255**2 / error)) for error in errors],
    }
    for choice in COMBINED:
        if choice == {"compile": "blocks"} and kind != "t2v":
            continue
        model = Model.read(folder, "cpu", Options.parse(choice))
        made = 0

        def count(*_: object) -> None:
            nonlocal made
            made += 1

        for transformer in model.transformers.values():
            transformer.blocks[-1].ffn.register_forward_pre_hook(count)
        spec = spec_of(kind, steps=20, flow_shift=3.0)
        plain, passes = Made(model, spec), made
        for cache in ("first_block", "magnitude"):
            made = 0
            run = begun(model, replace(spec, step_cache=cache), pictures(spec), 64)
            cached = Made(model, run.spec, run)
            computed = made
            use = run.cache_use
            assert use is not None
            yield {
                "cache": cache,
                "use": [use.cache, use.passes, use.taken_over, use.times],
                "blocks": len(model.pipeline.transformer.blocks),
                "load": choice,
                "passes": passes,
                "computed": computed,
                "difference": difference(cached.clip, plain.clip),
                "rests": sorted(cached.saved),
                "resumed": [again(model, replace(spec, step_cache=cache), cached, at) for at in sorted(cached.saved)],
                "without": bool(np.array_equal(Made(model, spec).clip, plain.clip)),
            }


def of_one_block(kind: str, folder: Path) -> bool:
    """Whether a cache of what follows the first block does nothing where nothing follows."""
    model, spec = Model.read(folder, "cpu", Options()), spec_of(kind)
    for expert in model.transformers.values():
        expert.blocks = expert.blocks[:1]
    run = begun(model, replace(spec, step_cache="first_block"), pictures(spec), 64)
    return np.array_equal(Made(model, spec, run).clip, Made(model, spec).clip) and run.cache_use is None


def calibrated(kind: str, folder: Path) -> None:
    """By the tools that measure it and what it does, which write their files beside the weights."""
    size = ("--width", "64", "--height", "64", "--frames", "5", "--steps", "20", "--shift", "3", "--text-tokens", "64")
    picture = ["--picture"] * (kind != "t2v")
    for tool in ("calibrate", "compare"):
        sys.argv[1:] = [str(folder), "a red balloon", *size, *picture]
        with redirect_stdout(sys.stderr):
            # As `python -m` does.
            runpy.run_module(f"artifex_wan.{tool}", run_name="__main__", alter_sys=True)


def again(model: Model, spec: Spec, whole: Made, at: int) -> bool:
    run = resumed(model, spec, pictures(spec), whole.saved[at])
    return bool(np.array_equal(Made(model, spec, run).clip, whole.clip))


def main(kind: str) -> None:
    told(caches, kind)
