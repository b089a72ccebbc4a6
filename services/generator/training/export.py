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
    trained.tokenizer.save_pretrained(folder / "tokenizer")
    scheduler().save_pretrained(folder / "scheduler")
    for name, model in (("text_encoder", trained.text_encoder), ("vae", trained.vae), *trained.denoisers.items()):
        if name in ("text_encoder", "vae") or any(name in parts.values() for parts in DENOISERS.values()):
            model.to(torch.float16).save_pretrained(folder / name)
    for model_id, pipeline in pipelines(trained).items():
        pipeline.save_config(folder / model_id)


def scheduler() -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=SHIFT)


def pipelines(trained: Trained) -> dict[str, Any]:
    """Nano's models by id."""
    shared = {
        "tokenizer": trained.tokenizer,
        "text_encoder": trained.text_encoder,
        "vae": trained.vae,
        "scheduler": scheduler(),
    }
    of = {model: {part: trained.denoisers[name] for part, name in parts.items()} for model, parts in DENOISERS.items()}
    return {
        "wan22-nano-t2v": WanPipeline(**shared, **of["wan22-nano-t2v"], boundary_ratio=BOUNDARY_T2V),
        "wan22-nano-i2v": WanImageToVideoPipeline(
            **shared, **of["wan22-nano-i2v"], image_encoder=None, image_processor=None, boundary_ratio=BOUNDARY_I2V
        ),
        "wan22-nano-ti2v": WanPipeline(
            **shared, **of["wan22-nano-ti2v"], transformer_2=None, boundary_ratio=None, expand_timesteps=True
        ),
    }
