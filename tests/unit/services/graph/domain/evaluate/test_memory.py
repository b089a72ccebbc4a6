"""What a frame holds while it is made, and what is left of it afterwards."""

import gc
import tracemalloc
import weakref
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from artifex.nodes import VIDEO, Frame, Input, Integer, Node, Output, RenderContext, Request
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.nodes import BUILTIN
from tests.unit.services.graph.support import document, output

SIZE = 64
COLOUR = WorkingColour("ACEScg")


class Alive:
    """Counts the pictures that are held."""

    now: ClassVar[int] = 0
    most: ClassVar[int] = 0

    @classmethod
    def frame(cls, pixels: np.ndarray[Any, np.dtype[np.float32]]) -> Frame:
        cls.now += 1
        cls.most = max(cls.most, cls.now)
        weakref.finalize(pixels, cls._gone)
        return Frame(pixels)

    @classmethod
    def _gone(cls) -> None:
        cls.now -= 1


class Made(Node):
    """A picture that changes with time."""

    category = "Test"
    time_dependent = True
    video = Output(VIDEO, "Out.")
    level = Integer(0, doc="d")

    def fingerprint(self, request: Request) -> tuple[int, Fraction]:
        return (self.level, request.time)

    def render(self, context: RenderContext) -> Frame:
        return Alive.frame(np.full((SIZE, SIZE, 4), self.level, np.float32))


class Both(Node):
    """The sum of two, or of one with itself; no point operation."""

    category = "Test"
    a = Input(VIDEO, "In.")
    b = Input(VIDEO, "In.", required=False)
    out = Output(VIDEO, "Out.", name="video")

    def render(self, context: RenderContext) -> Frame:
        pixels = context.read(self.a).pixels
        return Alive.frame(pixels + (context.read(self.b).pixels if context.connected(self.b) else 1))


class PointBoth(Both):
    """The same as a point operation."""

    def pointwise(self, request: Request) -> bool:
        return True

    def render(self, context: RenderContext) -> Frame:
        a, b = context.read(self.a), context.read(self.b)
        return Frame(a.pixels + b.pixels, a.x, a.y)


TYPES = Catalogue([*BUILTIN, Made, Both, PointBoth])


def puller(nodes: dict[str, Any], **given: Any) -> FramePuller:
    compiled = compile(document({**nodes, "out": output("x")}, width=SIZE, height=SIZE, duration=60), TYPES, "", {})
    return FramePuller(compiled, {}, COLOUR, cache=FrameCache(1 << 22), **given)


def most_held(nodes: dict[str, Any], **given: Any) -> int:
    gc.collect()
    gc.disable()
    try:
        pull = puller(nodes, **given)
        Alive.now = Alive.most = 0
        for index in range(3):
            assert np.isfinite(pull.frame(index).pixels).all()
        assert Alive.now == 0, "nothing waits for the collector"
        return Alive.most
    finally:
        gc.enable()


def joined(branches: int, kind: str) -> dict[str, Any]:
    """Branches of three nodes, put one over the other."""
    nodes: dict[str, Any] = {}
    previous = ""
    for branch in range(branches):
        nodes[f"m{branch}"] = {"type": "Made", "params": {"level": branch}}
        nodes[f"n{branch}"] = {"type": "Both", "inputs": {"a": f"m{branch}"}}
        top = f"n{branch}"
        if previous:
            top = "x" if branch == branches - 1 else f"j{branch}"
            # The long way is the second input: who makes the inputs in their order makes all branches first.
            nodes[top] = {"type": kind, "inputs": {"a": f"n{branch}", "b": previous}}
        previous = top
    return nodes


def test_a_chain_of_merges_holds_few_frames_however_long() -> None:
    assert most_held(joined(100, "Both")) <= 4


def test_a_chain_of_point_operations_holds_few_frames_however_long() -> None:
    assert most_held(joined(100, "PointBoth")) <= 11


def test_a_balanced_tree_holds_as_many_as_it_is_deep() -> None:
    nodes: dict[str, Any] = {f"l0x{n}": {"type": "Made", "params": {"level": n}} for n in range(128)}
    for level in range(1, 8):
        for n in range(128 >> level):
            name = "x" if level == 7 else f"l{level}x{n}"
            nodes[name] = {"type": "Both", "inputs": {"a": f"l{level - 1}x{2 * n}", "b": f"l{level - 1}x{2 * n + 1}"}}
    assert most_held(nodes) <= 9


def read_twice(count: int) -> dict[str, Any]:
    """Results that are all read at the beginning, and again at the end in the same order."""
    nodes: dict[str, Any] = {f"m{n}": {"type": "Made", "params": {"level": n}} for n in range(count)}
    for way in "uv":
        before = f"m{count - 1}" if way == "u" else f"u{count - 1}"
        for n in range(count):
            nodes[f"{way}{n}"] = {"type": "Both", "inputs": {"a": before, "b": f"m{n}"}}
            before = f"{way}{n}"
    nodes["x"] = nodes.pop(f"v{count - 1}")
    return nodes


def test_what_has_no_room_waits_on_disk(tmp_path: Path) -> None:
    nodes, size = read_twice(40), SIZE * SIZE * 16
    assert most_held(nodes) >= 40
    assert most_held(nodes, frame_bytes=6 * size, scratch=tmp_path) <= 6 + 3
    expected, spilling = puller(nodes), puller(nodes, frame_bytes=6 * size, scratch=tmp_path)
    for index in range(2):
        np.testing.assert_array_equal(spilling.frame(index).pixels, expected.frame(index).pixels)
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_number_of_frames() -> None:
    pull = puller(joined(6, "PointBoth"))
    tracemalloc.start()
    try:
        for index in range(20):
            pull.frame(index)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for index in range(20, 140):
            pull.frame(index)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # What is remembered of each frame is its digest.
    assert grown < 120 * 600
