"""Latents to pixels, some frames at a time: a clip is never whole in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify


def decoded(vae: Any, latents: torch.Tensor) -> Iterator[npt.NDArray[np.uint8]]:
    """Blocks of frames, uint8 RGB (frames, height, width, 3): the first frame, then as many as a latent time holds.

    The decoder looks back by a cache of its own and never ahead, so each block is final; together they are what
    `vae.decode` makes. With tiling it makes the whole clip at once, tile by tile, and that is one block.
    """
    latents = _unscaled(vae, latents)
    if vae.use_tiling:
        yield _pixels(vae.decode(latents, return_dict=False)[0])
        return
    vae.clear_cache()
    try:
        hidden = vae.post_quant_conv(latents)
        for time in range(hidden.shape[2]):
            vae._conv_idx = [0]
            first = {"first_chunk": True} if time == 0 else {}
            frames = vae.decoder(
                hidden[:, :, time : time + 1], feat_cache=vae._feat_map, feat_idx=vae._conv_idx, **first
            )
            if vae.config.patch_size is not None:
                frames = unpatchify(frames, patch_size=vae.config.patch_size)
            yield _pixels(frames)
    finally:
        vae.clear_cache()


def still(vae: Any, latents: torch.Tensor) -> npt.NDArray[np.uint8]:
    """One frame, (height, width, 3), of the latents' first time; what a preview shows."""
    frame: npt.NDArray[np.uint8] = next(decoded(vae, latents[:, :, :1]))[0]
    return frame


def _unscaled(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    latents = latents.to(vae.device, vae.dtype)
    shape = (1, vae.config.z_dim, 1, 1, 1)
    mean = torch.tensor(vae.config.latents_mean).view(shape).to(latents)
    # Divided by the reciprocal, as the pipeline does: a product would differ in the last bit.
    reciprocal = 1.0 / torch.tensor(vae.config.latents_std).view(shape).to(latents)
    result: torch.Tensor = latents / reciprocal + mean
    return result


def _pixels(frames: torch.Tensor) -> npt.NDArray[np.uint8]:
    frames = frames[0].permute(1, 2, 3, 0).float().clamp(-1.0, 1.0)
    pixels = (frames / 2 + 0.5).clamp_(0, 1).mul_(255).round_().to(torch.uint8)
    result: npt.NDArray[np.uint8] = np.ascontiguousarray(pixels.cpu().numpy())
    return result
