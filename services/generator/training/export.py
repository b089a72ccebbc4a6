"""Nano's parts as files: each once, in float16, as `services.generator.nano` puts them together."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import UniPCMultistepScheduler, WanImageToVideoPipeline, WanPipeline

from services.generator.nano import DENOISERS
from services.generator.training.denoiser import BOUNDARY_I2V, BOUNDARY_T2V, SHIFT
from services.generator.training.stages import Trained


def export(trained: Trained, folder: Path) -> None:
    """Write `folder` anew; what was there before is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=SHIFT)
    shared = {
        "tokenizer": trained.tokenizer,
        "text_encoder": trained.text_encoder.to(torch.float16),
        "vae": trained.vae.to(torch.float16),
        "scheduler": scheduler,
    }
    for name, part in shared.items():
        part.save_pretrained(folder / name)
    for model, parts in DENOISERS.items():
        for name in parts.values():
            trained.denoisers[name].to(torch.float16).save_pretrained(folder / name)
        denoisers = {part: trained.denoisers[name] for part, name in parts.items()}
        _pipeline(model, {**shared, **denoisers}).save_config(folder / model)


def _pipeline(model: str, parts: dict[str, Any]) -> Any:
    match model:
        case "wan22-nano-t2v":
            return WanPipeline(**parts, boundary_ratio=BOUNDARY_T2V)
        case "wan22-nano-i2v":
            return WanImageToVideoPipeline(
                **parts, image_encoder=None, image_processor=None, boundary_ratio=BOUNDARY_I2V
            )
        case _:
            return WanPipeline(**parts, transformer_2=None, boundary_ratio=None, expand_timesteps=True)
