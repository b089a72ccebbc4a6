"""How the process that renders gets its memory."""

import ctypes
import sys
from typing import Final

from libs.kernels.room import ROOMS

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_MAPPED: Final = 2 << 20
"""Bytes from which on a block is mapped on its own: frames of codecs, and whatever else is large and seldom."""


def keep_freed_memory() -> None:
    """Keeps the memory of freed pictures for the next ones, instead of giving it back and asking again.

    Every frame needs what the last one needed, and page faults took an eighth of a render's processor time. Pictures
    have blocks that are used again (libs.kernels.room), strips and what is smaller stay in glibc's heap, one for all
    threads, so that what one has freed is there for the others. Codecs' frames, which live longer, are mapped on their
    own: in the heap they cut it to pieces. To be called before there are threads.
    """
    ROOMS.keep()
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_ARENA_MAX, 1)
