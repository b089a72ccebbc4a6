"""How the process that renders gets its memory."""

import ctypes
import sys
from typing import Final

from services.graph.domain.collector import collector_held

quiet_collector = collector_held

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


def keep_freed_memory() -> None:
    """Lets glibc keep the memory of freed frames for the next ones, instead of giving it back and asking again.

    A frame is large enough for glibc to map it anew each time, whose page faults took an eighth of a render's processor
    time. What the process holds at most stays the same, since every frame needs what the last one needed; and since
    all threads draw on one heap, what one has freed is there for all of them. To be called before there are threads.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 2**30)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_ARENA_MAX, 1)
