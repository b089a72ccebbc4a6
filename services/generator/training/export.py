"""Nano's parts as files: each once, in float16, as `services.generator.nano` puts them together."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from services.generator.training.stages import Trained

DENOISERS = ("t2v-high", "t2v-low", "i2v-high", "i2v-low", "ti2v")


def export(trained: Trained, folder: Path) -> None:
    """Write `folder` anew; what was there before is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    trained.tokenizer.save_pretrained(folder / "tokenizer")
    for name, model in (
        ("text_encoder", trained.text_encoder),
        ("vae", trained.vae),
        *((name, trained.denoisers[name]) for name in DENOISERS),
    ):
        model.to(torch.float16).save_pretrained(folder / name)
