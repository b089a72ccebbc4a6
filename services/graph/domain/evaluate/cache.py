"""Results kept in memory from frame to frame, and from document to document."""

import threading
from heapq import heappop, heappush

import numpy as np

from artifex.nodes import Frame

_LEAST_COST = 1e-6
"""Seconds: nothing is free, and what is kept by its size alone should still go in the order of its use."""


class _Entry:
    __slots__ = ("cost", "frame", "priority", "size", "uses")

    def __init__(self, frame: Frame, size: int, cost: float) -> None:
        self.frame = frame
        self.size = size
        self.cost = max(cost, _LEAST_COST)
        self.uses = 0
        self.priority = 0.0


class FrameCache:
    """Frames by the digest of everything they depend on, up to a number of bytes. Safe to share between threads.

    What goes first is what is large for what it cost, and has not been used for long: the priority of an entry is
    L + uses · cost / size, where L is the priority of the last one that went, so what is used rises and what is not is
    overtaken (GreedyDual-Size-Frequency: L. Cherkasova, Improving WWW Proxies Performance with
    Greedy-Dual-Size-Frequency Caching Policy, HP Laboratories report HPL-98-69, 1998).
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._age = 0.0
        """L."""
        self._entries: dict[bytes, _Entry] = {}
        self._queue: list[tuple[float, bytes]] = []
        """A heap of priorities as they once were: an entry's own may have risen since."""
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._bytes

    def get(self, key: bytes) -> Frame | None:
        """The frame, which must not be changed."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        with self._lock:
            self._use(entry)
        return entry.frame

    def put(self, key: bytes, frame: Frame, cost: float = 0.0) -> bool:
        """Keeps a frame that took `cost` seconds; False when it is larger than all the room there is, and not kept."""
        size = held_bytes(frame)
        if size > self._max_bytes:
            return False
        with self._lock:
            if key in self._entries:
                return True
            while self._bytes + size > self._max_bytes:
                self._evict()
            entry = self._entries[key] = _Entry(frame, size, cost)
            self._bytes += size
            self._use(entry)
            heappush(self._queue, (entry.priority, key))
        return True

    def clear(self) -> None:
        """Lets everything go."""
        with self._lock:
            self._entries.clear()
            self._queue.clear()
            self._bytes = 0

    def _use(self, entry: _Entry) -> None:
        entry.uses += 1
        entry.priority = self._age + entry.uses * entry.cost / max(1, entry.size)

    def _evict(self) -> None:
        while True:
            priority, key = heappop(self._queue)
            entry = self._entries[key]
            if entry.priority > priority:
                heappush(self._queue, (entry.priority, key))
                continue
            del self._entries[key]
            self._bytes -= entry.size
            self._age = priority
            return


def held_bytes(frame: Frame) -> int:
    """The memory that a frame keeps alive: that of the whole array which its pixels may be a part of."""
    base = frame.pixels.base
    return max(frame.pixels.nbytes, base.nbytes if isinstance(base, np.ndarray) else 0)
