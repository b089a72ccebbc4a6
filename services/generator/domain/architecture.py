"""What a model is built of, as the files beside its weights tell it, and how much there is of it.

The counts repeat diffusers' classes (`WanTransformer3DModel`, `AutoencoderKLWan`) and transformers' `UMT5EncoderModel`
layer by layer; a test holds them against those classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any, Final, Self

PATCH: Final = 2
"""A token is a square of so many latents by so many."""


@dataclass(frozen=True)
class Transformer:
    """One expert: `WanTransformer3DModel`."""

    layers: int
    heads: int
    head_width: int
    ffn: int
    into: int
    """Latent channels it is shown, a given picture's and its mask's among them."""
    out: int
    text: int
    """Width of an embedded word."""
    frequencies: int = 256

    @property
    def width(self) -> int:
        return self.heads * self.head_width

    @property
    def parameters(self) -> int:
        width, area = self.width, PATCH * PATCH
        attention = 4 * _linear(width, width) + 2 * width
        block = 2 * attention + 2 * width + _linear(width, self.ffn) + _linear(self.ffn, width) + 6 * width
        embedders = (
            _linear(self.into * area, width)
            + _linear(self.text, width)
            + _linear(width, width)
            + _linear(self.frequencies, width)
            + _linear(width, width)
            + _linear(width, 6 * width)
        )
        return self.layers * block + embedders + _linear(width, self.out * area) + 2 * width

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> Self:
        """Its config.json. Raises KeyError or ValueError for one that lacks something."""
        told = _numbers(
            config,
            layers="num_layers",
            heads="num_attention_heads",
            head_width="attention_head_dim",
            ffn="ffn_dim",
            into="in_channels",
            out="out_channels",
            text="text_dim",
        )
        return cls(**told, frequencies=int(config.get("freq_dim", 256)))


@dataclass(frozen=True)
class TextEncoder:
    """`UMT5EncoderModel`."""

    vocabulary: int
    width: int
    head_width: int
    heads: int
    ffn: int
    layers: int
    buckets: int = 32

    @property
    def layer_parameters(self) -> int:
        """Of one layer: attention, gated feed-forward, position biases of its own, two norms; no other biases."""
        attention = 4 * self.width * self.heads * self.head_width
        return attention + 3 * self.width * self.ffn + self.buckets * self.heads + 2 * self.width

    @property
    def parameters(self) -> int:
        return self.vocabulary * self.width + self.layers * self.layer_parameters + self.width

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> Self:
        """Its config.json. Raises KeyError or ValueError for one that lacks something."""
        told = _numbers(
            config,
            vocabulary="vocab_size",
            width="d_model",
            head_width="d_kv",
            heads="num_heads",
            ffn="d_ff",
            layers="num_layers",
        )
        return cls(**told, buckets=int(config.get("relative_attention_num_buckets", 32)))


@dataclass(frozen=True)
class Convolution:
    """One of the decoder's; `kernel` is time, height, width. It answers at 1/`scale` of the picture's sides."""

    into: int
    out: int
    kernel: tuple[int, int, int]
    scale: int
    frames: int
    """Frames that it makes of one latent time, after the first."""

    @property
    def parameters(self) -> int:
        return self.into * self.out * prod(self.kernel) + self.out

    @property
    def flops(self) -> float:
        """For each pixel of the picture's area, of one latent time."""
        return 2.0 * self.into * self.out * prod(self.kernel) * self.frames / self.scale**2


@dataclass(frozen=True)
class Vae:
    """`AutoencoderKLWan`."""

    latents: int
    """Channels of a latent."""
    base: int
    """Channels where there are fewest, in the decoder."""
    encoder_base: int
    multipliers: tuple[int, ...]
    res_blocks: int
    time_doubles: tuple[bool, ...]
    """From the latents to the picture: which stages double the frames, beside the size."""
    residual: bool
    patch: int
    """Pixels of the picture that one of the decoder's stands for, a side."""
    space: int
    """Pixels of the picture that one latent stands for, a side."""
    time: int

    def decoder(self) -> Iterator[Convolution]:
        """Its convolutions, in order."""
        widths = [self.base * times for times in (self.multipliers[-1], *reversed(self.multipliers))]
        scale, frames, cube = self.space, 1, (3, 3, 3)
        yield Convolution(self.latents, self.latents, (1, 1, 1), scale, frames)
        yield Convolution(self.latents, widths[0], cube, scale, frames)
        for _ in range(4):
            yield Convolution(widths[0], widths[0], cube, scale, frames)
        last = len(self.multipliers) - 1
        for index, (into, out) in enumerate(pairwise(widths)):
            entering = into // 2 if index > 0 and not self.residual else into
            yield from _residual(entering, out, self.res_blocks + 1, scale, frames)
            if index == last:
                break
            if self.time_doubles[index]:
                yield Convolution(out, 2 * out, (3, 1, 1), scale, frames)
                frames *= 2
            scale //= 2
            yield Convolution(out, out if self.residual else out // 2, (1, 3, 3), scale, frames)
        yield Convolution(self.base * self.multipliers[0], 3 * self.patch**2, cube, scale, frames)

    def encoder(self) -> Iterator[Convolution]:
        """Its convolutions, in order; `frames` are those that it makes on the way to one latent time."""
        widths = [self.encoder_base * times for times in (1, *self.multipliers)]
        scale, frames, cube = self.patch, self.time, (3, 3, 3)
        yield Convolution(3 * self.patch**2, widths[0], cube, scale, frames)
        last = len(self.multipliers) - 1
        for index, (into, out) in enumerate(pairwise(widths)):
            yield from _residual(into, out, self.res_blocks, scale, frames)
            if index == last:
                break
            scale *= 2
            yield Convolution(out, out, (1, 3, 3), scale, frames)
            if self.time_doubles[last - 1 - index]:
                frames //= 2
                yield Convolution(out, out, (3, 1, 1), scale, frames)
        for _ in range(4):
            yield Convolution(widths[-1], widths[-1], cube, scale, frames)
        yield Convolution(widths[-1], 2 * self.latents, cube, scale, frames)
        yield Convolution(2 * self.latents, 2 * self.latents, (1, 1, 1), scale, frames)

    @property
    def parameters(self) -> int:
        """Both halves, but for a few norms: the encoder is the decoder in small, without a block of each stage."""
        decoder = sum(convolution.parameters for convolution in self.decoder())
        attention = 4 * (self.base * self.multipliers[-1]) ** 2
        part = (self.res_blocks / (self.res_blocks + 1)) * (self.encoder_base / self.base) ** 2
        return round((decoder + attention) * (1 + part))

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> Self:
        """Its config.json. Raises KeyError or ValueError for one that lacks something."""
        return cls(
            latents=int(config["z_dim"]),
            base=int(config.get("decoder_base_dim") or config["base_dim"]),
            encoder_base=int(config["base_dim"]),
            multipliers=tuple(int(times) for times in config["dim_mult"]),
            res_blocks=int(config["num_res_blocks"]),
            time_doubles=tuple(bool(doubles) for doubles in reversed(config["temperal_downsample"])),
            residual=bool(config.get("is_residual", False)),
            patch=int(config.get("patch_size") or 1),
            space=int(config.get("scale_factor_spatial") or 8),
            time=int(config.get("scale_factor_temporal") or 4),
        )


@dataclass(frozen=True)
class Architecture:
    """A whole model."""

    experts: int
    """Transformers of which each makes some of the steps: 1 or 2."""
    boundary: float
    """Noise from which on the first expert makes a step; 0 where there is one only."""
    transformer: Transformer
    text: TextEncoder
    vae: Vae
    token_times: bool = False
    """Whether each token is told its own time, as where a given frame stands among the noise."""
    packed: int = 0
    """Bytes of the larger expert's GGUF file; 0 where there is not one of each."""
    whole: bool = True
    """Whether the experts' weights themselves are there, and not GGUF files alone."""

    @property
    def shows_pictures(self) -> bool:
        """Whether it can be shown given pictures, in their place or beside the noise."""
        return self.token_times or self.transformer.into != self.transformer.out

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """The config.json of each part, under the part's name, with `experts`, `boundary_ratio`, `expand_timesteps`,
        `packed` and `whole`.

        Raises KeyError, TypeError or ValueError for one that lacks something.
        """
        return cls(
            experts=int(values["experts"]),
            boundary=float(values.get("boundary_ratio") or 0.0),
            transformer=Transformer.parse(values["transformer"]),
            text=TextEncoder.parse(values["text_encoder"]),
            vae=Vae.parse(values["vae"]),
            token_times=bool(values.get("expand_timesteps", False)),
            packed=int(values.get("packed", 0)),
            whole=bool(values.get("whole", True)),
        )

    def tokens(self, width: int, height: int, frames: int) -> int:
        """Of a clip, in pixels and frames."""
        side = self.vae.space * PATCH
        return self.times(frames) * (width // side) * (height // side)

    def times(self, frames: int) -> int:
        """Latent times of so many frames."""
        return (frames - 1) // self.vae.time + 1


def _numbers(config: Mapping[str, Any], **names: str) -> dict[str, int]:
    """What a config.json tells under these names, by what it is here. Raises KeyError or ValueError."""
    return {ours: int(config[theirs]) for ours, theirs in names.items()}


def _residual(into: int, out: int, blocks: int, scale: int, frames: int) -> Iterator[Convolution]:
    """So many blocks of two convolutions each; what goes past a block that widens it takes one more."""
    for block in range(blocks):
        entering = out if block else into
        yield Convolution(entering, out, (3, 3, 3), scale, frames)
        yield Convolution(out, out, (3, 3, 3), scale, frames)
        if entering != out:
            yield Convolution(entering, out, (1, 1, 1), scale, frames)


def _linear(into: int, out: int) -> int:
    return into * out + out
