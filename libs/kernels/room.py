"""Memory for pictures, used again instead of being given back and asked for anew.

A picture in float32 is large enough for the C library to map it on its own, and its page faults then took an eighth of
a render's processor time. Kept in the common heap instead, pictures, codecs' frames and packets cut one another's holes
to pieces, and a process grew by a fifth within minutes. So pictures have blocks of their own here.
"""

from __future__ import annotations

import math
import sys
import threading

import numpy as np
import numpy.typing as npt

from libs.kernels.types import Pixels

LARGE = 2 << 20
"""Bytes from which on a picture is given a block."""
IDLE_BYTES = 96 << 20
"""Of blocks that nobody uses: two frames of 1920x1080, and some."""
# References to a block that no array lies in: the list's, and that of the count itself.
_UNUSED = 2


class Rooms:
    """Blocks of memory, each in use for as long as any array lies in it. Safe to share between threads.

    Nothing is kept before `keep` says how much may be.
    """

    def __init__(self) -> None:
        self._idle_bytes = 0
        self._lock = threading.Lock()
        self._blocks: list[npt.NDArray[np.uint8]] = []
        """Those that were used last are last."""

    @property
    def size(self) -> int:
        """Bytes of all blocks, used and idle."""
        with self._lock:
            return sum(block.nbytes for block in self._blocks)

    def keep(self, idle_bytes: int = IDLE_BYTES) -> None:
        """From now on hold up to so many bytes that nobody uses."""
        self._idle_bytes = idle_bytes

    def take(self, shape: tuple[int, ...]) -> Pixels:
        """A float32 array of this shape with anything in it, as `numpy.empty` makes it."""
        size = 4 * math.prod(shape)
        if size < LARGE or not self._idle_bytes:
            return np.empty(shape, np.float32)
        with self._lock:
            found = self._idle(size)
            if found is None:
                # Larger than asked for, as a picture that moves is a little larger each time; what is not written to
                # is no memory yet.
                step = _step(size)
                found = np.empty(-(-size // step) * step, np.uint8)
                self._blocks.append(found)
                self._drop(self._idle_bytes)
            return found[:size].view(np.float32).reshape(shape)

    def empty(self) -> None:
        """Give back all blocks that nobody uses."""
        with self._lock:
            self._drop(0)

    def _idle(self, size: int) -> npt.NDArray[np.uint8] | None:
        """An idle block that is large enough, and not much larger; from now on the one that was used last."""
        for index in range(len(self._blocks)):
            if size <= self._blocks[index].nbytes <= size + 2 * _step(size) and self._unused(index):
                self._blocks.append(self._blocks.pop(index))
                return self._blocks[-1]
        return None

    def _unused(self, index: int) -> bool:
        return sys.getrefcount(self._blocks[index]) == _UNUSED

    def _drop(self, most: int) -> None:
        """Let go of idle blocks, those first that were used longest ago, until they have at most so many bytes."""
        idle = [index for index in range(len(self._blocks)) if self._unused(index)]
        held = sum(self._blocks[index].nbytes for index in idle)
        gone = set()
        for index in idle:
            if held <= most:
                break
            held -= self._blocks[index].nbytes
            gone.add(index)
        if gone:
            self._blocks = [block for index, block in enumerate(self._blocks) if index not in gone]


def _step(size: int) -> int:
    """An eighth to a quarter of a size, a power of two."""
    return 1 << (size.bit_length() - 3)


ROOMS = Rooms()
"""The process's."""
