"""However a frame is come by, it is the same frame: random graphs of 5 to 60 of the real nodes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Pixels, Window
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate import strips
from services.graph.domain.evaluate.ahead import in_order
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.disk_cache import DiskCache
from services.graph.domain.evaluate.pull import FramePuller, Keep
from tests.unit.services.graph.domain.evaluate.random_graphs import CATALOGUE, HEIGHT, WIDTH, graphs
from tests.unit.services.graph.support import document, output

COLOUR = WorkingColour("ACEScg")
WHOLE = Window(0, 0, WIDTH, HEIGHT)
TOLERANCE = 1e-5

STILL = ("grade", "merge", "blur", "crop", "key")
SMOOTH = ("grade", "merge", "blur", "move", "whole")
FRAMES = st.lists(st.integers(0, 8), min_size=2, max_size=4)


def pull(nodes: dict[str, Any], *, optimise: bool = True, size: Window = WHOLE, **given: Any) -> FramePuller:
    whole = document({**nodes, "out": output("x")}, width=size.width, height=size.height)
    compiled = compile(whole, CATALOGUE, "", {}, optimise=optimise)
    return FramePuller(compiled, {}, COLOUR, **{"cache": FrameCache(0), **given})


def pixels(frame: Frame, window: Window = WHOLE) -> Pixels:
    return frame.crop(window).filled(window)


def assert_close(one: Pixels, other: Pixels) -> None:
    """Within the tolerance of float sums in another order, relative where numbers are larger than 1."""
    assert np.isfinite(one).all()
    error = np.abs(one - other) / np.maximum(1.0, np.abs(other))
    assert error.max() <= TOLERANCE, f"{error.max()} at {np.unravel_index(error.argmax(), error.shape)}"


@contextmanager
def thin_strips() -> Iterator[None]:
    """Strips of a few rows, so that small pictures have several."""
    with patch.object(strips, "FEWEST_ROWS", 1), patch.object(strips, "MOST_ROWS", 7):
        yield


@settings(max_examples=15, deadline=None)
@given(graphs(), FRAMES)
def test_together_in_strips_and_alone_and_whole(nodes: dict[str, Any], frames: list[int]) -> None:
    alone, together = pull(nodes, fuse=False), pull(nodes)
    for index in frames:
        with patch.object(strips, "MOST_ROWS", HEIGHT), patch.object(strips, "FEWEST_ROWS", HEIGHT):
            expected = pixels(alone.frame(index))
        with thin_strips():
            assert_close(pixels(together.frame(index)), expected)


@settings(max_examples=15, deadline=None)
@given(graphs(kinds=STILL), FRAMES)
def test_compiled_with_and_without_optimising(nodes: dict[str, Any], frames: list[int]) -> None:
    # Moves are left out: one resampling in the place of two is meant to be another, sharper picture.
    plain, optimised = pull(nodes, optimise=False, fuse=False), pull(nodes)
    for index in frames:
        assert_close(pixels(optimised.frame(index)), pixels(plain.frame(index)))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graphs(), FRAMES)
def test_cached_and_cold(tmp_path: Path, nodes: dict[str, Any], frames: list[int]) -> None:
    disk = DiskCache(tmp_path, 1 << 26)
    cold, shared = pull(nodes), FrameCache(1 << 26)
    tight = pull(nodes, cache=FrameCache(5 * WIDTH * HEIGHT * 16), keep=Keep.COSTLY)
    with patch.multiple("services.graph.domain.evaluate.pull", DISK_PAYS=0.0, DISK_LEAST=0.0):
        for index in [*frames, *frames]:
            expected = pixels(cold.frame(index))
            # Each time as a new puller: what it finds, another has kept.
            for other in (pull(nodes, cache=shared, keep=Keep.COSTLY), pull(nodes, disk=disk), tight):
                np.testing.assert_array_equal(pixels(other.frame(index)), expected)


@settings(max_examples=10, deadline=None)
@given(graphs(), FRAMES)
def test_one_thread_and_four(nodes: dict[str, Any], frames: list[int]) -> None:
    alone = pull(nodes)
    with ThreadPoolExecutor(4) as executor, thin_strips():
        by_strips = pull(nodes, strips=executor, threads=4)
        expected = [pixels(alone.frame(index)) for index in range(max(frames) + 1)]
        for index in frames:
            np.testing.assert_array_equal(pixels(by_strips.frame(index)), expected[index])
        side_by_side = pull(nodes, cache=FrameCache(1 << 26), keep=Keep.COSTLY)
        made = in_order(lambda index, unwanted: side_by_side.frame(index, cancel=unwanted), 0, len(expected), 4)
        for frame, other in zip(made, expected, strict=True):
            np.testing.assert_array_equal(pixels(frame), other)


@settings(max_examples=15, deadline=None)
@given(graphs(), st.integers(0, 8), st.integers(5, 40), st.integers(4, 20))
def test_whole_and_tiled(nodes: dict[str, Any], index: int, width: int, height: int) -> None:
    puller = pull(nodes)
    expected = pixels(puller.frame(index))
    for y in range(0, HEIGHT, height):
        for x in range(0, WIDTH, width):
            tile = Window(x, y, width, height).intersect(WHOLE)
            assert_close(pixels(puller.frame(index, tile), tile), expected[tile.inside(WHOLE)])


@settings(max_examples=12, deadline=None)
@given(graphs(most=12, kinds=SMOOTH), st.sampled_from([Fraction(1, 2), Fraction(1, 4)]))
def test_a_proxy_shows_what_the_full_picture_will(nodes: dict[str, Any], scale: Fraction) -> None:
    size, step = Window(0, 0, 4 * WIDTH, 4 * HEIGHT), int(1 / scale)
    full, proxy = pixels(pull(nodes, size=size).frame(3), size), pull(nodes, size=size, scale=scale)
    assert proxy.format == Window(0, 0, size.width // step, size.height // step)
    small = pixels(proxy.frame(3), proxy.format)
    averaged = full.reshape(size.height // step, step, size.width // step, step, 4).mean(axis=(1, 3))
    # Edges fall on other pixels, and a moved whole pixel is a part of one; what is shown is the same.
    assert np.abs(small - averaged).mean() < 0.06
