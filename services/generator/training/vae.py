"""Nano's VAE: Wan2.1's layout, strides 4×8×8, 8 channels."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from services.generator.training.loop import Stage
from services.generator.training.world import FRAMES, draw, draw_attributes, draw_scene

CHANNELS: Final = 8
SIDE: Final = 64
_KL: Final = 1e-6


def build_vae() -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=8,
        z_dim=CHANNELS,
        dim_mult=[1, 2, 4, 4],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * CHANNELS,
        latents_std=[1.0] * CHANNELS,
    )


def to_model(clips: NDArray[np.uint8]) -> torch.Tensor:
    """Clips (n, frames, height, width, 3) as the VAE takes them: (n, 3, frames, height, width) from -1 to 1."""
    return torch.from_numpy(clips).permute(0, 4, 1, 2, 3).float().div_(127.5).sub_(1.0).contiguous()


class VaeStage(Stage):
    """Pictures first, which are cheap, then short clips, then whole ones. Mean absolute error, and a faint KL term."""

    name = "vae"
    steps = 4400
    batch = 32
    rate = 2e-3
    average = 0.998

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.model = build_vae()
        _begin(self.model)

    def loss(self, step: int) -> torch.Tensor:
        rng = self.rng(step)
        count, frames = self._form(step)
        clips = np.stack(
            [draw(draw_scene(rng, draw_attributes(rng)), SIDE, SIDE, _span(rng, frames)) for _ in range(count)]
        )
        given = to_model(clips)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            posterior = self.model.encode(given).latent_dist
            latents = posterior.sample(self.noise(step))
            made = self.model.decode(latents).sample
        return self.error(made.float(), given) + _KL * posterior.kl().mean()

    def error(self, made: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        return (made - given).abs().mean()

    def _form(self, step: int) -> tuple[int, int]:
        """How many clips of how many frames."""
        if step < 2000:
            return self.batch, 1
        # Errors add up over a clip's frames, so most of the time goes into whole ones.
        return (8, 5) if step < 3000 else (4, 9) if step < 3400 else (2, FRAMES)


class EdgesStage(VaeStage):
    """Goes on with the VAE where it matters: the shapes are a twentieth of the pictures, and their edges less.

    Pixels near a shape count nine times as much as plain background, and so do differences of neighbours.
    """

    name = "vae-edges"
    steps = 1600
    rate = 1.5e-3
    average = 0.995

    def __init__(self, like: AutoencoderKLWan) -> None:
        super().__init__()
        self.model.load_state_dict(like.state_dict())

    def error(self, made: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        shapes = ((given - given[:, :, :1, :1, :1]).abs().amax(1, keepdim=True) > 0.1).float()
        weight = 1.0 + 8.0 * functional.max_pool3d(shapes, (1, 7, 7), stride=1, padding=(0, 3, 3))
        error = made - given
        whole = (error.abs().mean(1, keepdim=True) * weight).sum() / weight.sum()
        edges = [(error.diff(dim=axis).abs().mean(1, keepdim=True)) for axis in (3, 4)]
        near = [weight.narrow(axis, 1, weight.shape[axis] - 1) for axis in (3, 4)]
        return whole + sum((edge * part).sum() / part.sum() for edge, part in zip(edges, near, strict=True)) / 2

    def _form(self, step: int) -> tuple[int, int]:
        forms = ((self.batch, 1), (8, 5), (4, 9), (2, FRAMES), (2, FRAMES))
        return forms[step % len(forms)]


def _begin(vae: AutoencoderKLWan) -> None:
    """Weights that let what differs between pictures through.

    PyTorch's own shrink it at every layer and add biases, until the decoder cannot tell two pictures apart: after 200
    steps it had learnt next to nothing. Here variance stays, biases are 0, and mostly the present frame counts, as in a
    picture model that was given a time axis; the decoder gets the latents' means almost without noise.
    """
    with torch.no_grad():
        for module in vae.modules():
            if isinstance(module, nn.Conv2d | nn.Conv3d):
                weight = module.weight
                present = weight[:, :, -1] if weight.ndim == 5 else weight
                drawn = torch.randn_like(present) * math.sqrt(1.0 / present[0].numel())
                if weight.ndim == 5:
                    weight.mul_(0.1)
                    weight[:, :, -1] = drawn
                else:
                    weight.copy_(drawn)
                if module.bias is not None:
                    module.bias.zero_()
        half = vae.quant_conv.weight.shape[0] // 2
        vae.quant_conv.weight[half:] = 0.0
        vae.quant_conv.bias[half:] = -6.0


def _span(rng: np.random.Generator, frames: int) -> range:
    first = int(rng.integers(FRAMES - frames + 1))
    return range(first, first + frames)
