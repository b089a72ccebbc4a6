"""Nano's denoisers, trained by flow matching: at noise σ the model is shown x = (1 − σ) x₀ + σ ε and told ε − x₀.

One model learns text to video at all σ; the two experts of T2V, those of I2V and the one of TI2V all begin as it, and
learn the rest: a range of σ of their own, a given picture, times of their own for every token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from diffusers import WanTransformer3DModel
from transformers import PreTrainedTokenizerFast, UMT5EncoderModel

from services.generator.training.attention import attend_plainly
from services.generator.training.captions import caption
from services.generator.training.latents import STILLED, TIMES, Encoded
from services.generator.training.loop import Stage
from services.generator.training.text import WIDTH, embed
from services.generator.training.vae import CHANNELS

TRAIN_TIMES: Final = 1000
BOUNDARY_T2V: Final = 0.875
BOUNDARY_I2V: Final = 0.9
SHIFT: Final = 5.0
_TIMES: Final = (TIMES, TIMES, TIMES, TIMES, TIMES, 4, 3, 1)
"""Latent times of the batches; most are whole clips."""
_UNTOLD: Final = 0.1
"""Part of the clips that come without a caption, for guidance."""
_MASK: Final = 4
"""Channels that tell an image-to-video model which frames are given: one for each frame of a latent time."""


def build_denoiser(channels: int) -> WanTransformer3DModel:
    """`channels`: of its input."""
    return WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=4,
        attention_head_dim=32,
        in_channels=channels,
        out_channels=CHANNELS,
        text_dim=WIDTH,
        freq_dim=128,
        ffn_dim=512,
        num_layers=6,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=128,
    )


class Denoiser(Stage):
    """Text to video at all σ."""

    name = "t2v"
    steps = 12_000
    batch = 32
    rate = 2e-3
    average = 0.999
    sigmas = (0.0, 1.0)
    channels = CHANNELS

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        encoder: UMT5EncoderModel,
        data: Sequence[Encoded],
        like: WanTransformer3DModel | None = None,
    ) -> None:
        """`like`: what it begins as."""
        super().__init__()
        self.tokenizer, self.encoder, self.data = tokenizer, encoder, data
        torch.manual_seed(3)
        self.model = build_denoiser(self.channels)
        if like is not None:
            begin = dict(like.state_dict())
            patches = self.model.patch_embedding.weight.detach().clone().zero_()
            patches[:, :CHANNELS] = begin["patch_embedding.weight"][:, :CHANNELS]
            self.model.load_state_dict({**begin, "patch_embedding.weight": patches})
        attend_plainly()
        self._compiled: Any = torch.compile(self.model, dynamic=False)

    def loss(self, step: int) -> torch.Tensor:
        rng, noise = self.rng(step), self.noise(step)
        data = self.data[step % len(self.data)]
        chosen = rng.integers(self.available(data), size=self.batch)
        # The VAE is causal: the beginning of a clip's latents is that of a shorter clip.
        times = int(rng.choice(_TIMES))
        clean = torch.from_numpy(data.clips[np.sort(chosen), :, :times]).float()
        told = [data.attributes[number] for number in np.sort(chosen)]
        texts = ["" if rng.random() < _UNTOLD else caption(what, rng) for what in told]
        with torch.no_grad():
            states = embed(self.encoder, self.tokenizer, texts)
        sigma = torch.from_numpy(self.draw_sigmas(rng)).float()
        epsilon = torch.randn(clean.shape, generator=noise)
        return self.error(data, np.sort(chosen), clean, epsilon, sigma, states, rng)

    def available(self, data: Encoded) -> int:
        """How many of the clips are fit for it."""
        return len(data.clips)

    def draw_sigmas(self, rng: np.random.Generator) -> np.ndarray:
        """Where sampling at `SHIFT` goes, more often in its middle; an expert's are spread evenly."""
        low, high = (_unshifted(sigma) for sigma in self.sigmas)
        if (low, high) == (0.0, 1.0):
            even = 1 / (1 + np.exp(-rng.normal(0.0, 1.2, self.batch)))
            shift = 3.0
        else:
            even, shift = rng.uniform(low, high, self.batch), SHIFT
        return np.asarray(shift * even / (1 + (shift - 1) * even))

    def error(
        self,
        data: Encoded,
        chosen: np.ndarray,
        clean: torch.Tensor,
        epsilon: torch.Tensor,
        sigma: torch.Tensor,
        states: torch.Tensor,
        rng: np.random.Generator,
    ) -> torch.Tensor:
        return self.matched(_mixed(clean, epsilon, sigma), sigma * TRAIN_TIMES, states, epsilon - clean)

    def matched(
        self, given: torch.Tensor, times: torch.Tensor, states: torch.Tensor, velocity: torch.Tensor, first: int = 0
    ) -> torch.Tensor:
        """Mean square error of the velocity, from the latent time `first` on."""
        # Shorter clips are too few to pay for compiling.
        model = self._compiled if given.shape[2] == TIMES else self.model
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = model(hidden_states=given, timestep=times, encoder_hidden_states=states, return_dict=False)[0]
        return (found.float() - velocity)[:, :, first:].square().mean()


class HighNoise(Denoiser):
    name = "t2v-high"
    steps = 600
    rate = 6e-4
    sigmas = (BOUNDARY_T2V, 1.0)


class LowNoise(HighNoise):
    """Shapes are settled here."""

    name = "t2v-low"
    steps = 3500
    sigmas = (0.0, BOUNDARY_T2V)


class Pictured(Denoiser):
    """Goes on from a given first frame, one in four times to a given last one."""

    name = "i2v"
    steps = 2000
    rate = 1e-3
    channels = CHANNELS + _MASK + CHANNELS

    def available(self, data: Encoded) -> int:
        return STILLED

    def error(
        self,
        data: Encoded,
        chosen: np.ndarray,
        clean: torch.Tensor,
        epsilon: torch.Tensor,
        sigma: torch.Tensor,
        states: torch.Tensor,
        rng: np.random.Generator,
    ) -> torch.Tensor:
        times = clean.shape[2]
        ends = times == TIMES and rng.random() < 0.25
        condition = torch.from_numpy((data.ends if ends else data.first)[chosen, :, :times]).float()
        mask = torch.zeros(len(clean), _MASK, *clean.shape[2:])
        mask[:, :, 0] = 1.0
        if ends:
            mask[:, -1, -1] = 1.0
        given = torch.cat([_mixed(clean, epsilon, sigma), mask, condition], dim=1)
        return self.matched(given, sigma * TRAIN_TIMES, states, epsilon - clean)


class PicturedHigh(Pictured):
    name = "i2v-high"
    steps = 500
    rate = 5e-4
    sigmas = (BOUNDARY_I2V, 1.0)


class PicturedLow(PicturedHigh):
    name = "i2v-low"
    sigmas = (0.0, BOUNDARY_I2V)


class Expanded(Denoiser):
    """A time for every token; in half of the batches the first latent is given as it is, at time 0."""

    name = "ti2v"
    steps = 2000
    rate = 1e-3

    def error(
        self,
        data: Encoded,
        chosen: np.ndarray,
        clean: torch.Tensor,
        epsilon: torch.Tensor,
        sigma: torch.Tensor,
        states: torch.Tensor,
        rng: np.random.Generator,
    ) -> torch.Tensor:
        given = _mixed(clean, epsilon, sigma)
        count, height, width = clean.shape[2], clean.shape[3] // 2, clean.shape[4] // 2
        times = (sigma * TRAIN_TIMES)[:, None].repeat(1, count * height * width)
        first = int(count > 1 and rng.random() < 0.5)
        if first:
            given[:, :, 0] = clean[:, :, 0]
            times[:, : height * width] = 0.0
        return self.matched(given, times, states, epsilon - clean, first)


def _mixed(clean: torch.Tensor, epsilon: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    part = sigma.view(-1, 1, 1, 1, 1)
    return (1 - part) * clean + part * epsilon


def _unshifted(sigma: float) -> float:
    return sigma / (SHIFT - (SHIFT - 1) * sigma)
