"""Text to clip: the sampling loop around a diffusers `WanPipeline`.

The pipeline's own `__call__` can only be left by an exception out of its callback and cannot be resumed, previewed or
traced step by step, so the loop is ours; the encoder, experts, scheduler and VAE are the pipeline's. For the same spec
both give the same pixels, which a test holds.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import numpy.typing as npt
import torch
from diffusers import UniPCMultistepScheduler, WanPipeline

from artifex_wan.spec import Spec


class Cancelled(Exception):
    """The caller went away; work stopped at the next step, or between two latent frames of the decode."""


CheckCancelled = Callable[[], None]
"""Raises Cancelled once the request is cancelled."""

Span = Callable[..., AbstractContextManager[object]]
"""Opens a trace span: name, then attributes."""


def generate(
    pipeline: WanPipeline,
    spec: Spec,
    *,
    text_tokens: int,
    on_step: Callable[[int], None],
    check_cancelled: CheckCancelled,
    span: Span,
) -> npt.NDArray[np.uint8]:
    """Make the clip: uint8 RGB of shape (frames, height, width, 3), full range, as display-encoded as the model is.

    `on_step` hears the number of steps done, 1 to `spec.steps`. Noise comes from a CPU generator on every device, so a
    seed means the same noise everywhere. Memory: the experts, the VAE, and the decoded clip once in float32 and once
    in uint8. Raises Cancelled.
    """
    with torch.inference_mode():
        latents = _denoise(pipeline, spec, text_tokens, on_step, check_cancelled, span)
        check_cancelled()
        with span("wan.decode", frames=spec.frame_count):
            return _decode(pipeline, latents, check_cancelled)


def _denoise(
    pipeline: WanPipeline,
    spec: Spec,
    text_tokens: int,
    on_step: Callable[[int], None],
    check_cancelled: CheckCancelled,
    span: Span,
) -> torch.Tensor:
    device = pipeline._execution_device
    guided = spec.guidance_scale > 1
    check_cancelled()
    with span("wan.encode_prompt"):
        positive, negative = pipeline.encode_prompt(
            prompt=spec.prompt,
            negative_prompt=spec.negative_prompt,
            do_classifier_free_guidance=guided,
            max_sequence_length=text_tokens,
            device=device,
        )
    high = pipeline.transformer
    positive = positive.to(high.dtype)
    negative = None if negative is None else negative.to(high.dtype)

    # A fresh scheduler a request: the saved one's shift is rarely the one that suits the step count, and a scheduler
    # holds the state of one run.
    scheduler = UniPCMultistepScheduler.from_config(pipeline.scheduler.config, flow_shift=spec.flow_shift)
    scheduler.set_timesteps(spec.steps, device=device)
    scheduler.set_begin_index(0)
    boundary = (pipeline.config.boundary_ratio or 0.0) * scheduler.config.num_train_timesteps

    latents = pipeline.prepare_latents(
        1,
        high.config.in_channels,
        spec.height,
        spec.width,
        spec.frame_count,
        torch.float32,
        device,
        torch.Generator("cpu").manual_seed(spec.seed),
    )
    for index, timestep in enumerate(scheduler.timesteps):
        check_cancelled()
        high_noise = pipeline.transformer_2 is None or bool(timestep >= boundary)
        expert = high if high_noise else pipeline.transformer_2
        guidance = spec.guidance_scale if high_noise else spec.guidance_scale_2
        with span("wan.step", step=index + 1, steps=spec.steps, expert="high_noise" if high_noise else "low_noise"):
            model_input = latents.to(expert.dtype)
            time = timestep.expand(latents.shape[0])
            velocity = _predict(expert, "cond", model_input, time, positive)
            if negative is not None:
                without = _predict(expert, "uncond", model_input, time, negative)
                velocity = without + guidance * (velocity - without)
            latents = scheduler.step(velocity, timestep, latents, return_dict=False)[0]
        on_step(index + 1)
    return latents


def _predict(
    expert: torch.nn.Module, name: str, latents: torch.Tensor, time: torch.Tensor, text: torch.Tensor
) -> torch.Tensor:
    with expert.cache_context(name):
        output: torch.Tensor = expert(
            hidden_states=latents, timestep=time, encoder_hidden_states=text, return_dict=False
        )[0]
    return output


def _decode(pipeline: WanPipeline, latents: torch.Tensor, check_cancelled: CheckCancelled) -> npt.NDArray[np.uint8]:
    vae = pipeline.vae
    latents = latents.to(vae.dtype)
    shape = (1, vae.config.z_dim, 1, 1, 1)
    mean = torch.tensor(vae.config.latents_mean, device=latents.device, dtype=latents.dtype).view(shape)
    # Divided by the reciprocal, as the pipeline does: a product would differ in the last bit.
    reciprocal = 1.0 / torch.tensor(vae.config.latents_std, device=latents.device, dtype=latents.dtype).view(shape)
    latents = latents / reciprocal + mean
    # The decoder runs once a latent frame, that is once in four frames of the clip.
    hook = vae.decoder.register_forward_pre_hook(lambda _module, _inputs: check_cancelled())
    try:
        video = vae.decode(latents, return_dict=False)[0]
    finally:
        hook.remove()
        vae.clear_cache()
    video = video[0].permute(1, 2, 3, 0)
    pixels = (video / 2 + 0.5).clamp_(0, 1).mul_(255).round_().to(torch.uint8)
    result: npt.NDArray[np.uint8] = np.ascontiguousarray(pixels.cpu().numpy())
    return result
