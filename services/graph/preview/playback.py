"""The playback of a session: tells the child which frames to draw ahead, and sends each at its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any, Final

from artifex.graph.v1 import preview_pb2
from services.graph.preview import wire
from services.graph.preview.outbox import Parts
from services.graph.preview.pacer import Pacer, Range

_TELL_DROPS_SECONDS: Final = 1.0
_SLOWEST: Final = Fraction(1, 1000)


class Playback:
    """At most one playback at a time. `tell` sends a message to the child, `show` a picture to the client."""

    def __init__(
        self, read_ahead: int, tell: Callable[[bytes], Awaitable[None]], show: Callable[[Parts], None]
    ) -> None:
        self._read_ahead = read_ahead
        self._tell = tell
        self._show = show
        self._pacer: Pacer[Parts] | None = None
        self._serial = 0
        """Of what the child was told last: frames of another are not wanted any more."""
        self._window = (0, 0)
        self._dropped_before = 0
        self._told_drops = 0.0
        self._beat = asyncio.Event()
        self.frame = 0
        """That was sent last, or the one that begins."""

    @property
    def playing(self) -> bool:
        return self._pacer is not None

    @property
    def owed(self) -> bool:
        """Whether the child has frames to draw."""
        return self.playing and self._window[0] < self._window[1]

    @property
    def dropped(self) -> int:
        """Frames that were never sent, of all playbacks so far."""
        return self._dropped_before + (self._pacer.dropped if self._pacer is not None else 0)

    async def start(self, play: preview_pb2.PreviewPlay, movie: preview_pb2.PreviewDocument, frame: int) -> None:
        """Play from `frame` on, in the place of what plays now. From its end a range begins anew."""
        self.end()
        first = min(play.first_frame, movie.frame_count - 1)
        end = max(first + 1, min(play.end_frame or movie.frame_count, movie.frame_count))
        start = frame if first <= frame < end - 1 or (frame == end - 1 and play.loop) else first
        rate = Fraction(movie.frame_rate.numerator, movie.frame_rate.denominator)
        speed = max(_SLOWEST, Fraction(play.rate or 1.0).limit_denominator(1000))
        self.frame = start
        self._pacer = Pacer(Range(first, end, start, play.loop), rate * speed, self._read_ahead)
        await self._order(self._pacer)
        self._beat.set()

    async def change(self) -> None:
        """What is to be seen has changed: the frames that wait are drawn anew."""
        if self._pacer is not None:
            self._pacer.flush(time.monotonic())
            await self._order(self._pacer)

    def offer(self, told: dict[str, Any], picture: Parts) -> None:
        """The child has drawn a frame."""
        if self._pacer is not None and told["serial"] == self._serial:
            self._pacer.offer(told["step"], picture)
            self._beat.set()

    def end(self) -> None:
        """Play no more."""
        if self._pacer is not None:
            self._dropped_before += self._pacer.dropped
            self._pacer = None
            self._serial += 1
            self._beat.set()

    async def run(self, over: Callable[[], Awaitable[None]], dropped: Callable[[], None]) -> None:
        """Send each frame at its time, for ever. Calls `over` at the end of a range, `dropped` now and then."""
        while True:
            wait: float | None = None
            if (pacer := self._pacer) is not None:
                now = time.monotonic()
                if (taken := pacer.take(now)) is not None:
                    step, picture = taken
                    self.frame = pacer.range.frame(step)
                    self._show(picture)
                if pacer.over(now):
                    await over()
                    continue
                await self._order_steps(pacer)
                if pacer.dropped and now - self._told_drops > _TELL_DROPS_SECONDS:
                    self._told_drops = now
                    dropped()
                wait = pacer.wait(time.monotonic())
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._beat.wait()
            self._beat.clear()

    async def _order(self, pacer: Pacer[Parts]) -> None:
        """Tell the child what to draw, all of it anew."""
        self._window = begin, until = pacer.window(time.monotonic())
        self._serial += 1
        span = pacer.range
        told = {"first": span.first, "end": span.end, "start": span.start, "loop": span.loop}
        steps = {"serial": self._serial, "from": begin, "until": until}
        await self._tell(wire.pack_object(wire.OBJECT, {"play": {**told, **steps}}))

    async def _order_steps(self, pacer: Pacer[Parts]) -> None:
        """Tell the child how far it may go on, when that has changed."""
        window = pacer.window(time.monotonic())
        if window != self._window:
            self._window = begin, until = window
            steps = {"serial": self._serial, "from": begin, "until": until}
            await self._tell(wire.pack_object(wire.STEPS, steps))
