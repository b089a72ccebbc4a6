"""How the process that renders gets its memory."""

import ctypes
import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

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


class _Collector:
    """Whether it is to run, for all threads together."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blocks = 0
        self.was_on = True


_collector = _Collector()


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Keeps the collector of reference cycles from running in the block.

    A walk over a graph of 10,000 nodes makes some 100,000 objects at once, none of them garbage and none in a cycle;
    going through them all again and again took half of the walk's time. Blocks may overlap between threads.
    """
    with _collector.lock:
        if _collector.blocks == 0:
            _collector.was_on = gc.isenabled()
            gc.disable()
        _collector.blocks += 1
    try:
        yield
    finally:
        with _collector.lock:
            _collector.blocks -= 1
            if _collector.blocks == 0 and _collector.was_on:
                gc.enable()
