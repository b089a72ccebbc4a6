"""Clips of the world as the VAE encodes them, computed once and kept in files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from numpy.typing import NDArray

from services.generator.training.vae import CHANNELS, to_model
from services.generator.training.world import FRAMES, Attributes, draw, draw_attributes, draw_scene

SIZES: Final = ((64, 64), (112, 64))
"""Width and height of the clips that are trained on."""
CLIPS: Final = {(64, 64): 3584, (112, 64): 3072}
STILLED: Final = 1024
"""Of each size, so many clips also have what an image-to-video model is given."""
TIMES: Final = 1 + (FRAMES - 1) // 4
_BATCH: Final = 16


@dataclass(frozen=True)
class Encoded:
    """Clips of one size; latents are (n, channels, times, height / 8, width / 8), of mean 0 and spread 1 a channel."""

    size: tuple[int, int]
    attributes: list[Attributes]
    clips: NDArray[np.float16]
    first: NDArray[np.float16]
    """Of the first `STILLED` clips: the first frame, then nothing but gray."""
    ends: NDArray[np.float16]
    """The same with the last frame as well."""


def measured_scale(vae: AutoencoderKLWan) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each latent channel over 512 clips."""
    parts = []
    for start in range(0, 512, _BATCH):
        clips = [_clip((64, 64), number)[1] for number in range(start, start + _BATCH)]
        parts.append(_encode(vae, to_model(np.stack(clips))))
    whole = torch.cat(parts).double()
    mean, deviation = whole.mean(dim=(0, 2, 3, 4)), whole.std(dim=(0, 2, 3, 4))
    return [round(float(value), 5) for value in mean], [round(float(value), 5) for value in deviation]


def encoded(vae: AutoencoderKLWan, work: Path) -> list[Encoded]:
    """All clips; those that lie in WORK are not made again."""
    shape = (1, CHANNELS, 1, 1, 1)
    mean = torch.tensor(vae.config.latents_mean).view(shape)
    deviation = torch.tensor(vae.config.latents_std).view(shape)
    key = json.dumps([vae.config.latents_mean, vae.config.latents_std])
    found = []
    for size in SIZES:
        folder = work / f"latents-{size[0]}x{size[1]}"
        if not (folder / "key").exists() or (folder / "key").read_text() != key:
            folder.mkdir(exist_ok=True)
            arrays: dict[str, list[NDArray[np.float16]]] = {"clips": [], "first": [], "ends": []}
            for start in range(0, CLIPS[size], _BATCH):
                clips = to_model(np.stack([_clip(size, number)[1] for number in range(start, start + _BATCH)]))
                arrays["clips"].append(_half((_encode(vae, clips) - mean) / deviation))
                if start < STILLED:
                    for name, kept in (("first", [0]), ("ends", [0, FRAMES - 1])):
                        given = torch.zeros_like(clips)
                        given[:, :, kept] = clips[:, :, kept]
                        arrays[name].append(_half((_encode(vae, given) - mean) / deviation))
            for name, parts in arrays.items():
                np.save(folder / f"{name}.npy", np.concatenate(parts))
            (folder / "key").write_text(key)
        first, ends, clips_ = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("first", "ends", "clips"))
        attributes = [_clip(size, number, pixels=False)[0] for number in range(CLIPS[size])]
        found.append(Encoded(size, attributes, clips_, first, ends))
    return found


def _clip(size: tuple[int, int], number: int, *, pixels: bool = True) -> tuple[Attributes, NDArray[np.uint8]]:
    rng = np.random.default_rng([*size, number])
    attributes = draw_attributes(rng)
    if not pixels:
        return attributes, np.empty(0, np.uint8)
    return attributes, draw(draw_scene(rng, attributes, size[0] / size[1]), *size)


def _encode(vae: AutoencoderKLWan, clips: torch.Tensor) -> torch.Tensor:
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        found: torch.Tensor = vae.encode(clips).latent_dist.mode()
    return found.float()


def _half(latents: torch.Tensor) -> NDArray[np.float16]:
    halves: NDArray[np.float16] = latents.to(torch.float16).numpy()
    return halves
