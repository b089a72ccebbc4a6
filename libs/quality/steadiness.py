"""How steady a clip is from frame to frame, measured as its frames come, and what of that no honest motion explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from libs.quality.motion import step_between
from libs.quality.similarity import Picture, luma


@dataclass(frozen=True, slots=True)
class Limits:
    """What a clip of one shot keeps. A cut, noise and flicker break them; pans, fades and moving things do not."""

    warp_error: float = 0.08
    """The most that may be left of a pair's difference, 0 to 1, once motion is taken out."""
    followed: float = 0.35
    """The least share of a pair's pixels that can be followed."""
    flicker: float = 0.02
    """The most by which a frame may be lighter or darker than its neighbours' mean, 0 to 1."""


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Steadiness:
    """What was measured of a clip. The largest of all pairs is told, as a mean hides a cut."""

    frames: int
    warp_error: tuple[float, ...]
    """Of each pair of neighbours, 0 to 1; see `motion.Step`."""
    followed: tuple[float, ...]
    moved: tuple[float, ...]
    """In pixels."""
    change: tuple[float, ...]
    """Of each pair, mean absolute difference of R'G'B', 0 to 1: VBench's temporal flickering, which honest motion
    raises as well. It is for scenes that stand still."""
    flicker: tuple[float, ...]
    """Of each frame but the first and the last, how far its mean luma is from the mean of its neighbours', 0 to 1. A
    fade has none, whose light goes one way."""

    def faults(self, limits: Limits = DEFAULT_LIMITS) -> tuple[str, ...]:
        """What breaks the limits, in words that name the worst place; empty for a steady clip."""
        found = []
        if self.followed and min(self.followed) < limits.followed:
            at = int(np.argmin(self.followed))
            found.append(
                f"of frame {at} only {self.followed[at]:.0%} can be followed into the next, not {limits.followed:.0%}"
            )
        if self.warp_error and max(self.warp_error) > limits.warp_error:
            at = int(np.argmax(self.warp_error))
            found.append(
                f"from frame {at} to the next {self.warp_error[at]:.3f} is left beside motion, not {limits.warp_error}"
            )
        if self.flicker and max(self.flicker) > limits.flicker:
            at = int(np.argmax(self.flicker)) + 1
            found.append(
                f"frame {at} is {self.flicker[at - 1]:.3f} lighter or darker than its neighbours, not {limits.flicker}"
            )
        return tuple(found)


class SteadinessMeter:
    """Measures a clip frame by frame; it holds one of them, whatever the length. One thread at a time."""

    def __init__(self) -> None:
        self._last: Picture | None = None
        self._frames = 0
        self._light: list[float] = []
        self._warp_error: list[float] = []
        self._followed: list[float] = []
        self._moved: list[float] = []
        self._change: list[float] = []

    def append(self, picture: Picture) -> None:
        """The next frame, uint8 R'G'B' [height, width, 3]. ValueError for one that is not as large as the others."""
        light = float(luma(picture).mean()) / 255.0
        if self._last is not None:
            step = step_between(self._last, picture)
            self._warp_error.append(step.warp_error)
            self._followed.append(step.followed)
            self._moved.append(step.moved)
            self._change.append(float(np.abs(picture.astype(np.int16) - self._last).mean()) / 255.0)
        self._light.append(light)
        self._frames += 1
        # A copy: what was given may be filled again.
        self._last = picture.copy()

    def result(self) -> Steadiness:
        """Of the frames so far."""
        light = np.array(self._light)
        flicker = np.abs(light[1:-1] - (light[:-2] + light[2:]) / 2.0)
        return Steadiness(
            frames=self._frames,
            warp_error=tuple(self._warp_error),
            followed=tuple(self._followed),
            moved=tuple(self._moved),
            change=tuple(self._change),
            flicker=tuple(float(value) for value in flicker),
        )
