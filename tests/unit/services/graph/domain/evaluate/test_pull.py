"""The evaluator's promises, on small node types made for it."""

from collections.abc import Hashable, Sequence
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import IMAGE, VIDEO, Float, Frame, Input, Node, Output, RenderContext, Request
from libs.chassis.errors import Internal, InvalidArgument
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.nodes.composite.merge import Merge
from services.graph.nodes.output.file_output import FileOutput
from tests.unit.services.graph.support import document, output


class Ramp(Node):
    """Each pixel holds the time and the level."""

    category = "Test"
    time_dependent = True
    video = Output(VIDEO, "The picture.")
    level = Float(0.0, doc="d")
    made: ClassVar[list[Fraction]] = []

    def fingerprint(self, request: Request) -> Hashable:
        return (self.level, request.time)

    def render(self, context: RenderContext) -> Frame:
        Ramp.made.append(context.request.time)
        pixels = np.full((36, 64, 4), float(context.request.time) + self.level, np.float32)
        return Frame(pixels)


class Solid(Node):
    """The same at every time."""

    category = "Test"
    video = Output(VIDEO, "The picture.")
    image = Output(IMAGE, "The same as an image.")
    level = Float(0.5, doc="d")
    made: ClassVar[list[float]] = []

    def render(self, context: RenderContext) -> Frame:
        Solid.made.append(self.level)
        return Frame(np.full((36, 64, 4), self.level, np.float32))


class AddInPlace(Node):
    """Takes its input and changes it."""

    category = "Test"
    video = Input(VIDEO, "In.")
    added = Output(VIDEO, "Out.", name="video")
    amount = Float(1.0, doc="d")

    def render(self, context: RenderContext) -> Frame:
        frame = context.take(self.video)
        frame.pixels[:] += self.amount
        return frame


class Pass(Node):
    """Hands on what it reads."""

    category = "Test"
    video = Input(VIDEO, "In.")
    same = Output(VIDEO, "Out.", name="video")

    def render(self, context: RenderContext) -> Frame:
        return context.read(self.video)


class Sum(Node):
    """Adds two, one of them as it was a second before."""

    category = "Test"
    a = Input(VIDEO, "In.")
    b = Input(VIDEO, "In, a second before.")
    total = Output(VIDEO, "Out.", name="video")

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        return (request.time - 1,) if name == "b" else (request.time,)

    def render(self, context: RenderContext) -> Frame:
        time = context.request.time
        return Frame(context.read(self.a).pixels + context.read(self.b, time - 1).pixels)


class Fails(Node):
    """Fails."""

    category = "Test"
    video = Input(VIDEO, "In.")
    out = Output(VIDEO, "Out.")
    typed = Float(0.0, doc="d")

    def render(self, context: RenderContext) -> Frame:
        if self.typed:
            raise InvalidArgument("the file is broken")
        raise ZeroDivisionError("secret")


TYPES = Catalogue([Ramp, Solid, AddInPlace, Pass, Sum, Fails, FileOutput, Merge])


def puller(nodes: dict[str, Any], last: str = "x", cache_bytes: int = 1 << 24) -> FramePuller:
    compiled = compile(document({**nodes, "out": output(last)}, fps=1, duration=100), TYPES, "", {})
    return FramePuller(compiled, {}, WorkingColour("ACEScg"), cache=FrameCache(cache_bytes))


def add(source: str, amount: Any = 1.0) -> dict[str, Any]:
    return {"type": "AddInPlace", "inputs": {"video": source}, "params": {"amount": amount}}


@pytest.fixture(autouse=True)
def _forget() -> None:
    Ramp.made.clear()
    Solid.made.clear()


def test_a_chain_is_evaluated_at_its_time() -> None:
    pull = puller({"r": {"type": "Ramp"}, "x": add("r", {"keys": [[0, 0], [10, 10]]})})
    assert pull.frame(4).pixels[0, 0, 0] == 8.0
    assert pull.frame(2).pixels[0, 0, 0] == 4.0


def test_changing_in_place_reaches_no_other_reader() -> None:
    nodes = {"r": {"type": "Ramp"}, "p": {"type": "Pass", "inputs": {"video": "r"}},
             "a": add("r", 10), "b": add("p", 100), "x": {"type": "Sum", "inputs": {"a": "a", "b": "b"}}}  # fmt: skip
    assert puller(nodes).frame(5).pixels[0, 0, 0] == (5 + 10) + (4 + 100)


def test_the_callers_frame_is_its_own() -> None:
    pull = puller({"x": {"type": "Solid"}})
    pull.frame(0).pixels[:] = 99
    assert pull.frame(1).pixels[0, 0, 0] == 0.5


def test_what_never_changes_is_made_once() -> None:
    pull = puller({"s": {"type": "Solid"}, "g": add("s"), "r": {"type": "Ramp"},
                   "x": {"type": "Sum", "inputs": {"a": "g", "b": "r"}}})  # fmt: skip
    values = [pull.frame(index).pixels[0, 0, 0] for index in range(1, 6)]
    assert values == [1.5 + index - 1 for index in range(1, 6)]
    assert len(Solid.made) == 1


def test_a_result_that_comes_twice_is_kept() -> None:
    pull = puller({"s": {"type": "Solid", "params": {"level": {"keys": [[0, 1], [3, 4]]}}}, "x": add("s")})
    for index in range(10):
        assert pull.frame(index).pixels[0, 0, 0] == 2 + min(index, 3)
    assert Solid.made == [1.0, 2.0, 3.0, 4.0, 4.0]


def test_a_time_that_two_frames_read_is_computed_for_each() -> None:
    pull = puller({"r": {"type": "Ramp"}, "x": {"type": "Sum", "inputs": {"a": "r", "b": "r"}}})
    assert pull.frame(7).pixels[0, 0, 0] == 7 + 6
    assert sorted(Ramp.made) == [6, 7]


def test_an_input_that_is_not_needed_is_not_made() -> None:
    pull = puller({"r": {"type": "Ramp"}, "s": {"type": "Solid"},
                   "x": {"type": "Merge", "inputs": {"a": "r", "b": "s"}, "params": {"mix": 0}}})  # fmt: skip
    pull.frame(3)
    assert Ramp.made == []


def test_a_failure_names_node_and_frame_and_no_internals() -> None:
    with pytest.raises(Internal) as raised:
        puller({"r": {"type": "Ramp"}, "x": {"type": "Fails", "inputs": {"video": "r"}}}).frame(3)
    assert raised.value.metadata == {"node": "x", "frame": "3", "inputs": "video 64x36x4 at 0,0"}
    assert 'node "x" (Fails) failed at frame 3; its inputs: video 64x36x4 at 0,0' in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_typed_failure_stays_what_it_is() -> None:
    nodes = {"r": {"type": "Ramp"}, "x": {"type": "Fails", "inputs": {"video": "r"}, "params": {"typed": 1}}}
    with pytest.raises(InvalidArgument, match="broken") as raised:
        puller(nodes).frame(3)
    assert raised.value.metadata == {"node": "x", "frame": "3", "inputs": "video 64x36x4 at 0,0"}


def test_ten_thousand_nodes_deep_is_no_recursion() -> None:
    nodes: dict[str, Any] = {"n0": {"type": "Ramp"}}
    nodes.update({f"n{n}": add(f"n{n - 1}") for n in range(1, 10_000)})
    assert puller(nodes, "n9999").frame(1).pixels[0, 0, 0] == 10_000


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    """Random graphs whose nodes read any earlier ones."""
    size = draw(st.integers(1, 14))
    nodes: dict[str, Any] = {"n0": {"type": "Ramp"}, "n1": {"type": "Solid"}}
    for index in range(2, 2 + size):
        earlier = st.integers(0, index - 1).map("n{}".format)
        kind = draw(st.sampled_from(["add", "animated", "pass", "sum", "merge"]))
        a, b = draw(earlier), draw(earlier)
        if kind == "add":
            nodes[f"n{index}"] = add(a, draw(st.integers(-3, 3)))
        elif kind == "animated":
            nodes[f"n{index}"] = add(a, {"keys": [[0, 0], [2, 3, "step"], [4, 1, "ease_in"]]})
        elif kind == "pass":
            nodes[f"n{index}"] = {"type": "Pass", "inputs": {"video": a}}
        elif kind == "sum":
            nodes[f"n{index}"] = {"type": "Sum", "inputs": {"a": a, "b": b}}
        else:
            nodes[f"n{index}"] = {"type": "Merge", "inputs": {"a": a, "b": b}, "params": {"operation": "screen"}}
    return nodes, f"n{1 + size}"


@settings(max_examples=60, deadline=None)
@given(graphs(), st.lists(st.integers(0, 8), min_size=1, max_size=6))
def test_cached_and_cold_alone_and_in_order_are_bit_equal(graph: tuple[dict[str, Any], str], order: list[int]) -> None:
    nodes, last = graph
    warm, small = puller(nodes, last), puller(nodes, last, cache_bytes=20_000)
    for index in order:
        alone = puller(nodes, last, cache_bytes=0).frame(index).pixels
        np.testing.assert_array_equal(warm.frame(index).pixels, alone)
        np.testing.assert_array_equal(small.frame(index).pixels, alone)
