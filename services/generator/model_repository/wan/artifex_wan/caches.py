"""Step caches: what of a step is taken over from the one before, where little changes. Faster, and not the same pixels.

Of the caches that diffusers has, these two do something in each of Wan's pipelines.

A cache remembers the step before, as much as the clip's tokens at the model's width, which is more than a checkpoint
should carry. So it begins anew every `REST` steps, and a run can be put down there: resumed or not, it is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from diffusers import FirstBlockCacheConfig, MagCacheConfig
from diffusers.hooks.first_block_cache import _FBC_LEADER_BLOCK_HOOK
from diffusers.hooks.mag_cache import _MAG_CACHE_LEADER_BLOCK_HOOK, nearest_interp
from torch import tensor

from artifex_wan.loading import EXPERTS, Model
from artifex_wan.magnitudes import MAGNITUDES_FILE
from artifex_wan.spec import SpecError

REST: Final = 8
"""Steps."""
_FIRST_BLOCK_THRESHOLD: Final = 0.05
"""How much the first block's work may change, relative to itself, where the other blocks' is taken over."""
_MAGNITUDE_THRESHOLD: Final = 0.06
"""How much steps that are taken over may have changed together."""
_MOST_SKIPPED: Final = 3
"""Steps in a row that may be taken over."""
_RETAINED: Final = 0.2
"""The part of an expert's steps, from its first on, that are always made: they settle what the clip shows."""


_LEADERS: Final = {"first_block": _FBC_LEADER_BLOCK_HOOK, "magnitude": _MAG_CACHE_LEADER_BLOCK_HOOK}
"""The hook of an expert's first block, which decides about the others."""


@dataclass(frozen=True)
class Use:
    """What a cache did in a run."""

    cache: str
    """"first_block" or "magnitude"."""
    passes: int
    """Of an expert, that were asked for."""
    taken_over: int
    """So many of them were taken over from the step before."""
    times: float
    """As so many times as fast the steps were made, as it goes by the blocks that were computed."""


class StepCache:
    """The cache of one run. It is the models' only one: what an earlier run left behind is removed."""

    def __init__(self, model: Model, kind: str, makers: list[str]) -> None:
        """`makers`: the expert of each step, of `EXPERTS`. Raises SpecError where the model has no magnitudes."""
        self._model = model
        self._blocks = min(len(expert.blocks) for expert in model.transformers.values())
        # Behind the first of one block there is nothing to take over.
        self._kind = "none" if kind == "first_block" and self._blocks == 1 else kind
        self._makers = makers
        self._passes = self._taken_over = 0
        if kind == "magnitude" and not set(makers) <= model.magnitudes.keys():
            raise SpecError("step_cache", f"needs the model's own {MAGNITUDES_FILE}, which is not beside its weights")
        self.forget()

    def rests(self, done: int) -> bool:
        """Whether nothing is remembered after so many steps."""
        return self._kind == "none" or done % REST == 0

    def before(self, done: int) -> None:
        """To be called before each step, with the number of those that were made."""
        if self._kind == "none" or done % REST:
            return
        self.forget()
        for name in EXPERTS:
            if name in self._makers[done:]:
                self._model.transformers[name].enable_cache(self._config(name, done))

    def note(self, transformer: Any) -> None:
        """To be called after each pass of an expert, in the pass's context."""
        if self._kind == "none":
            return
        self._passes += 1
        leader = transformer.blocks[0]._diffusers_hook.get_hook(_LEADERS[self._kind])
        self._taken_over += not leader.state_manager.get_state().should_compute

    @property
    def use(self) -> Use | None:
        """What it did so far; None where there is no cache, or it had nothing to do."""
        if not self._passes:
            return None
        left_out = 1.0
        if self._kind == "first_block":
            left_out -= 1 / self._blocks
        saved = left_out * self._taken_over / self._passes
        return Use(self._kind, self._passes, self._taken_over, round(1 / (1 - saved), 3))

    def forget(self) -> None:
        """Take the cache off the models."""
        for transformer in self._model.transformers.values():
            if transformer.is_cache_enabled:
                transformer.disable_cache()

    def _config(self, name: str, done: int) -> Any:
        if self._kind == "first_block":
            return FirstBlockCacheConfig(threshold=_FIRST_BLOCK_THRESHOLD)
        # The cache counts an expert's own steps, from 0 where it is enabled.
        total, made = self._makers.count(name), self._makers[:done].count(name)
        ratios = nearest_interp(tensor(self._model.magnitudes[name]), total)[made:]
        retained = max(round(_RETAINED * total) - made, 0)
        return MagCacheConfig(
            threshold=_MAGNITUDE_THRESHOLD,
            max_skip_steps=_MOST_SKIPPED,
            retention_ratio=retained / len(ratios),
            num_inference_steps=len(ratios),
            mag_ratios=ratios,
        )
