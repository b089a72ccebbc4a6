"""Step caches: what is taken over of a step from the one before, and what that saves and changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

CACHES: Final = ("first_block", "magnitude")
"""As the model server calls them."""


@dataclass(frozen=True)
class CacheMeasure:
    """What a cache saved of one clip of a model, and changed in it; see artifex_wan/compare.py."""

    cache: str
    """Of `CACHES`."""
    times: float
    """As so many times as fast the steps were made."""
    psnr: float
    """Against the clip without, in dB; 0 where no pixel differs."""
    least_psnr: float
    """Of the worst frame."""
    width: int
    height: int
    frame_count: int
    steps: int

    @property
    def text(self) -> str:
        """In words."""
        change = f"{self.psnr:.1f} dB from the clip without it" if self.psnr else "no pixel changed"
        clip = f"{self.width}x{self.height}, {self.frame_count} frames, {self.steps} steps"
        return f"{self.times:.2f} times as fast and {change}, measured at {clip}"

    @classmethod
    def parse(cls, cache: str, values: Mapping[str, Any]) -> Self:
        """As caches.json has it. Raises KeyError, TypeError or ValueError for what is none."""
        if cache not in CACHES:
            raise ValueError(f"there is no step cache {cache}")
        found = cls(
            cache,
            float(values["times"]),
            float(values["psnr"]),
            float(values["least_psnr"]),
            int(values["width"]),
            int(values["height"]),
            int(values["frame_count"]),
            int(values["steps"]),
        )
        if found.times <= 0:
            raise ValueError(f"{cache} is told to be {found.times} times as fast")
        return found


@dataclass(frozen=True)
class CacheUse:
    """What a cache did in one run."""

    cache: str
    passes: int
    """Of an expert, that were asked for."""
    taken_over: int
    """So many of them were taken over from the step before."""
    times: float
    """As so many times as fast the steps were made, going by what was computed."""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """As the model server tells it."""
        return cls(str(values["cache"]), int(values["passes"]), int(values["taken_over"]), float(values["times"]))
