"""Floating-point operations and seconds of each stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.generator.domain.architecture import Architecture
from services.generator.domain.plan.devices import Calibration, Device
from services.generator.domain.plan.memory import expert_bytes
from services.generator.domain.plan.options import Options
from services.generator.domain.step_caches import CacheMeasure

_WIDENED: Final = {"float8": 1.05, "gguf": 1.05}
"""Weights are widened before each use."""
_STREAMED: Final = 1.08
"""Of the time that the weights' way takes, so much is not hidden behind the computing."""
_TILED: Final = 1.35
"""Tiles overlap by a quarter, each way."""
_CACHED: Final = {"none": 1.0, "first_block": 0.6, "magnitude": 0.55}
"""The part that is left of the steps' time with a cache that was not measured: about what is published."""


@dataclass(frozen=True)
class Clip:
    """What the work of a clip depends on. `passes`: of a transformer a step; 2 where there is guidance."""

    width: int
    height: int
    windows: tuple[int, ...]
    """Frames of each run of the model; more than one where the clip is longer than the model makes at once."""
    steps: int
    passes: float
    text_tokens: int = 512
    step_cache: str = "none"
    """"none", "first_block" or "magnitude"."""
    measure: CacheMeasure | None = None
    """What that is known to do with the model's weights."""
    pictured: bool = False
    """Whether the first window begins with a given picture, as all others do."""

    @property
    def cached(self) -> float:
        """The part that the step cache leaves of the steps' time."""
        return 1 / self.measure.times if self.measure else _CACHED[self.step_cache]

    @property
    def frames(self) -> int:
        """Of the longest window."""
        return max(self.windows)


def pass_flops(model: Architecture, width: int, height: int, frames: int, text_tokens: int) -> float:
    """Of one pass of one transformer: the linear layers' and the attention's."""
    transformer, tokens = model.transformer, model.tokens(width, height, frames)
    wide, ffn = transformer.width, transformer.ffn
    linear = 2.0 * tokens * (6 * wide**2 + 2 * wide * ffn) + 4.0 * text_tokens * wide**2
    attention = 4.0 * tokens**2 * wide + 4.0 * tokens * text_tokens * wide
    return transformer.layers * (linear + attention)


def decode_flops(model: Architecture, width: int, height: int, frames: int) -> float:
    """Of the VAE's decoder; its first latent time is one frame only and counts for a quarter."""
    each = sum(convolution.flops for convolution in model.vae.decoder()) * width * height
    return each * (model.times(frames) - 1 + 1 / model.vae.time)


def look_flops(model: Architecture, width: int, height: int, frames: int) -> float:
    """Of the VAE's encoder at given pictures: at the clip that they stand in, or at the first of them alone."""
    if not model.shows_pictures:
        return 0.0
    times = 1 if model.token_times else model.times(frames)
    each = sum(convolution.flops for convolution in model.vae.encoder()) * width * height
    return each * (times - 1 + 1 / model.vae.time)


def encode_flops(model: Architecture, text_tokens: int) -> float:
    """Of the text encoder, for the prompt and the negative one."""
    text = model.text
    linear = 2.0 * text_tokens * (4 * text.width * text.heads * text.head_width + 3 * text.width * text.ffn)
    attention = 4.0 * text_tokens**2 * text.heads * text.head_width
    return 2 * text.layers * (linear + attention)


@dataclass(frozen=True)
class Work:
    flops: float
    seconds: float


def work(
    model: Architecture,
    follower: Architecture,
    clip: Clip,
    device: Device,
    options: Options,
    calibration: Calibration | None,
) -> dict[str, Work]:
    """By stage, for all windows together; `follower` makes those after the first."""
    rates, runs = device.rates, len(clip.windows)
    fast = options.attention != "native" or options.compile == "blocks"
    rate = calibration.flops if calibration else rates.fast_flops if fast else rates.flops
    vae_rate = calibration.vae_flops if calibration else rates.vae_flops
    expert = expert_bytes(model, options.precision)
    text = model.text.parameters * 2

    reading = runs * encode_flops(model, clip.text_tokens)
    if options.text_encoder == "cpu":
        read = reading / (20e9 * max(device.threads, 1))
    else:
        read = reading / rates.flops + (runs * text / rates.link if options.text_encoder == "swapped" else 0.0)
    looking = sum(
        look_flops(follower if run else model, clip.width, clip.height, frames)
        for run, frames in enumerate(clip.windows)
        if run or clip.pictured
    )
    looked = looking / vae_rate * (_TILED if options.vae == "tiled" else 1.0)

    flops = sum(
        clip.steps * clip.passes * pass_flops(model, clip.width, clip.height, frames, clip.text_tokens)
        for frames in clip.windows
    )
    seconds = flops / rate * clip.cached * _WIDENED.get(options.precision, 1.0)
    if options.experts == "streamed":
        seconds = max(seconds * _STREAMED, runs * clip.steps * clip.passes * expert / rates.link)
    elif options.experts == "swapped":
        # There and back.
        seconds += runs * 2 * model.experts * expert / rates.link

    pictures = sum(decode_flops(model, clip.width, clip.height, frames) for frames in clip.windows)
    decoded = pictures / vae_rate * (_TILED if options.vae == "tiled" else 1.0)
    return {
        "encode": Work(reading + looking, read + looked),
        "denoise": Work(flops, seconds),
        "decode": Work(pictures, decoded),
    }
