"""Noise to latents: the sampling loop around the components of a diffusers Wan pipeline.

The pipeline's own `__call__` can only be left by an exception out of its callback, and can neither be resumed nor
previewed nor given fixed noise levels, so the loop is ours; the text encoder, experts, scheduler and VAE are the
pipeline's. For the same spec both give the same pixels, which a test holds.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from artifex_wan.caches import StepCache, Use
from artifex_wan.chance import seeded
from artifex_wan.conditions import Beside, Condition, InPlace, Words
from artifex_wan.loading import EXPERTS, Model
from artifex_wan.sampler import Sampler
from artifex_wan.spec import Spec

_FORMAT: Final = 2
"""Of what `Run.saved` writes."""
_DIGEST: Final = 32
"""Bytes of its SHA-256, which it begins with."""
Pictures = Mapping[str, npt.NDArray[np.uint8]]
"""Given ones by name, "first" and "last"; RGB of the clip's size."""
Texts = tuple[torch.Tensor, torch.Tensor | None]
"""The embedded prompt, and the negative one where there is guidance."""


class Run:
    """A clip in the making, between two steps."""

    def __init__(self, model: Model, spec: Spec, pictures: Pictures, condition: Condition, texts: Texts) -> None:
        """`condition`: what is made of the pictures."""
        self.spec = spec
        self._clip = _named(spec, pictures)
        self._model = model
        self._condition = condition
        self._texts = texts
        self._sampler = Sampler(
            spec.sampler,
            model.pipeline.scheduler.config,
            steps=spec.steps,
            shift=spec.flow_shift,
            sigmas=spec.sigmas,
            seed=spec.seed,
            device=str(model.device),
        )
        boundary = (model.config.boundary_ratio or 0.0) * 1000
        self._makers = [
            EXPERTS[0] if model.alone or float(time) >= boundary else EXPERTS[1] for time in self._sampler.timesteps
        ]
        self._cache = StepCache(model, spec.step_cache, self._makers)
        self._clean: torch.Tensor | None = None
        self.latents = _noise(model, spec)
        self.done = 0
        """Steps that were made."""

    @property
    def steps(self) -> int:
        return len(self._sampler.timesteps)

    @property
    def expert(self) -> str:
        """Which expert makes the next step: "high_noise" or "low_noise"; a model of one has no other."""
        return "high_noise" if self._makers[self.done] == EXPERTS[0] else "low_noise"

    @property
    def rests(self) -> bool:
        """Whether the run can be put down here and be the same: always, but for what a step cache remembers."""
        return self._cache.rests(self.done)

    @property
    def sigmas(self) -> list[float]:
        """The noise of every step, from 1 down."""
        return [self._sampler.sigma(step) for step in range(self.steps)]

    def advance(self) -> None:
        """Make the next step."""
        self._cache.before(self.done)
        expert = self._makers[self.done]
        model = self._model.expert(expert)
        guidance = self.spec.guidance_scale if expert == EXPERTS[0] else self.spec.guidance_scale_2
        time = self._sampler.timesteps[self.done]
        shown, times = self._condition.shown(self.latents, time)
        shown = shown.to(model.dtype)
        positive, negative = self._texts
        told = {"step_index": self.done, "sigma": self._sampler.sigma(self.done), "num_inference_steps": self.steps}
        velocity = self._predicted(model, "cond", shown, times, positive, told)
        if negative is not None and guidance != 1.0:
            without = self._predicted(model, "uncond", shown, times, negative, told)
            velocity = without + guidance * (velocity - without)
        middle = slice(self.middle, self.middle + 1)
        self._clean = self.latents[:, :, middle] - self._sampler.sigma(self.done) * velocity[:, :, middle].float()
        self.latents = self._sampler.step(self.done, velocity, self.latents)
        self.done += 1

    def _predicted(
        self,
        model: Any,
        name: str,
        shown: torch.Tensor,
        times: torch.Tensor,
        text: torch.Tensor,
        told: Mapping[str, Any],
    ) -> torch.Tensor:
        with model.cache_context(name, **told):
            output: torch.Tensor = model(
                hidden_states=shown, timestep=times, encoder_hidden_states=text, return_dict=False
            )[0]
            self._cache.note(model)
        return output

    @property
    def cache_use(self) -> Use | None:
        """What the step cache did so far, where there is one."""
        return self._cache.use

    @property
    def middle(self) -> int:
        """The latent time that is glimpsed at; the first may be given, and shows nothing new."""
        return int(self.latents.shape[2]) // 2

    def glimpse(self) -> torch.Tensor:
        """What the last step took the clip's middle latent time to be without its noise."""
        assert self._clean is not None, "no step was made yet"
        return self._clean

    def finished(self) -> torch.Tensor:
        """The latents to decode, after the last step; the decoder may have the experts' place."""
        self._cache.forget()
        self._model.make_room()
        return self._condition.settled(self.latents)

    def saved(self) -> bytes:
        """All that the steps to come depend on; `resumed` goes on from it bit by bit on the same kind of device.

        To be asked for where the run `rests`.
        """
        buffer = io.BytesIO()
        texts = [None if text is None else text.cpu() for text in self._texts]
        state = {
            "format": _FORMAT,
            "clip": self._clip,
            "done": self.done,
            "latents": self.latents.cpu(),
            "texts": texts,
            "sampler": _moved(self._sampler.state(), "cpu"),
        }
        torch.save(state, buffer)
        body = buffer.getbuffer()
        # torch reads numbers that were damaged on their way without a word.
        return b"".join((hashlib.sha256(body).digest(), body))


def begun(model: Model, spec: Spec, pictures: Pictures, text_tokens: int) -> Run:
    """A run before its first step."""
    return Run(model, spec, pictures, _condition(model, spec, pictures), model.texts(spec, text_tokens))


def resumed(model: Model, spec: Spec, pictures: Pictures, saved: bytes) -> Run:
    """The run that `Run.saved` told of, for the same spec and pictures. Raises ValueError for what is none.

    The model may lie in memory otherwise than it did then.
    """
    digest, body = saved[:_DIGEST], memoryview(saved)[_DIGEST:]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("these bytes are no checkpoint, or not all of one")
    state = torch.load(io.BytesIO(body), weights_only=True)
    if (found := state["format"]) != _FORMAT:
        raise ValueError(f"the checkpoint is of format {found}, and not {_FORMAT}")
    if state["clip"] != _named(spec, pictures):
        raise ValueError("the checkpoint is of another clip")
    positive, negative = state["texts"]
    texts = (model.taken(positive), None if negative is None else model.taken(negative))
    run = Run(model, spec, pictures, _condition(model, spec, pictures), texts)
    run.latents = state["latents"].to(model.device)
    run.done = state["done"]
    run._sampler.restore(_moved(state["sampler"], model.device))
    return run


def _named(spec: Spec, pictures: Pictures) -> str:
    """The same for two runs whose steps are the same ones, on the same weights."""
    # Who looks on, and how often it is put down, changes no step.
    making = replace(spec, preview_every=0, preview_share=0.0, checkpoint_every=0)
    named = hashlib.sha256(repr(making).encode())
    for name in spec.pictures:
        named.update(pictures[name].tobytes())
    return named.hexdigest()


def _condition(model: Model, spec: Spec, pictures: Pictures) -> Condition:
    # A run that was broken off has left its expert where the encoder now wants room.
    model.make_room()
    first, last = (_shown(model, pictures.get(name)) for name in ("first", "last"))
    if model.config.expand_timesteps:
        return InPlace(model.vae, first, _shape(model, spec))
    return Words() if first is None else Beside(model.vae, first, last, spec.frame_count)


def _shown(model: Model, picture: npt.NDArray[np.uint8] | None) -> torch.Tensor | None:
    """(1, 3, height, width) from -1 to 1."""
    if picture is None:
        return None
    scaled = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
    return (2.0 * scaled - 1.0).to(model.device)


def _shape(model: Model, spec: Spec) -> torch.Size:
    vae = model.vae.config
    times = (spec.frame_count - 1) // vae.scale_factor_temporal + 1
    return torch.Size(
        (1, vae.z_dim, times, spec.height // vae.scale_factor_spatial, spec.width // vae.scale_factor_spatial)
    )


def _noise(model: Model, spec: Spec) -> torch.Tensor:
    return torch.randn(_shape(model, spec), generator=seeded(spec.seed)).to(model.device)


def _moved(state: Any, device: Any) -> Any:
    if isinstance(state, torch.Tensor):
        return state.to(device)
    if isinstance(state, dict):
        return {name: _moved(value, device) for name, value in state.items()}
    if isinstance(state, list):
        return [_moved(value, device) for value in state]
    return state
