"""Random weights for a two-expert `WanPipeline`, made offline and the same on every machine.

Nothing here is trained, so a clip has no meaning and follows no prompt beyond its colours. Plain default initialisation
would give television snow; the random weights are therefore drawn from a smooth family:

- self-attention's query and key biases agree, which under rotary embedding makes attention fall off with distance: each
  token becomes a local average of the noise around it in space and time;
- the VAE's convolutions are random mixtures of channels under small Gaussian kernels, as in a compositional
  pattern-producing network, and its last layer is scaled so that colours fill the range without clipping.

So the noise of the seed becomes drifting coloured shapes: enough for tests of motion, cuts and encoders to see.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from torch import nn
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from services.generator.nano import NANO_VERSION

TEXT_DIM = 32
TEXT_TOKENS = 64
LATENT_CHANNELS = 16
HEADS, HEAD_DIM = 4, 24
# How much a prompt, and a step, add to all tokens alike: much of either drowns the shapes in one colour.
TEXT_GAIN = 2.0
STEP_GAIN = 0.2
# Reach of self-attention's local average, in tokens: time (a token is 4 frames), height, width (16 pixels each).
REACH = (1.5, 1.0, 1.0)

CARD = {
    "nano_version": NANO_VERSION,
    "display_name": "Wan2.2 nano (random weights)",
    "random_weights": True,
    "kind": "text",
    "size_multiple": 16,
    "max_width": 832,
    "max_height": 480,
    "frame_multiple": 4,
    "max_frames": 81,
    "frame_rate": "16",
    "text_tokens": TEXT_TOKENS,
    # What a processor makes in seconds.
    "defaults": {"width": 256, "height": 144, "frame_count": 33, "steps": 8},
}


def build(directory: Path) -> None:
    """Write the pipeline in diffusers layout, and its card `artifex.json`, into an existing empty `directory`."""
    torch.set_num_threads(1)
    pipeline = build_pipeline()
    pipeline.save_pretrained(directory)
    (directory / "artifex.json").write_text(json.dumps(CARD, indent=2) + "\n", encoding="utf-8")


def build_pipeline() -> WanPipeline:
    tokenizer = _tokenizer()
    pipeline = WanPipeline(
        tokenizer=tokenizer,
        text_encoder=_text_encoder(len(tokenizer)),
        vae=_vae(seed=3),
        scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0),
        transformer=_transformer(seed=10),
        transformer_2=_transformer(seed=11),
        boundary_ratio=0.875,
    )
    pipeline.set_progress_bar_config(disable=True)
    _balance_colours(pipeline)
    return pipeline


def _tokenizer() -> PreTrainedTokenizerFast:
    """Character-level Unigram with T5's special ids: <pad>=0, </s>=1, <unk>=2; Hangul syllables decompose to jamo."""
    characters = [chr(code) for code in range(0x21, 0x7F)] + [chr(code) for code in range(0x1100, 0x1200)]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0)]
    vocabulary += [(c, -3.0) for c in characters] + [("\u2581" + c, -3.5) for c in characters]
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKD()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=512,
    )


def _text_encoder(vocabulary: int) -> UMT5EncoderModel:
    torch.manual_seed(0)
    config = UMT5Config(
        vocab_size=vocabulary,
        d_model=TEXT_DIM,
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


def _transformer(seed: int) -> WanTransformer3DModel:
    torch.manual_seed(seed)
    model = WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=HEADS,
        attention_head_dim=HEAD_DIM,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        text_dim=TEXT_DIM,
        freq_dim=256,
        ffn_dim=128,
        num_layers=1,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=64,
    ).eval()
    width = HEADS * HEAD_DIM
    with torch.no_grad():
        # Every latent pixel of a patch is read and written alike. A faint input leaves the average of the
        # neighbourhood, which attention adds, louder than the token's own noise.
        shape = model.patch_embedding.weight.shape
        model.patch_embedding.weight.copy_((0.001 * torch.randn(*shape[:2], 1, 1, 1)).expand(shape))
        model.patch_embedding.bias.zero_()
        for block in model.blocks:
            _make_local(block.attn1)
            block.attn1.to_v.weight.copy_(10.0 * torch.randn(width, width) / math.sqrt(width))
            block.attn1.to_v.bias.zero_()
            block.attn1.to_out[0].weight.copy_(torch.randn(width, width) / math.sqrt(width))
            block.attn1.to_out[0].bias.zero_()
            block.attn2.to_out[0].weight.mul_(TEXT_GAIN)
            block.scale_shift_table[:, 0] = 0.0  # the shift before attention, which its average would let through whole
            block.scale_shift_table[:, 2] = 1.0  # attention's gate, open
        model.condition_embedder.time_proj.weight[:width].mul_(STEP_GAIN)
        model.condition_embedder.time_proj.bias[:width].zero_()
        model.condition_embedder.time_embedder.linear_2.weight.mul_(STEP_GAIN)
        model.condition_embedder.time_embedder.linear_2.bias.mul_(STEP_GAIN)
        model.scale_shift_table[:, 0].mul_(STEP_GAIN)
        row = 4.0 * torch.randn(1, LATENT_CHANNELS, width) / math.sqrt(width)
        model.proj_out.weight.copy_(row.expand(4, -1, -1).reshape(4 * LATENT_CHANNELS, width))
        model.proj_out.bias.zero_()
    return model


def _make_local(attention: nn.Module) -> None:
    """Set the query and key biases so that the weight of a token falls off as a Gaussian of its distance.

    With equal query and key, rotary embedding makes a pair's score A·cos(f·d): near enough -A·f²·d²/2, a Gaussian of
    variance 1/(A·f²). The second pair of each axis serves: its period, about sixty tokens, exceeds the largest picture.
    """
    axis = 2 * (HEAD_DIM // 6)
    widths = (HEAD_DIM - 2 * axis, axis, axis)
    vector = torch.zeros(HEADS, HEAD_DIM)
    offset = 0
    for reach, dimensions in zip(REACH, widths, strict=True):
        frequency = 10_000 ** (-2 / dimensions)
        vector[:, offset + 2 : offset + 4] = math.sqrt(1 / (2 * (frequency * reach) ** 2))
        offset += dimensions
    flat = vector.flatten()
    scale = float(flat.pow(2).mean().sqrt())
    for linear, norm in ((attention.to_q, attention.norm_q), (attention.to_k, attention.norm_k)):
        linear.weight.mul_(0.02)
        linear.bias.copy_(flat / scale)
        norm.weight.fill_(scale * HEAD_DIM**0.25)


def _vae(seed: int) -> AutoencoderKLWan:
    """Wan2.1's layout: strides 4x8x8 and 16 latent channels."""
    torch.manual_seed(seed)
    vae = AutoencoderKLWan(
        base_dim=6,
        z_dim=LATENT_CHANNELS,
        dim_mult=[1, 2, 2, 2],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * LATENT_CHANNELS,
        latents_std=[1.0] * LATENT_CHANNELS,
    ).eval()
    with torch.no_grad():
        for name, module in vae.decoder.named_modules():
            if name.endswith("time_conv"):
                _make_interpolating(module)
            elif isinstance(module, nn.Conv2d | nn.Conv3d):
                _make_smooth(module)
    return vae


def _make_smooth(convolution: nn.Conv2d | nn.Conv3d) -> None:
    """A random mixture of channels under a Gaussian kernel; in time, mostly the present frame."""
    weight = convolution.weight
    mixture = torch.randn(weight.shape[:2]) / math.sqrt(weight.shape[1])
    kernel = torch.ones(())
    for axis, size in enumerate(weight.shape[2:]):
        if size == 1:
            taps = torch.ones(1)
        elif weight.ndim == 5 and axis == 0:
            taps = torch.tensor([0.05, 0.15, 0.8])
        else:
            taps = torch.exp(-((torch.arange(size) - (size - 1) / 2) ** 2) / (2 * 0.7**2))
        kernel = kernel[..., None] * (taps / taps.sum())
    weight.copy_(mixture.view(*mixture.shape, *[1] * kernel.ndim) * kernel)
    if convolution.bias is not None:
        convolution.bias.copy_(0.15 * torch.randn(convolution.bias.shape))


def _make_interpolating(convolution: nn.Conv3d) -> None:
    """Double the frame rate by the mean of two neighbours, then the present one: the two halves of the outputs."""
    channels = convolution.weight.shape[1]
    identity = torch.eye(channels)
    convolution.weight.zero_()
    convolution.weight[:channels, :, 1, 0, 0] = 0.5 * identity
    convolution.weight[:channels, :, 2, 0, 0] = 0.5 * identity
    convolution.weight[channels:, :, 2, 0, 0] = identity
    convolution.bias.zero_()


def _balance_colours(pipeline: WanPipeline) -> None:
    """Scale the VAE's last layer so that a sample clip has mid-grey means and a standard deviation of 0.4 a channel.

    Measured in float64 and rounded, so that machines whose sums differ in the last bits still write the same weights.
    """
    outputs: list[torch.Tensor] = []
    last = pipeline.vae.decoder.conv_out
    hook = last.register_forward_hook(lambda _module, _inputs, output: outputs.append(output.double()))
    for seed, prompt, guidance in ((1, "a river at dawn", 4.0), (2, "neon city, night", 4.0), (3, "a cat", 1.0)):
        pipeline(
            prompt=prompt,
            negative_prompt="",
            height=96,
            width=160,
            num_frames=17,
            num_inference_steps=6,
            guidance_scale=guidance,
            guidance_scale_2=guidance,
            max_sequence_length=TEXT_TOKENS,
            generator=torch.Generator("cpu").manual_seed(seed),
        )
    hook.remove()
    sample = torch.cat(outputs, dim=2)
    gain = torch.round(0.4 / sample.std(dim=(0, 2, 3, 4)), decimals=1).float()
    mean = torch.round(sample.mean(dim=(0, 2, 3, 4)), decimals=2).float()
    with torch.no_grad():
        last.bias.copy_((last.bias - mean) * gain)
        last.weight.mul_(gain.view(3, 1, 1, 1, 1))
