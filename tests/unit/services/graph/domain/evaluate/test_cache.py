import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from artifex.nodes import Frame
from services.graph.domain.evaluate.cache import FrameCache


def frame(pixels: int) -> Frame:
    return Frame(np.zeros((1, pixels, 4), np.float32))


def test_the_least_recently_used_goes_first() -> None:
    cache = FrameCache(3 * 16)
    for key in (b"a", b"b", b"c"):
        assert cache.put(key, frame(1))
    assert cache.get(b"a") is not None
    cache.put(b"d", frame(1))
    assert cache.get(b"b") is None
    assert cache.get(b"a") is not None


def test_what_is_larger_than_all_room_is_not_kept() -> None:
    cache = FrameCache(16)
    assert not cache.put(b"a", frame(2))
    assert cache.size == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=40))
def test_it_never_holds_more_than_it_may(puts: list[tuple[int, int]]) -> None:
    cache = FrameCache(7 * 16)
    for key, pixels in puts:
        cache.put(bytes([key]), frame(pixels))
        assert cache.size <= 7 * 16
