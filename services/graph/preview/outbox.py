"""What waits to be sent in a session: words of each kind once, and of pictures the newest alone.

So a client that reads slowly, or not at all, costs one picture of memory, and what it reads next is new.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from artifex.graph.v1 import preview_pb2

Parts = Sequence[preview_pb2.PreviewResponse]
"""A picture, its chunks, and what was measured on it."""


class Outbox:
    """`window`: how many pictures may be on their way unacknowledged; 0 for any number."""

    def __init__(self) -> None:
        self.window = 0
        self.counters = preview_pb2.PreviewCounters()
        self._words: dict[str, preview_pb2.PreviewResponse] = {}
        self._picture: tuple[Parts, bool] | None = None
        self._before: set[str] = set()
        """Kinds of words that were said before the picture was shown, and go ahead of it."""
        self._last = 0
        self._acknowledged = 0
        self._news = asyncio.Event()

    @property
    def empty(self) -> bool:
        return not self._words and self._picture is None

    def say(self, word: preview_pb2.PreviewResponse) -> None:
        """Send a word, in the place of one of its kind that still waits; a failure that waits is not lost by that."""
        kind = word.WhichOneof("response") or ""
        waiting = self._words.pop(kind, None)
        if waiting is not None and waiting.status.HasField("failure") and not word.status.HasField("failure"):
            word.status.failure.CopyFrom(waiting.status.failure)
        self._words[kind] = word
        self._before.discard(kind)
        self.wake()

    def show(self, picture: Parts, *, playing: bool) -> None:
        """Send a picture, in the place of one that still waits."""
        if self._picture is not None:
            if self._picture[1]:
                self.counters.dropped += 1
            else:
                self.counters.superseded += 1
        self._picture = (picture, playing)
        self._before = set(self._words)
        self.wake()

    def acknowledge(self, id: int) -> None:
        """The client has taken the picture of that id, and all before."""
        self._acknowledged = max(self._acknowledged, min(id, self._last))
        self.wake()

    def take(self) -> list[preview_pb2.PreviewResponse]:
        """What is to be sent now, in order; empty when nothing is."""
        may_show = self._picture is not None and not (self.window and self._last - self._acknowledged >= self.window)
        # What was said after a picture, such as that the playback is over, comes after it.
        ahead = [kind for kind in self._words if not may_show or kind in self._before]
        if ahead:
            return [self._words.pop(kind) for kind in ahead]
        if self._picture is None or not may_show:
            return []
        parts, _ = self._picture
        self._picture = None
        self._last += 1
        self.counters.sent += 1
        for part in parts:
            # A picture is numbered when it is sent: what never was leaves no gap.
            getattr(part, part.WhichOneof("response") or "").id = self._last
        return list(parts)

    def wake(self) -> None:
        """Let `wait` return."""
        self._news.set()

    async def wait(self) -> None:
        """Until something has happened since the last call."""
        await self._news.wait()
        self._news.clear()
