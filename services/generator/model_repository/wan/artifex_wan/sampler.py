"""The schedule of a run: which noise each step begins with, and the step to the next one.

UniPC is what Wan's authors use; it remembers earlier steps, so its state is part of what a run is resumed from.
Distilled models come with few fixed noise levels, for Euler's method or for predicting the clean clip and adding fresh
noise.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FlowMatchLCMScheduler, UniPCMultistepScheduler

from artifex_wan.chance import seeded

_STATE: Final = {
    "unipc": (
        "_step_index",
        "last_sample",
        "lower_order_nums",
        "model_outputs",
        "this_order",
        "timestep_list",
    ),
    "euler": ("_step_index",),
    "lcm": ("_step_index",),
}
"""What of a scheduler changes from step to step."""
SAMPLERS: Final = tuple(_STATE)
_TRAIN_TIMES: Final = 1000
_STEP_SEED: Final = 0x9E3779B97F4A7C15
"""Odd, so that no two steps of a run share a seed; the golden ratio of 2⁶⁴, as in SplitMix64."""


class Sampler:
    """One run's scheduler. `saved`: the configuration that came with the weights."""

    def __init__(
        self, name: str, saved: Any, *, steps: int, shift: float, sigmas: tuple[float, ...], seed: int, device: str
    ) -> None:
        """`sigmas`: the noise of every step, from 1 down; without any, `steps` of them are spread by `shift`."""
        self.name = name
        self._seed = seed
        # The saved shift is rarely the one that suits the number of steps, and a scheduler holds the state of one run.
        if name == "unipc":
            self._scheduler = UniPCMultistepScheduler.from_config(saved, flow_shift=shift)
            self._scheduler.set_timesteps(steps, device=device)
        else:
            kind = FlowMatchEulerDiscreteScheduler if name == "euler" else FlowMatchLCMScheduler
            # Sigmas that a recipe gives are meant as they are; the shift would move them once more.
            self._scheduler = kind(num_train_timesteps=_TRAIN_TIMES, shift=1.0 if sigmas else shift)
            given = {"sigmas": list(sigmas)} if sigmas else {"num_inference_steps": steps}
            self._scheduler.set_timesteps(device=device, **given)
        self._scheduler.set_begin_index(0)

    @property
    def timesteps(self) -> torch.Tensor:
        """Of all steps, from 1000 down."""
        found: torch.Tensor = self._scheduler.timesteps
        return found

    def sigma(self, step: int) -> float:
        """The part of noise in what the step begins with."""
        return float(self._scheduler.sigmas[step])

    def step(self, step: int, velocity: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """The latents after the step, counted from 0; steps are made in order."""
        chance = {}
        if self.name == "lcm":
            # Of every step its own, so that a resumed run needs no generator's state.
            seed = (self._seed ^ (_STEP_SEED * (step + 1))) & (2**63 - 1)
            chance = {"generator": seeded(seed)}
        found: torch.Tensor = self._scheduler.step(
            velocity, self._scheduler.timesteps[step], latents, return_dict=False, **chance
        )[0]
        return found

    def state(self) -> dict[str, Any]:
        """What `restore` takes up: numbers, tensors and lists of them."""
        held = vars(self._scheduler)
        # Some come to be in the first step.
        return {name: held[name] for name in _STATE[self.name] if name in held}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on as the sampler did that was asked for its state; of a run of the same name, steps and noise."""
        for name in _STATE[self.name]:
            if name in state:
                setattr(self._scheduler, name, state[name])
