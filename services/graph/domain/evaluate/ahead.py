"""Frames side by side: several are made at once, and given out in order."""

import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_order(
    make: Callable[[int, threading.Event], T], first: int, count: int, threads: int
) -> Generator[T, None, None]:
    """What `make` gives for `first` to `first + count`, in order; up to `threads` of them are made at a time.

    At most `threads` + 1 are made or wait to be given out, besides the one that the caller has: that bounds memory,
    however many there are and whichever side is slower. With one thread each is made in the caller's, when it is asked
    for. `make` takes the number and an event that is set when nothing more is wanted, since the caller has left or
    another has failed; an error of `make` comes in the place of its result. Closing the iterator waits for those that
    are being made.
    """
    unwanted = threading.Event()
    if threads == 1:
        for number in range(first, first + count):
            yield make(number, unwanted)
        return
    executor = ThreadPoolExecutor(threads, thread_name_prefix="frames")
    pending: deque[Future[T]] = deque()
    following = first
    try:
        while pending or following < first + count:
            while len(pending) <= threads and following < first + count:
                pending.append(executor.submit(make, following, unwanted))
                following += 1
            yield pending.popleft().result()
    finally:
        unwanted.set()
        executor.shutdown(wait=True, cancel_futures=True)
