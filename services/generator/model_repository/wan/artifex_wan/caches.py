"""Step caches: what of a step is taken over from the one before, where little changes. Faster, and not the same pixels.

Of the caches that diffusers has, these two do something in each of Wan's pipelines.

A cache remembers the step before, as much as the clip's tokens at the model's width, which is more than a checkpoint
should carry. So it begins anew every `REST` steps, and a run can be put down there: resumed or not, it is the same.
"""

from __future__ import annotations

from typing import Any, Final

from diffusers import FirstBlockCacheConfig, MagCacheConfig
from diffusers.hooks.mag_cache import nearest_interp
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


class StepCache:
    """The cache of one run. It is the models' only one: what an earlier run left behind is removed."""

    def __init__(self, model: Model, kind: str, makers: list[str]) -> None:
        """`makers`: the expert of each step, of `EXPERTS`. Raises SpecError where the model has no magnitudes."""
        self._model = model
        self._kind = kind
        self._makers = makers
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
