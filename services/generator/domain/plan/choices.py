"""A plan's choices in words."""

from __future__ import annotations

from collections.abc import Iterator

from artifex.generator.v1.messages_pb2 import PlanChoice
from services.generator.domain.architecture import Architecture
from services.generator.domain.plan.devices import Device
from services.generator.domain.plan.memory import decoding, expert_bytes
from services.generator.domain.plan.options import Options
from services.generator.domain.plan.work import Clip

_GB = 1e9


def choices(options: Options, model: Architecture, clip: Clip, device: Device) -> Iterator[PlanChoice]:
    """One of each subject: the fields of `Options`, then "step_cache" and "windows"."""
    for subject, choice, reason in (
        _precision(options, model, device),
        _experts(options, model),
        _text_encoder(options, model, device),
        _vae(options, model, clip),
        _vae_layout(options),
        _attention(options),
        _compile(options),
        _step_cache(clip),
        _windows(clip),
    ):
        yield PlanChoice(subject=subject, choice=choice, reason=reason)


def _precision(options: Options, model: Architecture, device: Device) -> tuple[str, str, str]:
    size, plain = (model.experts * expert_bytes(model, name) / _GB for name in (options.precision, "bfloat16"))
    kept = f"keeps the transformers in {size:.1f} GB instead of {plain:.1f} GB of {device.name}"
    reason = {
        "float32": "a processor computes in nothing shorter as fast",
        "bfloat16": "the published weights' own",
        "float16": "the preset's own: as long as bfloat16, and finer",
        "float8": f"{kept}; changes pixels a little",
        "gguf": f"{kept}; changes pixels" if model.whole else f"{kept}; the model's only weights here",
    }[options.precision]
    return "precision", options.precision, reason


def _experts(options: Options, model: Architecture) -> tuple[str, str, str]:
    size = expert_bytes(model, options.precision) / _GB
    reason = {
        "resident": f"the transformers' {size * model.experts:.1f} GB are on the device throughout",
        "swapped": f"{size:.1f} GB at a time are on the device, and only while they make steps",
        "streamed": f"{size:.1f} GB of weights come from the host's memory at each pass",
    }[options.experts]
    return "experts", options.experts, reason


def _text_encoder(options: Options, model: Architecture, device: Device) -> tuple[str, str, str]:
    size = model.text.parameters * (4 if options.precision == "float32" else 2) / _GB
    reason = {
        "resident": f"its {size:.1f} GB are on the device throughout",
        "swapped": f"its {size:.1f} GB are on {device.name} only while it reads",
        "cpu": f"its {size:.1f} GB stay in the host's memory; reading takes longer there",
    }[options.text_encoder]
    return "text_encoder", options.text_encoder, reason


def _vae(options: Options, model: Architecture, clip: Clip) -> tuple[str, str, str]:
    whole = decoding(model, clip.width, clip.height, clip.frames, tiled=False) / _GB
    if options.vae == "whole":
        return "vae", "whole", f"decoding whole pictures takes {whole:.1f} GB"
    less = decoding(model, clip.width, clip.height, clip.frames, tiled=True) / _GB
    return "vae", "tiled", f"decoding takes {less:.1f} GB instead of {whole:.1f} GB; seams are blended"


def _vae_layout(options: Options) -> tuple[str, str, str]:
    if options.vae_layout == "plain":
        return "vae_layout", "plain", "the same bits everywhere"
    return "vae_layout", options.vae_layout, "convolutions take it as it lies; changes last bits, and is for SPEED only"


def _attention(options: Options) -> tuple[str, str, str]:
    reason = "torch's own, the same pixels everywhere" if options.attention == "native" else "the fastest that is there"
    return "attention", options.attention, reason


def _compile(options: Options) -> tuple[str, str, str]:
    if options.compile == "none":
        return "compile", "none", "costs a minute at a size's first step, and is for SPEED only"
    return "compile", "blocks", "pays for its minute in a run as long as this"


def _step_cache(clip: Clip) -> tuple[str, str, str]:
    if clip.step_cache == "none":
        return "step_cache", "none", "every step is made whole, which changes no pixel"
    if clip.measure:
        known = clip.measure.text
    else:
        known = (
            f"about {1 / clip.cached:.1f} times as fast by what is published; what it changes of this model's clips was"
            " not measured, which artifex_wan.compare does"
        )
    return "step_cache", clip.step_cache, f"as the spec says, or else the profile: {known}"


def _windows(clip: Clip) -> tuple[str, str, str]:
    if len(clip.windows) == 1:
        return "windows", "1", "the model makes it at once"
    parts = " + ".join(str(frames) for frames in clip.windows)
    return "windows", str(len(clip.windows)), f"{parts} frames, each run going on from the last frame of the one before"
