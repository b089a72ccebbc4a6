"""Rows of one picture on several threads. The native kernels release the interpreter's lock, so plain threads do."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from threading import Lock

_lock = Lock()
_pool: ThreadPoolExecutor | None = None


def over_rows(work: Callable[[int, int], None], count: int, threads: int, multiple: int = 1) -> None:
    """Calls work(first, count) for pieces of 0..count, at most `threads` at once, all but the last a `multiple` long.

    Returns when all are done; raises what the first of them raised.
    """
    pieces = max(1, min(threads, count // multiple))
    borders = [round(count * piece / pieces / multiple) * multiple for piece in range(pieces)] + [count]
    spans = [(low, high - low) for low, high in pairwise(borders) if high > low]
    if not spans:
        return
    others: list[Future[None]] = [_executor().submit(work, *span) for span in spans[1:]] if len(spans) > 1 else []
    try:
        work(*spans[0])
    finally:
        # Nobody may go on, not even with an error, while others still write.
        errors = [error for other in others if (error := other.exception()) is not None]
    if errors:
        raise errors[0]


def _executor() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="kernels")
        return _pool


def _forget() -> None:
    """In a forked child there are no threads, and the lock may be held by one that is gone."""
    global _pool, _lock
    _pool, _lock = None, Lock()


os.register_at_fork(after_in_child=_forget)
