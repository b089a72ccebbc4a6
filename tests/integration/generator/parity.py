"""Our sampling loop and the plain diffusers pipelines make the same pixels; run by scripts.py.

["parity"]        one JSON line a case
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from artifex_wan.chance import seeded
from artifex_wan.decode import decoded, still
from artifex_wan.denoise import Run, begun, resumed
from artifex_wan.loading import Model
from artifex_wan.options import Options
from artifex_wan.spec import Spec
from diffusers import DiffusionPipeline, UniPCMultistepScheduler, WanImageToVideoPipeline
from PIL import Image

from tests.integration.generator.tiny_wan import KINDS, pipeline

BASE = Spec(
    prompt="a red balloon over the sea",
    negative_prompt="blurry",
    seed=7,
    width=64,
    height=64,
    frame_count=9,
    steps=4,
    guidance_scale=4.0,
    guidance_scale_2=3.0,
    flow_shift=5.0,
    sampler="unipc",
    sigmas=(),
    pictures=(),
    loras=(),
    step_cache="none",
    preview_every=0,
    preview_share=0.0,
    checkpoint_every=0,
)
STEPPED = replace(BASE, sampler="lcm", sigmas=(1.0, 0.757, 0.522), steps=3)
"""With noise of its own at each step."""
CASES = {
    "t2v": (
        BASE,
        replace(BASE, steps=5, flow_shift=12.0, seed=3, frame_count=5),
        replace(BASE, steps=3, flow_shift=3.0, guidance_scale=1.0, guidance_scale_2=1.0),
        replace(BASE, steps=2, frame_count=1, width=80, height=48),
    ),
    "i2v": (replace(BASE, pictures=("first",)), replace(BASE, pictures=("first", "last"), seed=5)),
    "ti2v": (BASE, replace(BASE, pictures=("first",), width=96)),
}


def ours(made: Any, spec: Spec) -> tuple[npt.NDArray[np.uint8], Run, list[str]]:
    run = begun(Model(made, "cpu", Options()), spec, pictures(spec), 64)
    experts = []
    while run.done < run.steps:
        experts.append(run.expert)
        run.advance()
    return np.concatenate(list(decoded(made.vae, run.finished()))), run, experts


def pictures(spec: Spec) -> dict[str, npt.NDArray[np.uint8]]:
    rng = np.random.default_rng(1)
    return {name: rng.integers(0, 256, (spec.height, spec.width, 3), dtype=np.uint8) for name in spec.pictures}


def theirs(made: Any, spec: Spec) -> npt.NDArray[np.float32]:
    """The plain pipeline's clip; of one picture in place of words alone, by the pipeline for pictures."""
    given: dict[str, Any] = {}
    images = {name: Image.fromarray(picture) for name, picture in pictures(spec).items()}
    if images:
        given["image"] = images["first"]
        if "last" in images:
            given["last_image"] = images["last"]
        if not isinstance(made, WanImageToVideoPipeline):
            config = {name: made.config[name] for name in ("boundary_ratio", "expand_timesteps")}
            made = WanImageToVideoPipeline(**made.components, image_encoder=None, image_processor=None, **config)
    made.set_progress_bar_config(disable=True)
    saved = made.scheduler
    made.scheduler = UniPCMultistepScheduler.from_config(saved.config, flow_shift=spec.flow_shift)
    second = {} if made.config.boundary_ratio is None else {"guidance_scale_2": spec.guidance_scale_2}
    clip: npt.NDArray[np.float32] = made(
        prompt=spec.prompt,
        negative_prompt=spec.negative_prompt,
        height=spec.height,
        width=spec.width,
        num_frames=spec.frame_count,
        num_inference_steps=spec.steps,
        guidance_scale=spec.guidance_scale,
        max_sequence_length=64,
        generator=torch.Generator("cpu").manual_seed(spec.seed),
        output_type="np",
        **second,
        **given,
    ).frames[0]
    made.scheduler = saved
    return clip


def resumings(made: Any, spec: Spec, whole: npt.NDArray[np.uint8]) -> Iterator[bool]:
    """Whether the clip is the same bit by bit, wherever its run is put down and taken up."""
    model = Model(made, "cpu", Options())
    for put_down in range(spec.steps + 1):
        run = begun(model, spec, pictures(spec), 64)
        for _ in range(put_down):
            run.advance()
        again = resumed(model, spec, pictures(spec), run.saved())
        while again.done < again.steps:
            again.advance()
        yield bool(np.array_equal(np.concatenate(list(decoded(made.vae, again.finished()))), whole))


def seeds(made: Any) -> Iterator[dict[str, Any]]:
    """Of those that are one to torch's own generator, which looks at the low 32 bits."""
    own = torch.randn(16, generator=torch.Generator("cpu").manual_seed(7))
    for seed in (7, 2**32 + 7, 2**40 + 7, 2**62 + 7, 2**63 - 2**32 + 7):
        drawn = torch.randn(16, generator=seeded(seed))
        again = torch.randn(16, generator=seeded(seed))
        yield {
            "seed": seed,
            "own": bool(torch.equal(drawn, own)),
            "again": bool(torch.equal(drawn, again)),
            "drawn": drawn.tolist(),
            "clip": [hashed(ours(made, replace(spec, seed=seed))[0]) for spec in (BASE, STEPPED)],
        }


def hashed(clip: npt.NDArray[np.uint8]) -> str:
    return hashlib.sha256(clip.tobytes()).hexdigest()


def report(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")


def main() -> None:
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            pipeline(kind).save_pretrained(folder)
            made = DiffusionPipeline.from_pretrained(folder)
        if kind == "t2v":
            with torch.inference_mode():
                for drawn in seeds(made):
                    report(**drawn)
        for spec in CASES[kind]:
            with torch.inference_mode():
                clip, run, experts = ours(made, spec)
                expected = np.round(theirs(made, spec) * 255).astype(int)
                middle = run.finished()[:, :, run.middle : run.middle + 1]
                glimpse = still(made.vae, run.glimpse()).astype(int) - still(made.vae, middle)
                same = list(resumings(made, spec, clip))
            report(
                kind=kind,
                pictures=spec.pictures,
                difference=int(np.abs(expected - clip.astype(int)).max()),
                shape=clip.shape,
                experts=experts,
                resumed=same,
                # The last step's guess of the clean clip is the clip.
                glimpse=int(np.abs(glimpse).max()),
            )
        for changed in (replace(BASE, sampler="euler", sigmas=(1.0, 0.75, 0.5, 0.25)), STEPPED):
            spec = replace(changed, pictures=CASES[kind][0].pictures)
            with torch.inference_mode():
                clip, *_ = ours(made, spec)
                report(kind=kind, sampler=spec.sampler, resumed=list(resumings(made, spec, clip)))
