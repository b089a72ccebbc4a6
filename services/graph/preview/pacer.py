"""Which frame of a playback is due, and how far ahead of it frames may be rendered.

Pure: time is given. A playback is a row of steps from 0 on, each of them a frame; in a loop frames come again. The
clock starts when the first frames are ready. A frame is sent when it is due; of several that are due the last; a frame
that comes late is sent unless its successor is there too. What is never sent is counted as dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Generic, TypeVar

T = TypeVar("T")

PREROLL: Final = 8
"""Frames that must be ready before the clock starts."""


@dataclass(frozen=True, slots=True)
class Range:
    """What is played: frames `first` to before `end`, beginning with `start`."""

    first: int
    end: int
    start: int
    loop: bool

    @property
    def steps(self) -> float:
        """How many steps there are: infinitely many in a loop."""
        return math.inf if self.loop else self.end - self.start

    def frame(self, step: int) -> int:
        """The frame of a step."""
        return self.first + (self.start - self.first + step) % (self.end - self.first)


@dataclass
class Pacer(Generic[T]):
    """One playback at `fps` frames a second, of which up to `read_ahead` may wait for their time."""

    range: Range
    fps: Fraction
    read_ahead: int
    dropped: int = 0
    _ready: dict[int, T] = field(default_factory=dict)
    _sent: int = -1
    _began: float | None = None

    def offer(self, step: int, item: T) -> None:
        """The frame of a step is ready; one whose time has passed by is let go."""
        if step > self._sent:
            self._ready[step] = item

    def take(self, now: float) -> tuple[int, T] | None:
        """The frame to send now with its step, if there is one. Starts the clock when enough are ready."""
        if self._began is None:
            wanted = min(PREROLL, self.read_ahead, self.range.steps)
            if len(self._ready) < wanted:
                return None
            self._began = now - float(min(self._ready) / self.fps)
        due = self.due(now)
        step = max((step for step in self._ready if step <= due), default=None)
        if step is None:
            return None
        item = self._ready[step]
        self._ready = {other: kept for other, kept in self._ready.items() if other > step}
        self.dropped += step - self._sent - 1
        self._sent = step
        return step, item

    def due(self, now: float) -> int:
        """The step whose time it is; -1 before the clock runs."""
        if self._began is None:
            return -1
        # Half a microsecond of grace: the sum of a time and a wait may fall short of what was waited for.
        return min(math.floor((now - self._began + 5e-7) * float(self.fps)), self._last)

    def wait(self, now: float) -> float | None:
        """Seconds until `take` may have something more; None when only a new frame can change that."""
        if self._began is None:
            return None
        coming = [step for step in self._ready if step > self.due(now)]
        step = min(coming, default=self._last + 1 if not self.range.loop else None)
        if step is None:
            return None
        return max(0.0, self._began + float(step / self.fps) - now)

    def over(self, now: float) -> bool:
        """Whether the last frame was sent and its time has passed; what was not sent by then is dropped."""
        if self.range.loop or self._began is None:
            return False
        if now - self._began + 5e-7 < float(self.range.steps / self.fps):
            return False
        self.dropped += self._last - self._sent
        self._sent = self._last
        return True

    def window(self, now: float) -> tuple[int, int]:
        """The steps worth rendering: from the first that is not ready and can still be in time, to before an end."""
        begin = max(self._sent, self.due(now)) + 1
        end = int(min(begin + self.read_ahead, self.range.steps))
        while begin in self._ready:
            begin += 1
        return begin, end

    def flush(self, now: float) -> None:
        """Let go of the frames that wait, but for the very next: they show what is not wanted any more."""
        soon = self.due(now) + 1
        self._ready = {step: item for step, item in self._ready.items() if step <= soon}

    @property
    def frame(self) -> int:
        """The frame that was sent last, or the one that begins."""
        return self.range.frame(max(self._sent, 0))

    @property
    def _last(self) -> int:
        return (1 << 62) if self.range.loop else self.range.end - self.range.start - 1
