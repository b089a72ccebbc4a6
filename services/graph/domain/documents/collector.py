"""Holding Python's cycle collector off while many objects are made that form no cycles.

A document of ten thousand nodes is half a million objects. The collector would walk over them again and again while
they are made, and find nothing: a third of the time, and more per node the more nodes there are.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_holders = 0
_was_enabled = False


@contextmanager
def collector_held() -> Iterator[None]:
    """No collection starts in the block, in any thread; blocks may overlap. Meant for a second, not for a minute."""
    global _holders, _was_enabled
    with _lock:
        if _holders == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if _holders == 0 and _was_enabled:
                gc.enable()
