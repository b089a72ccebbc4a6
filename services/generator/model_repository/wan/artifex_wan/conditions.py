"""What a model is shown besides noise: nothing, given pictures beside it, or a first frame in its place.

Everything here repeats what diffusers' `WanPipeline` and `WanImageToVideoPipeline` do between two steps, which a test
holds pixel by pixel.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch


class Condition(Protocol):
    def shown(self, latents: torch.Tensor, time: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The model's input at a step, and the time or times that it is told."""
        ...

    def settled(self, latents: torch.Tensor) -> torch.Tensor:
        """The latents, with what was given in its place."""
        ...


class Words:
    """Nothing but words."""

    def shown(self, latents: torch.Tensor, time: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return latents, time.expand(latents.shape[0])

    def settled(self, latents: torch.Tensor) -> torch.Tensor:
        return latents


class Beside:
    """I2V-A14B: a clip of the given frames, gray elsewhere, encoded, and a mask that tells which are given."""

    def __init__(self, vae: Any, first: torch.Tensor, last: torch.Tensor | None, frames: int) -> None:
        """Pictures are (1, 3, height, width) from -1 to 1."""
        clip = first.new_zeros(1, 3, frames, *first.shape[-2:])
        clip[:, :, 0] = first
        given = torch.zeros(1, 1, frames)
        given[:, :, 0] = 1
        if last is not None:
            clip[:, :, -1] = last
            given[:, :, -1] = 1
        latents = encoded(vae, clip)
        # The first latent stands for one frame and tells of it as often as the others do of their own.
        stride = vae.config.scale_factor_temporal
        told = torch.cat([given[:, :, :1].repeat(1, 1, stride), given[:, :, 1:]], dim=2)
        told = told.view(1, -1, stride).transpose(1, 2)[..., None, None]
        mask = told.expand(-1, -1, -1, *latents.shape[-2:]).to(latents)
        self._beside = torch.cat([mask, latents], dim=1)

    def shown(self, latents: torch.Tensor, time: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.cat([latents, self._beside], dim=1), time.expand(latents.shape[0])

    def settled(self, latents: torch.Tensor) -> torch.Tensor:
        return latents


class InPlace:
    """TI2V-5B: every token is told its own time; those of a given first frame are without noise, at time 0."""

    def __init__(self, vae: Any, first: torch.Tensor | None, shape: torch.Size) -> None:
        """`shape`: of the latents."""
        self._noisy = torch.ones(1, 1, *shape[2:])
        self._given: torch.Tensor | None = None
        if first is not None:
            self._noisy[:, :, 0] = 0
            self._given = encoded(vae, first[:, :, None])

    def shown(self, latents: torch.Tensor, time: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # Tokens are patches of 2 by 2.
        times = (self._noisy.to(time.device)[0, 0, :, ::2, ::2] * time).flatten()
        return self.settled(latents), times[None].expand(latents.shape[0], -1)

    def settled(self, latents: torch.Tensor) -> torch.Tensor:
        if self._given is None:
            return latents
        noisy = self._noisy.to(latents)
        return (1 - noisy) * self._given.to(latents) + noisy * latents


def encoded(vae: Any, clip: torch.Tensor) -> torch.Tensor:
    """Normalised latents of a clip (1, 3, frames, height, width): the most likely ones."""
    found = vae.encode(clip.to(vae.device, vae.dtype)).latent_dist.mode().float()
    shape = (1, vae.config.z_dim, 1, 1, 1)
    mean = torch.tensor(vae.config.latents_mean).view(shape).to(found)
    reciprocal = 1.0 / torch.tensor(vae.config.latents_std).view(shape).to(found)
    result: torch.Tensor = (found - mean) * reciprocal
    return result
