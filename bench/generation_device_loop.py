"""Full-size Wan2.2 with random weights on an accelerator, measured; or the same code at a size for a processor.

python bench/generation_device_loop.py full|small|auto [MODEL...]        in Triton's environment

Every model is built on the device from its published configuration, nothing is read or downloaded. Each variant starts
from the same weights, makes the same clip of random noise and is measured apart:

    stock      diffusers' own pipeline
    plain      our loop, nothing changed: must make the same latents
    speed      what the profile SPEED plans on an accelerator: the fastest attention, compiled blocks, and the VAE's
               weights in another order; not its step cache, whose gain random weights do not show
    float8     the same with the experts' weights kept in eight bits

Of a model of two experts one is built, since a step is made by one. Prints one JSON object a line.
"""

from __future__ import annotations

import argparse
import copy
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "services/generator/model_repository/wan"))

import numpy as np
import torch
from artifex_wan.decode import decoded
from artifex_wan.denoise import begun
from artifex_wan.loading import Model
from artifex_wan.options import Options
from artifex_wan.spec import Spec
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from diffusers.utils import logging
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from services.generator.domain.architecture import Architecture
from services.generator.domain.known import KNOWN
from services.generator.domain.plan import options as planned
from services.generator.domain.plan.memory import memory
from services.generator.domain.plan.work import pass_flops

FLOORS: Final = {"H100": 790e12, "H200": 790e12, "H800": 790e12}
"""Dense bfloat16 operations a second that large products reach, by what a device's name holds."""
SEED: Final = 7
_TEXT_TOKENS: Final = 512
_SHIFT: Final = 5.0
_GUIDANCE: Final = 5.0
_FULL: Final = {"wan22-ti2v-5b": (1280, 704, 121), "wan22-t2v-a14b": (1280, 720, 81)}
"""Width, height and frames."""
_SMALL: Final = (64, 64, 9)
_SMALL_TRANSFORMER: Final = {
    "num_attention_heads": 2,
    "attention_head_dim": 24,
    "ffn_dim": 64,
    "num_layers": 2,
    "text_dim": 32,
}


@dataclass(frozen=True)
class Case:
    model: str
    width: int
    height: int
    frames: int
    steps: int
    told: Mapping[str, Any]
    """The configuration of each part."""
    device: str

    @property
    def architecture(self) -> Architecture:
        """Of one expert."""
        return replace(Architecture.parse(self.told), experts=1)

    @property
    def spec(self) -> Spec:
        return Spec(
            prompt="a river in the morning",
            negative_prompt="blurry",
            seed=SEED,
            width=self.width,
            height=self.height,
            frame_count=self.frames,
            steps=self.steps,
            guidance_scale=_GUIDANCE,
            guidance_scale_2=_GUIDANCE,
            flow_shift=_SHIFT,
            sampler="unipc",
            sigmas=(),
            pictures=(),
            loras=(),
            step_cache="none",
            preview_every=0,
            preview_share=0.0,
            checkpoint_every=0,
        )


@dataclass
class Made:
    """What came of a variant."""

    seconds: list[float]
    """Of each step; the first warms up."""
    latents: torch.Tensor
    pictures: np.ndarray
    decode_seconds: float
    peaks: dict[str, int]
    """Bytes of the device by stage; 0 on a processor, whose memory is everybody's."""


def small(told: Mapping[str, Any]) -> dict[str, Any]:
    """An architecture's like, of a few thousand weights."""
    vae = {**told["vae"], "base_dim": 4}
    if "decoder_base_dim" in vae:
        vae["decoder_base_dim"] = 4
    return {**told, "transformer": {**told["transformer"], **_SMALL_TRANSFORMER}, "vae": vae}


def built(case: Case) -> Any:
    """The pipeline on its device, always of the same weights. Its text encoder is a small one, and no part of this."""
    torch.manual_seed(SEED)
    with torch.device(case.device):
        transformer = _transformer(case)
        vae = AutoencoderKLWan(**_vae(case.told["vae"])).eval()
        words = {word: number for number, word in enumerate(("<pad>", "</s>", "<unk>"))}
        text = UMT5Config(
            vocab_size=len(words),
            d_model=case.told["transformer"]["text_dim"],
            d_kv=8,
            d_ff=8,
            num_layers=1,
            num_heads=1,
            feed_forward_proj="gated-gelu",
            pad_token_id=0,
            eos_token_id=1,
        )
        encoder = UMT5EncoderModel(text).to(_computed(case.device)).eval()
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    pipeline = WanPipeline(
        tokenizer=PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>"),
        text_encoder=encoder,
        vae=vae,
        scheduler=UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=_SHIFT
        ),
        transformer=transformer,
        transformer_2=None,
        boundary_ratio=None,
        expand_timesteps=bool(case.told.get("expand_timesteps")),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _transformer(case: Case) -> Any:
    """Block by block, so that no more than one is ever there in full precision."""
    told = dict(case.told["transformer"])
    wan = {"patch_size": (1, 2, 2), "cross_attn_norm": True, "qk_norm": "rms_norm_across_heads"}
    made = WanTransformer3DModel(**{**told, **wan, "num_layers": 1}).eval()
    kept = set(made._keep_in_fp32_modules or ())
    for name, parameter in made.named_parameters():
        # As `from_pretrained` does.
        if not kept & set(name.split(".")):
            parameter.data = parameter.data.to(_computed(case.device))
    for _ in range(told["num_layers"] - 1):
        block = copy.deepcopy(made.blocks[0])
        for layer in block.modules():
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()
        made.blocks.append(block)
    made.register_to_config(num_layers=told["num_layers"])
    return made


def _vae(told: Mapping[str, Any]) -> dict[str, Any]:
    if not told.get("is_residual"):
        return dict(told)
    normal = {"latents_mean": [0.0] * told["z_dim"], "latents_std": [1.0] * told["z_dim"]}
    return {**told, **normal, "in_channels": 12, "out_channels": 12}


def _computed(device: str) -> torch.dtype:
    return torch.bfloat16 if device == "cuda" else torch.float32


class Clock:
    """Seconds of steps, and peaks of stages, of work that a device does behind one's back."""

    def __init__(self, device: str) -> None:
        self._device = device
        self.steps: list[float] = []
        self.peaks: dict[str, int] = {}
        self._since = 0.0

    def begin(self) -> None:
        if self._device == "cuda":
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        self._since = time.perf_counter()

    def step(self) -> None:
        if self._device == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.steps.append(now - self._since)
        self._since = now

    def end(self, stage: str) -> float:
        """Seconds since the last beginning or step."""
        if self._device == "cuda":
            torch.cuda.synchronize()
        self.peaks[stage] = torch.cuda.max_memory_allocated() if self._device == "cuda" else 0
        return time.perf_counter() - self._since


def stock(case: Case) -> Made:
    pipeline, clock, spec = built(case), Clock(case.device), case.spec

    def after(_: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        clock.step()
        return tensors

    clock.begin()
    latents = pipeline(
        prompt=spec.prompt,
        negative_prompt=spec.negative_prompt,
        width=spec.width,
        height=spec.height,
        num_frames=spec.frame_count,
        num_inference_steps=spec.steps,
        guidance_scale=spec.guidance_scale,
        max_sequence_length=_TEXT_TOKENS,
        generator=torch.Generator("cpu").manual_seed(spec.seed),
        output_type="latent",
        callback_on_step_end=after,
    ).frames
    clock.end("denoise")
    scale = pipeline.vae.config
    shape = (1, scale.z_dim, 1, 1, 1)
    mean, deviation = (torch.tensor(each).view(shape).to(latents) for each in (scale.latents_mean, scale.latents_std))
    clock.begin()
    frames = pipeline.vae.decode(latents / (1.0 / deviation) + mean, return_dict=False)[0]
    seconds = clock.end("decode")
    pixels = pipeline.video_processor.postprocess_video(frames, output_type="np")[0]
    return Made(clock.steps, latents.cpu(), np.round(pixels * 255).astype(np.uint8), seconds, clock.peaks)


def ours(case: Case, options: Options) -> Made:
    model, clock = Model(built(case), case.device, options), Clock(case.device)
    run = begun(model, case.spec, {}, _TEXT_TOKENS)
    clock.begin()
    while run.done < run.steps:
        run.advance()
        clock.step()
    clock.end("denoise")
    latents = run.finished()
    clock.begin()
    pictures = np.concatenate(list(decoded(model.vae, latents)))
    seconds = clock.end("decode")
    return Made(clock.steps, latents.cpu(), pictures, seconds, clock.peaks)


def measured(case: Case, attention: str) -> Iterator[dict[str, Any]]:
    speed = Options()
    if case.device == "cuda":
        speed = Options(attention=attention, compile="blocks", vae_layout="channels_last")
    variants: dict[str, tuple[Options, Callable[[], Made]]] = {
        "stock": (Options(), lambda: stock(case)),
        "plain": (Options(), lambda: ours(case, Options())),
        "speed": (speed, lambda: ours(case, speed)),
        "float8": (replace(speed, precision="float8"), lambda: ours(case, replace(speed, precision="float8"))),
    }
    whole: Made | None = None
    for name, (options, make) in variants.items():
        with torch.inference_mode():
            made = make()
        whole = whole or made
        yield {
            "model": case.model,
            "variant": name,
            "attention": options.attention,
            "compile": options.compile,
            "warming_seconds": made.seconds[0],
            "step_seconds": statistics.median(made.seconds[1:]),
            "step_flops": 2 * pass_flops(case.architecture, case.width, case.height, case.frames, _TEXT_TOKENS),
            "decode_seconds": made.decode_seconds,
            "peak_bytes": made.peaks,
            "planned_bytes": _planned(case, options),
            "latents_apart": _apart(whole.latents, made.latents),
            "pixels_apart": int(np.abs(whole.pictures.astype(int) - made.pictures.astype(int)).max()),
            "psnr": _psnr(whole.pictures, made.pictures),
            "contrast": float(made.pictures.std()),
        }
        del made
        gc.collect()
        torch.cuda.empty_cache()


def _planned(case: Case, options: Options) -> dict[str, int]:
    """Bytes of the device by stage, as the planner reckons them; the text encoder is none of it."""
    usual = "bfloat16" if case.device == "cuda" else "float32"
    precision = usual if options.precision == "auto" else options.precision
    way = planned.Options(precision=precision, text_encoder="cpu")
    taken = memory(case.architecture, case.width, case.height, case.frames, way)
    return {stage: taken[stage].device for stage in ("denoise", "decode")}


def _apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """The distance in parts of the first's length."""
    return float((one.float() - other.float()).norm() / one.float().norm())


def _psnr(one: np.ndarray, other: np.ndarray) -> float | None:
    """Decibels; None where both are equal."""
    error = float(np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2))
    return round(10 * float(np.log10(255**2 / error)), 1) if error else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", choices=("full", "small", "auto"), help="auto: full where there is an accelerator")
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"default: {' '.join(_FULL)}")
    parser.add_argument("--steps", type=int, default=4, help="of which the first warms up (default: %(default)s)")
    parser.add_argument("--attention", default="_native_cudnn", help="of an accelerator's speed (default: %(default)s)")
    given = parser.parse_args()
    if unknown := set(given.models) - set(_FULL):
        parser.error(f"there is no {', '.join(sorted(unknown))} here, but {', '.join(_FULL)}")
    if given.steps < 2:
        parser.error("one step warms up: ask for two or more")
    accelerated = torch.cuda.is_available()
    if given.size == "full" and not accelerated:
        parser.error("full size is measured on a CUDA device, and torch finds none here; small runs on a processor")
    full = given.size == "full" or (given.size == "auto" and accelerated)
    logging.disable_progress_bar()
    if not accelerated:
        torch.set_num_threads(1)
    name = torch.cuda.get_device_name() if accelerated else "cpu"
    _tell(device=name, full=full, floor=next((rate for known, rate in FLOORS.items() if known in name), None))
    for model in given.models or _FULL:
        told = KNOWN[model]["architecture"]
        width, height, frames = _FULL[model] if full else _SMALL
        case = Case(
            model,
            width,
            height,
            frames,
            given.steps,
            told if full else small(told),
            "cuda" if accelerated else "cpu",
        )
        _tell(case={**asdict(case), "told": None})
        for found in measured(case, given.attention):
            _tell(**found)


def _tell(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
