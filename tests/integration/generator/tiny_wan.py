"""Wan pipelines of every class with a few thousand random weights each; for Triton's environment."""

from __future__ import annotations

from typing import Any, Final

import torch
from diffusers import (
    AutoencoderKLWan,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanPipeline,
    WanTransformer3DModel,
)
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

KINDS: Final = ("t2v", "i2v", "ti2v")
_TEXT: Final = 32


def pipeline(kind: str) -> Any:
    """T2V and I2V of two experts with Wan2.1's VAE, or TI2V of one with Wan2.2's."""
    tokenizer = _tokenizer()
    torch.manual_seed(0)
    parts = {
        "tokenizer": tokenizer,
        "text_encoder": _text_encoder(len(tokenizer)),
        "scheduler": UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0),
    }
    if kind == "ti2v":
        alone = {"transformer": _transformer(48, 48), "transformer_2": None, "boundary_ratio": None}
        return WanPipeline(**parts, **alone, vae=_vae_16(), expand_timesteps=True).to("cpu")
    channels = 16 if kind == "t2v" else 36
    parts |= {"vae": _vae_8(), "transformer": _transformer(channels, 16), "transformer_2": _transformer(channels, 16)}
    if kind == "t2v":
        return WanPipeline(**parts, boundary_ratio=0.875)
    return WanImageToVideoPipeline(**parts, image_encoder=None, image_processor=None, boundary_ratio=0.9)


def _tokenizer() -> PreTrainedTokenizerFast:
    characters = [chr(code) for code in range(0x21, 0x7F)]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0)]
    vocabulary += [(c, -3.0) for c in characters] + [("\u2581" + c, -3.5) for c in characters]
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )


def _text_encoder(vocabulary: int) -> UMT5EncoderModel:
    config = UMT5Config(
        vocab_size=vocabulary,
        d_model=_TEXT,
        d_kv=8,
        d_ff=37,
        num_layers=2,
        num_heads=4,
        relative_attention_num_buckets=8,
        dropout_rate=0.0,
        feed_forward_proj="gated-gelu",
        pad_token_id=0,
        eos_token_id=1,
    )
    return UMT5EncoderModel(config).eval()


def _transformer(into: int, out: int) -> WanTransformer3DModel:
    return WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=into,
        out_channels=out,
        text_dim=_TEXT,
        freq_dim=256,
        ffn_dim=32,
        num_layers=2,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=32,
    ).eval()


def _vae_8() -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    ).eval()


def _vae_16() -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=3,
        z_dim=48,
        in_channels=12,
        out_channels=12,
        is_residual=True,
        patch_size=2,
        latents_mean=[0.0] * 48,
        latents_std=[1.0] * 48,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        scale_factor_spatial=16,
        scale_factor_temporal=4,
        temperal_downsample=[False, True, True],
    ).eval()
