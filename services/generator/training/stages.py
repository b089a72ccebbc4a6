"""All stages of training, in their order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from diffusers import AutoencoderKLWan, WanTransformer3DModel
from transformers import PreTrainedTokenizerFast, UMT5EncoderModel

from services.generator.training.denoiser import (
    Denoiser,
    Expanded,
    HighNoise,
    LowNoise,
    Pictured,
    PicturedHigh,
    PicturedLow,
)
from services.generator.training.latents import encoded, measured_scale
from services.generator.training.loop import Stage, trained
from services.generator.training.text import TextStage
from services.generator.training.vae import EdgesStage, VaeStage

ORDER: Final = (
    *("text", "vae", "vae-edges"),
    *("t2v", "t2v-high", "t2v-low", "i2v", "ti2v", "i2v-high", "i2v-low"),
)
"""The stages' names, as they are trained."""


@dataclass
class Trained:
    """What is there of nano; denoisers by the names of their stages."""

    tokenizer: PreTrainedTokenizerFast
    text_encoder: UMT5EncoderModel
    vae: AutoencoderKLWan
    denoisers: dict[str, WanTransformer3DModel]


def train(work: Path, end: float, until: str = "") -> Trained | None:
    """Everything up to the stage `until`; None when `end` of the monotonic clock came first."""

    def done(stage: Stage) -> bool:
        return trained(stage, work, end)

    text = TextStage()
    if not done(text):
        return None
    encoder: UMT5EncoderModel = text.model["encoder"]
    encoder.requires_grad_(False)
    if until == "text":
        return Trained(text.tokenizer, encoder, VaeStage().model, {})
    vae = VaeStage()
    if not done(vae):
        return None
    vae = EdgesStage(vae.model)
    if not done(vae):
        return None
    _scale(vae.model, work / "vae-scale.json")
    vae.model.requires_grad_(False)
    found = Trained(text.tokenizer, encoder, vae.model, {})
    if until == vae.name:
        return found
    data = encoded(vae.model, work)

    def stages() -> Iterator[Denoiser]:
        given = (text.tokenizer, encoder, data)
        yield Denoiser(*given)
        for kind in (HighNoise, LowNoise, Pictured, Expanded):
            yield kind(*given, like=found.denoisers["t2v"])
        for kind in (PicturedHigh, PicturedLow):
            yield kind(*given, like=found.denoisers["i2v"])

    for stage in stages():
        if not done(stage):
            return None
        found.denoisers[stage.name] = stage.model
        if stage.name == until:
            break
    return found


def _scale(vae: AutoencoderKLWan, file: Path) -> None:
    """Tell the VAE the scale of its latents, measured once."""
    if not file.exists():
        file.write_text(json.dumps(measured_scale(vae)))
    mean, deviation = json.loads(file.read_text())
    vae.register_to_config(latents_mean=mean, latents_std=deviation)
