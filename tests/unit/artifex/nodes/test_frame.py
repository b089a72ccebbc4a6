import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifex.nodes import EVERYWHERE, Frame, Window

windows = st.builds(Window, st.integers(-20, 20), st.integers(-20, 20), st.integers(0, 20), st.integers(0, 20))


def covered(window: Window) -> set[tuple[int, int]]:
    return {(x, y) for x in range(window.x, window.right) for y in range(window.y, window.bottom)}


@given(windows, windows)
def test_intersection_is_that_of_the_pixels(a: Window, b: Window) -> None:
    assert covered(a.intersect(b)) == covered(a) & covered(b)


@given(windows, windows)
def test_union_holds_both_and_is_the_smallest(a: Window, b: Window) -> None:
    both = a.union(b)
    assert both.contains(a)
    assert both.contains(b)
    pixels = covered(a) | covered(b)
    if pixels:
        assert (both.x, both.y) == (min(x for x, _ in pixels), min(y for _, y in pixels))
        assert (both.right, both.bottom) == (max(x for x, _ in pixels) + 1, max(y for _, y in pixels) + 1)


@given(windows)
def test_everything_lies_everywhere(window: Window) -> None:
    assert EVERYWHERE.contains(window)


def test_filling_puts_transparent_black_around() -> None:
    frame = Frame(np.ones((2, 3, 4), np.float32), x=1, y=-1)
    filled = frame.filled(Window(0, 0, 5, 3))
    assert filled.shape == (3, 5, 4)
    assert filled[0, 1:4].min() == 1.0
    assert filled.sum() == 3 * 4


def test_cropping_keeps_the_place() -> None:
    pixels = np.arange(4 * 5 * 4, dtype=np.float32).reshape(4, 5, 4)
    part = Frame(pixels, x=10, y=20, opaque=True).crop(Window(12, 21, 100, 2))
    assert part.window == Window(12, 21, 3, 2)
    assert part.opaque
    np.testing.assert_array_equal(part.pixels, pixels[1:3, 2:])


def test_cropping_to_nothing_is_empty() -> None:
    assert Frame(np.ones((2, 2, 4), np.float32)).crop(Window(5, 5, 2, 2)).window.empty


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 3)])
def test_other_shapes_are_no_frames(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="float32"):
        Frame(np.zeros(shape, np.float32))
