import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from artifex.nodes import Frame
from services.graph.domain.evaluate.cache import FrameCache


def frame(pixels: int) -> Frame:
    return Frame(np.zeros((1, pixels, 4), np.float32))


def test_of_equals_the_least_recently_used_goes_first() -> None:
    cache = FrameCache(3 * 16)
    for key in (b"a", b"b", b"c"):
        assert cache.put(key, frame(1))
    assert cache.get(b"a") is not None
    cache.put(b"d", frame(1))
    assert cache.get(b"b") is None
    assert cache.get(b"a") is not None


def test_what_is_cheap_for_its_size_goes_before_what_is_dear() -> None:
    cache = FrameCache(10 * 16)
    cache.put(b"dear", frame(4), cost=1.0)
    cache.put(b"cheap", frame(4), cost=0.01)
    cache.put(b"small and cheap", frame(1), cost=0.01)
    cache.put(b"new", frame(4), cost=0.1)
    assert [cache.get(key) is not None for key in (b"dear", b"cheap", b"small and cheap", b"new")] == [
        True, False, True, True,
    ]  # fmt: skip


def test_what_was_dear_goes_when_nobody_asks_for_it_any_more() -> None:
    cache = FrameCache(4 * 16)
    cache.put(b"dear", frame(1), cost=1.0)
    for number in range(400):
        cache.put(f"{number}".encode(), frame(1), cost=0.01)
    assert cache.get(b"dear") is None
    assert cache.size == 4 * 16


def test_what_is_larger_than_all_room_is_not_kept() -> None:
    cache = FrameCache(16)
    assert not cache.put(b"a", frame(2))
    assert cache.size == 0


def test_a_part_counts_as_what_it_keeps_alive() -> None:
    cache = FrameCache(8 * 16)
    whole = np.zeros((4, 2, 4), np.float32)
    assert cache.put(b"a", Frame(whole[:1]))
    assert cache.size == whole.nbytes


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.floats(0, 10)), max_size=40))
def test_it_never_holds_more_than_it_may(puts: list[tuple[int, int, float]]) -> None:
    cache = FrameCache(7 * 16)
    for key, pixels, cost in puts:
        cache.put(bytes([key]), frame(pixels), cost)
        assert cache.size <= 7 * 16


def test_threads_share_it() -> None:
    cache = FrameCache(20 * 16)
    failures: list[BaseException] = []

    def work(offset: int) -> None:
        try:
            for number in range(2000):
                key = bytes([(number * 7 + offset) % 50])
                found = cache.get(key)
                if found is None:
                    cache.put(key, Frame(np.full((1, 1, 4), key[0], np.float32)), cost=number % 5)
                elif found.pixels[0, 0, 0] != key[0]:
                    raise AssertionError("another's frame")
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert cache.size <= 20 * 16
