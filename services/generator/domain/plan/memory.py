"""Bytes that each stage takes at its peak.

The weights' are counted from the architecture. What is computed with them is a multiple of one token's width, or of the
decoder's widest pictures; the multiples were found by following every allocation of diffusers' classes, which a test
repeats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.generator.domain.architecture import PATCH, Architecture
from services.generator.domain.plan.options import Options

STAGES: Final = ("encode", "denoise", "decode")
_BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2, "float8": 1}
"""Of one number, as a transformer's weights are kept."""
_WIDENING: Final = 12
"""Bytes for each packed weight of a layer while it is widened, at most of all the ways to pack."""
_ON_DEVICE_FRAMES: Final = 4
_TILE: Final = 256
_HELD: Final = 6
"""Latents that a run holds: its own, what the sampler remembers, and both passes' velocity."""
_STREAMED_BLOCKS: Final = 2
"""The block that computes, and the next one on its way in."""


@dataclass(frozen=True)
class Bytes:
    """At a stage's peak."""

    device: int
    host: int
    """Of the machine's memory, where that is another."""

    def at_most(self, other: Bytes) -> Bytes:
        """The larger of both, each."""
        return Bytes(max(self.device, other.device), max(self.host, other.host))


def memory(model: Architecture, width: int, height: int, frames: int, options: Options) -> dict[str, Bytes]:
    """By stage, for a clip of so many pixels and frames; `options` of float32 are the processor's, where all is one.

    What is kept packed is taken to be computed in sixteen bits, as on an accelerator.
    """
    expert = expert_bytes(model, options.precision)
    experts = model.experts * expert
    block = expert // model.transformer.layers
    # Experts that change places are off the device while others work; see artifex_wan/loading.py.
    held = {"resident": experts, "swapped": 0, "streamed": _STREAMED_BLOCKS * block}[options.experts]
    at_work = expert if options.experts == "swapped" else held
    text = model.text.parameters * (4 if options.precision == "float32" else 2)
    always = model.vae.parameters * 4 + (text if options.text_encoder == "resident" else 0)
    reading = text if options.text_encoder == "swapped" else 0
    tiled = options.vae == "tiled"
    decoded = decoding(model, width, height, frames, tiled=tiled)
    shown = _shown(model, width, height, frames, tiled=tiled)
    denoised = _HELD * model.tokens(width, height, frames) * PATCH**2 * model.transformer.out * 4 + max(
        activations(model, width, height, frames, options.precision) + _widened(model, options.precision),
        # A preview is one frame.
        decoding(model, width, height, 1, tiled=tiled) // model.vae.time,
    )
    away = (experts - held) + (0 if options.text_encoder == "resident" else text)
    return {
        "encode": Bytes(always + held + max(reading, shown), away),
        "denoise": Bytes(always + at_work + denoised, away),
        "decode": Bytes(always + held + decoded, away),
    }


def expert_bytes(model: Architecture, precision: str) -> int:
    """Of one transformer's weights, as they are kept."""
    return model.packed if precision == "gguf" else model.transformer.parameters * _BYTES[precision]


def _widened(model: Architecture, precision: str) -> int:
    """Of the largest layer's weights while it computes with packed ones."""
    return _WIDENING * model.transformer.width * model.transformer.ffn if precision == "gguf" else 0


def activations(model: Architecture, width: int, height: int, frames: int, precision: str) -> int:
    """Bytes beside the weights while a transformer computes one pass."""
    transformer, tokens = model.transformer, model.tokens(width, height, frames)
    size = 4 if precision == "float32" else 2
    forward = (3.5 if size == 2 else 3.9) + 2 * transformer.ffn / transformer.width
    if model.token_times:
        # Each token's six changes to its block's norms, in float32, and once more as the layer above made them.
        times = max(31.5, 19.0 + forward) if size == 2 else max(22.4, 13.0 + forward)
    else:
        times = max(10.7, forward) if size == 2 else max(9.4, forward)
    positions = tokens * transformer.head_width * 8
    return round(times * tokens * transformer.width * size) + positions


def decoding(model: Architecture, width: int, height: int, frames: int, *, tiled: bool) -> int:
    """Bytes beside the weights while the VAE makes pictures; whole ones leave as they are made, tiles at the end."""
    times = 21.8 if model.vae.residual else 12.9
    if not tiled:
        return round(times * _row(model, width, height, model.vae.base))
    tile = times * _row(model, min(width, _TILE), min(height, _TILE), model.vae.base)
    return round(tile) + 3 * width * height * frames * 3 * 4


def _shown(model: Architecture, width: int, height: int, frames: int, *, tiled: bool) -> int:
    """Bytes while the VAE looks at given pictures: at the clip that they stand in, or at the one of them."""
    seen = (min(width, _TILE), min(height, _TILE)) if tiled else (width, height)
    row = _row(model, *seen, model.vae.encoder_base)
    if not model.shows_pictures:
        return 0
    if model.token_times:
        return round(15.3 * row / 4)
    return round(9.8 * row) + 2 * width * height * frames * 3 * 4


def _row(model: Architecture, width: int, height: int, channels: int) -> int:
    """Bytes of what one latent time becomes, of so many channels, in float32."""
    return _ON_DEVICE_FRAMES * (width // model.vae.patch) * (height // model.vae.patch) * channels * 4
