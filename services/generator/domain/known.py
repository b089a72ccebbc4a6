"""Models that are known before their weights are there: what each can do, is built of, and where its weights belong.

The configurations are those of the published weights in diffusers layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

_UMT5_XXL: Final[Mapping[str, Any]] = {
    "vocab_size": 256384,
    "d_model": 4096,
    "d_kv": 64,
    "d_ff": 10240,
    "num_layers": 24,
    "num_heads": 64,
    "relative_attention_num_buckets": 32,
}
_A14B: Final[Mapping[str, Any]] = {
    "num_attention_heads": 40,
    "attention_head_dim": 128,
    "in_channels": 16,
    "out_channels": 16,
    "text_dim": 4096,
    "freq_dim": 256,
    "ffn_dim": 13824,
    "num_layers": 40,
}
_VAE: Final[Mapping[str, Any]] = {
    "base_dim": 96,
    "z_dim": 16,
    "dim_mult": [1, 2, 4, 4],
    "num_res_blocks": 2,
    "temperal_downsample": [False, True, True],
    "scale_factor_spatial": 8,
    "scale_factor_temporal": 4,
}
_VAE_5B: Final[Mapping[str, Any]] = {
    **_VAE,
    "base_dim": 160,
    "decoder_base_dim": 256,
    "z_dim": 48,
    "is_residual": True,
    "patch_size": 2,
    "scale_factor_spatial": 16,
}
_T2V: Final = {
    "experts": 2,
    "boundary_ratio": 0.875,
    "transformer": _A14B,
    "text_encoder": _UMT5_XXL,
    "vae": _VAE,
}
_I2V: Final = {**_T2V, "boundary_ratio": 0.9, "transformer": {**_A14B, "in_channels": 36}}
_TI2V: Final = {
    "experts": 1,
    "expand_timesteps": True,
    "transformer": {
        **_A14B,
        "num_attention_heads": 24,
        "in_channels": 48,
        "out_channels": 48,
        "ffn_dim": 14336,
        "num_layers": 30,
    },
    "text_encoder": _UMT5_XXL,
    "vae": _VAE_5B,
}

_LIMITS: Final[Mapping[str, Any]] = {
    "weights_digest": "",
    "random_weights": False,
    "size_multiple": 16,
    "max_width": 1280,
    "max_height": 1280,
    "frame_multiple": 4,
    "max_frames": 81,
    "frame_rate": "16",
    "text_tokens": 512,
    "available": False,
}

LIMITS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "text": {**_LIMITS, "kind": "text", "available": True},
        "image": {**_LIMITS, "kind": "image", "available": True},
        "text_image": {
            **_LIMITS,
            "kind": "text_image",
            "size_multiple": 32,
            "max_frames": 121,
            "frame_rate": "24",
            "available": True,
        },
    }
)
"""What holds for Wan2.2's published weights by what they are given, where they bring no card of their own."""

_NANO: Final[Mapping[str, Any]] = {
    "experts": 2,
    "boundary_ratio": 0.875,
    "transformer": {
        "num_attention_heads": 4,
        "attention_head_dim": 32,
        "in_channels": 8,
        "out_channels": 8,
        "text_dim": 64,
        "freq_dim": 128,
        "ffn_dim": 512,
        "num_layers": 6,
    },
    "text_encoder": {
        **_UMT5_XXL,
        "vocab_size": 512,
        "d_model": 64,
        "d_kv": 16,
        "d_ff": 128,
        "num_layers": 2,
        "num_heads": 4,
        "relative_attention_num_buckets": 16,
    },
    "vae": {**_VAE, "base_dim": 8, "z_dim": 8, "num_res_blocks": 1},
}
_NANO_I2V: Final = {**_NANO, "boundary_ratio": 0.9, "transformer": {**_NANO["transformer"], "in_channels": 20}}
_NANO_TI2V: Final = {**_NANO, "experts": 1, "boundary_ratio": None, "expand_timesteps": True}


def _published(kind: str, name: str, repository: str, model: str, architecture: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **LIMITS[kind],
        "available": False,
        "display_name": name,
        "architecture": architecture,
        "remedy": f"put {repository} (diffusers layout, a model_index.json at its top) into the folder {model} of "
        "ARTIFEX_MODELS, and start the model server again",
    }


def _embedded(kind: str, name: str, architecture: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **LIMITS[kind],
        "available": False,
        "display_name": name,
        "size_multiple": 16,
        "max_width": 112,
        "max_height": 112,
        "max_frames": 17,
        "frame_rate": "16",
        "text_tokens": 64,
        "defaults": {"height": 64, "width": 112},
        "architecture": architecture,
        "remedy": "it comes with this program: start the model server with ARTIFEX_GENERATOR_TRITON_BUILD_NANO set, "
        "and a folder ARTIFEX_MODELS that it may write to",
    }


KNOWN: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "wan22-t2v-a14b": _published(
            "text", "Wan2.2 T2V A14B", "Wan-AI/Wan2.2-T2V-A14B-Diffusers", "wan22-t2v-a14b", _T2V
        ),
        "wan22-i2v-a14b": _published(
            "image", "Wan2.2 I2V A14B", "Wan-AI/Wan2.2-I2V-A14B-Diffusers", "wan22-i2v-a14b", _I2V
        ),
        "wan22-ti2v-5b": _published(
            "text_image", "Wan2.2 TI2V 5B", "Wan-AI/Wan2.2-TI2V-5B-Diffusers", "wan22-ti2v-5b", _TI2V
        ),
        "wan22-nano-t2v": _embedded("text", "Wan2.2 nano T2V", _NANO),
        "wan22-nano-i2v": _embedded("image", "Wan2.2 nano I2V", _NANO_I2V),
        "wan22-nano-ti2v": _embedded("text_image", "Wan2.2 nano TI2V", _NANO_TI2V),
    }
)
"""Cards by id, as `ModelCard.parse` takes them."""
