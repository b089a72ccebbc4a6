"""What the planner reckons with, against diffusers' own classes; run by scripts.py.

["reckoned"]        one JSON line a case
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from artifex_wan.conditions import encoded
from artifex_wan.decode import decoded
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from diffusers.quantizers.gguf.utils import (
    GGML_QUANT_SIZES,
    SUPPORTED_GGUF_QUANT_TYPES,
    GGUFLinear,
    GGUFParameter,
)
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode
from transformers import UMT5Config, UMT5EncoderModel

from services.generator.domain.architecture import Architecture, TextEncoder, Transformer, Vae
from services.generator.domain.known import KNOWN
from services.generator.domain.plan import memory
from services.generator.domain.plan.work import decode_flops, look_flops, pass_flops

_MODELS = ("wan22-t2v-a14b", "wan22-i2v-a14b", "wan22-ti2v-5b")
_TEXT = TextEncoder(vocabulary=8, width=64, head_width=8, heads=8, ffn=64, layers=1)


def main() -> None:
    torch.manual_seed(0)
    for model in _MODELS:
        counts(model)
    for residual in (False, True):
        pictures(residual)
    for precision in ("bfloat16", "float32"):
        for token_times in (False, True):
            for ffn in (1382, 2389):
                steps(precision, token_times=token_times, ffn=ffn)
    widening()


def counts(model: str) -> None:
    """Parameters of the published models, which are built without memory of their own."""
    told: Any = KNOWN[model]["architecture"]
    reckoned = Architecture.parse(told)
    with torch.device("meta"):
        transformer = WanTransformer3DModel(**told["transformer"], **_WAN)
        text = UMT5EncoderModel(UMT5Config(**told["text_encoder"], feed_forward_proj="gated-gelu"))
        vae = AutoencoderKLWan(**_vae(told["vae"]))
    for part, made, counted in (
        ("transformer", transformer, reckoned.transformer),
        ("text", text, reckoned.text),
        ("vae", vae, reckoned.vae),
    ):
        parameters = sum(parameter.numel() for parameter in made.parameters())
        tell(what="parameters", part=f"{model} {part}", made=parameters, reckoned=counted.parameters)


def pictures(residual: bool) -> None:
    """Work and memory of the VAE at a fourth of its width, which both are in proportion to."""
    told: Any = dict(KNOWN["wan22-ti2v-5b" if residual else "wan22-t2v-a14b"]["architecture"]["vae"])
    told |= {"base_dim": 15, "decoder_base_dim": 24} if residual else {"base_dim": 24}
    vae = AutoencoderKLWan(**_vae(told)).eval()
    reckoned = Vae.parse(dict(vae.config))
    transformer = Transformer(1, 2, 32, 64, reckoned.latents, reckoned.latents, 64)
    model = Architecture(1, 0.0, transformer, _TEXT, reckoned, token_times=residual)
    side, frames = 64, 9
    latents = torch.randn(1, reckoned.latents, model.times(frames), side // reckoned.space, side // reckoned.space)

    def decode() -> None:
        for _ in decoded(vae, latents):
            pass

    # Operations are counted without making them.
    with torch.device("meta"):
        counted, shapes = AutoencoderKLWan(**_vae(told)).eval(), torch.empty_like(latents, device="meta")
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        counted.decode(shapes)
    name = "Wan2.2's" if residual else "Wan2.1's"
    tell(
        what="flops",
        part=f"{name} decoder",
        made=counter.get_total_flops(),
        reckoned=decode_flops(model, side, side, frames),
    )
    given = torch.zeros(1, 3, frames, side, side)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        encoded(vae, given)
    seen = Architecture(
        1, 0.0, Transformer(1, 2, 32, 64, 2 * reckoned.latents + 4, reckoned.latents, 64), _TEXT, reckoned
    )
    tell(
        what="flops",
        part=f"{name} encoder",
        made=counter.get_total_flops(),
        reckoned=look_flops(seen, side, side, frames),
    )
    # On a CPU a convolution lays its whole input out as columns, which no accelerator does.
    for kind in (nn.Conv2d, nn.Conv3d):
        kind._conv_forward = _empty
    tell(
        what="bytes",
        part=f"{name} decoder",
        made=peak(decode),
        reckoned=memory.decoding(model, side, side, frames, tiled=False),
    )
    if not residual:
        shown = Architecture(1, 0.0, Transformer(1, 2, 32, 64, 36, 16, 64), _TEXT, reckoned)
        clip = torch.zeros(1, 3, frames, side, side)
        tell(
            what="bytes",
            part=f"{name} encoder",
            made=peak(lambda: encoded(vae, clip)) + clip.nbytes,
            reckoned=memory._shown(shown, side, side, frames, tiled=False),
        )
    for kind, forward in _FORWARDS.items():
        kind._conv_forward = forward


def steps(precision: str, *, token_times: bool, ffn: int) -> None:
    """Work and memory of a transformer's pass; the two feed-forward layers are as wide as the 14B's and the 5B's."""
    heads, head_width, size, times, texts = 4, 128, 32, 3, 8
    built: dict[str, Any] = {
        "num_attention_heads": heads,
        "attention_head_dim": head_width,
        "in_channels": 16,
        "out_channels": 16,
        "text_dim": 64,
        "freq_dim": 256,
        "ffn_dim": ffn,
        "num_layers": 2,
        **_WAN,
    }
    made = WanTransformer3DModel(**built).to(getattr(torch, precision)).eval()
    vae = Vae.parse({**KNOWN["wan22-t2v-a14b"]["architecture"]["vae"]})
    model = Architecture(1, 0.0, Transformer.parse(dict(made.config)), _TEXT, vae, token_times=token_times)
    tokens = times * size * size // 4
    given = {
        "hidden_states": torch.randn(1, 16, times, size, size).to(made.dtype),
        "timestep": torch.full((1, tokens) if token_times else (1,), 500.0),
        "encoder_hidden_states": torch.randn(1, texts, 64).to(made.dtype),
    }
    part = f"{precision}, {'a time each token' if token_times else 'one time'}, {ffn} wide"
    clip = (size * vae.space, size * vae.space, (times - 1) * vae.time + 1)
    if precision == "float32" and not token_times:
        # Operations are counted without making them, so of a clip where attention is most of them. The counter knows
        # plain attention only.
        with torch.device("meta"):
            counted = WanTransformer3DModel(**built).eval()
            noise, words = torch.empty(1, 16, times, 4 * size, 4 * size), torch.empty(1, texts, 64)
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.inference_mode():
            counted(noise, timestep=torch.empty(1, device="meta"), encoder_hidden_states=words, return_dict=False)
        large = (4 * clip[0], 4 * clip[1], clip[2])
        tell(what="flops", part=part, made=counter.get_total_flops(), reckoned=pass_flops(model, *large, texts))
    tell(
        what="bytes",
        part=part,
        made=peak(lambda: made(**given, return_dict=False)),
        reckoned=memory.activations(model, *clip, precision),
    )


def widening() -> None:
    """A layer of packed weights, of the packing that takes most to widen."""
    rows = columns = 1024
    peaks = {}
    for packing in SUPPORTED_GGUF_QUANT_TYPES:
        numbers, size = GGML_QUANT_SIZES[packing]
        layer = GGUFLinear(columns, rows, compute_dtype=torch.bfloat16)
        packed = torch.zeros(rows, columns // numbers * size, dtype=torch.uint8)
        layer.weight = GGUFParameter(packed, quant_type=packing)
        given = torch.zeros(1, columns, dtype=torch.bfloat16)
        peaks[packing.name] = peak(partial(layer, given))
    most = max(peaks, key=lambda name: peaks[name])
    tell(what="bytes", part=f"{most} widened", made=peaks[most], reckoned=memory._WIDENING * rows * columns)


def peak(run: Callable[[], object]) -> int:
    """Bytes that were allocated at once, at most."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen, torch.inference_mode():
        run()
    profiler: Any = seen.profiler
    events = [event for event in profiler.kineto_results.events() if event.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most


def tell(**values: object) -> None:
    print(json.dumps(values), flush=True)  # noqa: T201


def _empty(self: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    sides = zip(x.shape[2:], self.padding, self.kernel_size, self.stride, strict=True)
    made = [(side + 2 * padding - kernel) // stride + 1 for side, padding, kernel, stride in sides]
    return x.new_zeros(x.shape[0], self.out_channels, *made)


def _vae(told: Any) -> dict[str, Any]:
    if not told.get("is_residual"):
        return dict(told)
    normal = {"latents_mean": [0.0] * told["z_dim"], "latents_std": [1.0] * told["z_dim"]}
    return {**told, **normal, "in_channels": 12, "out_channels": 12}


_WAN: Any = {"patch_size": (1, 2, 2), "cross_attn_norm": True, "qk_norm": "rms_norm_across_heads"}
_FORWARDS: Any = {kind: kind._conv_forward for kind in (nn.Conv2d, nn.Conv3d)}
