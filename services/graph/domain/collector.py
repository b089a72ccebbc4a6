"""Holding Python's cycle collector off while many objects are made that form no cycles.

A document of ten thousand nodes is half a million objects, and what one frame asks of them as many again. The collector
would walk over them again and again while they are made, and find nothing: a third of the time, and more per node the
more nodes there are.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

OVERDUE: Final = 10_000
"""Objects more than at the last collection that make one worth while, though other threads still hold it off."""


class _Depth(threading.local):
    """Blocks that the thread is in."""

    blocks = 0


_lock = threading.Lock()
_depth = _Depth()
_holders = 0
"""Threads in a block."""
_was_enabled = False


@contextmanager
def collector_held() -> Iterator[None]:
    """No collection starts by itself in the block, in any thread; blocks may overlap. Meant for one document or frame.

    Where blocks of several threads overlap without an end, what is due is collected as a thread leaves its own.
    """
    _enter()
    try:
        yield
    finally:
        if _leave():
            gc.collect(1)


def _enter() -> None:
    global _holders, _was_enabled
    _depth.blocks += 1
    if _depth.blocks > 1:
        return
    with _lock:
        if _holders == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _holders += 1


def _leave() -> bool:
    """Whether a collection is overdue."""
    global _holders
    _depth.blocks -= 1
    if _depth.blocks:
        return False
    with _lock:
        _holders -= 1
        if _holders == 0 and _was_enabled:
            gc.enable()
        return _holders > 0 and _was_enabled and gc.get_count()[0] >= OVERDUE
