"""Nodes that want to know themselves at other times than their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import VIDEO, Float, Frame, Input, Integer, Motion, Node, Output, RenderContext, Request, Window
from libs.chassis.errors import Internal
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import compile
from services.graph.domain.compile.explain import explain
from services.graph.domain.compile.runs import MotionRun
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller, Keep
from services.graph.nodes.output.file_output import FileOutput
from tests.unit.services.graph.support import document, output


class Still(Node):
    """One grey, always."""

    category = "Test"
    video = Output(VIDEO, "The picture.")

    def render(self, context: RenderContext) -> Frame:
        return Frame(np.ones((36, 64, 4), np.float32))


class Trail(Node):
    """The sum of its level now and over the next frames."""

    category = "Test"
    video = Input(VIDEO, "In.")
    out = Output(VIDEO, "Out.", name="video")
    level = Float(1.0, doc="What the picture is multiplied by.")
    reach = Integer(2, doc="How many frames to come.")
    made: ClassVar[list[Fraction]] = []

    def moments(self, request: Request) -> Sequence[Fraction]:
        return [request.time + number / request.frame_rate for number in range(1, self.reach + 1)]

    def identity(self, request: Request) -> str | None:
        return "video" if not self.then and self.level == 1.0 else None

    def render(self, context: RenderContext) -> Frame:
        Trail.made.append(context.request.time)
        nodes = (self, *self.then)
        assert [type(node) for node in nodes] == [Trail] * (1 + self.reach)
        assert not any(node.then for node in self.then)
        frame = context.read(self.video)
        return Frame(frame.pixels * np.float32(sum(node.level for node in nodes if isinstance(node, Trail))))


class Drift(Node):
    """Moves by how far it will have come a frame later."""

    category = "Test"
    video = Input(VIDEO, "In.")
    out = Output(VIDEO, "Out.", name="video")
    by = Float(0.0, doc="Pixels.")

    def moments(self, request: Request) -> Sequence[Fraction]:
        return [request.time + 1 / request.frame_rate]

    def motion(self, window: Window, request: Request) -> Motion:
        (later,) = self.then
        assert isinstance(later, Drift)
        matrix = np.eye(3)
        matrix[0, 2] = later.by
        return Motion(matrix, "cubic")


TYPES = Catalogue([Still, Trail, Drift, FileOutput])
RAMP: dict[str, Any] = {"keys": [[0, 0], [10, 10]]}


@pytest.fixture(autouse=True)
def _forget() -> None:
    Trail.made.clear()


def pull(nodes: dict[str, Any], **options: Any) -> FramePuller:
    whole = document({"s": {"type": "Still"}, **nodes, "out": output("x")}, fps=1, duration=100)
    return FramePuller(compile(whole, TYPES, "", {}), {}, WorkingColour("ACEScg"), **options)


def trail(level: Any, reach: Any = 2, source: str = "s") -> dict[str, Any]:
    return {"type": "Trail", "inputs": {"video": source}, "params": {"level": level, "reach": reach}}


def values(puller: FramePuller, *frames: int) -> list[float]:
    return [float(puller.frame(frame).pixels[0, 0, 0]) for frame in frames]


def test_a_node_knows_itself_at_its_moments() -> None:
    assert values(pull({"x": trail(RAMP)}), 0, 3, 9, 20) == [0 + 1 + 2, 3 + 4 + 5, 9 + 10 + 10, 30]


def test_how_many_may_change_with_time() -> None:
    assert values(pull({"x": trail(RAMP, {"keys": [[0, 0], [2, 3, "step"]]})}), 1, 2) == [1, 2 + 3 + 4 + 5]


def test_a_node_that_never_changes_is_itself_at_all_times() -> None:
    assert values(pull({"x": trail(0.5, 3)}), 0, 7) == [2.0, 2.0]
    assert len(Trail.made) == 1


def test_times_of_equal_moments_share_a_result_and_others_do_not() -> None:
    """The level is 1 at frames 0 to 2, and 5 from frame 3 on: frame 1 looks at that one, frame 0 does not."""
    puller = pull({"x": trail({"keys": [[0, 1, "step"], [3, 5, "step"]]})}, keep=Keep.COSTLY)
    assert values(puller, 0, 1, 2, 3, 4) == [3.0, 7.0, 11.0, 15.0, 15.0]
    Trail.made.clear()
    assert values(puller, 5, 6, 0) == [15.0, 15.0, 3.0]
    assert Trail.made == []


def test_what_decides_nothing_without_its_moments_is_not_passed_by_when_compiled() -> None:
    """It would change nothing if it had none, and how many there are is known only for a frame."""
    assert values(pull({"x": trail(1.0, 2)}), 0) == [3.0]
    assert values(pull({"x": trail(1.0, 0)}), 0) == [1.0]
    assert len(Trail.made) == 1


def test_members_of_a_run_have_their_own() -> None:
    drift = {"type": "Drift", "params": {"by": RAMP}}
    nodes = {"a": {**drift, "inputs": {"video": "s"}}, "x": {**drift, "inputs": {"video": "a"}}}
    puller = pull(nodes)
    assert [puller.frame(frame).window.x for frame in (0, 2, 5)] == [2, 6, 12]
    whole = document({"s": {"type": "Still"}, **nodes, "out": output("x")}, fps=1, duration=100)
    compiled = compile(whole, TYPES, "", {})
    assert [step.type for step in compiled.steps] == [Still, MotionRun]
    assert len(explain(compiled, {}).steps) == 2


def test_members_of_a_run_tell_their_moments_to_the_cache() -> None:
    """At frames 1 and 2 both are where they were; the later one looks at a frame where they are not."""
    by = {"keys": [[0, 4, "step"], [3, 9, "step"]]}
    drift = {"type": "Drift", "params": {"by": by}}
    nodes = {"a": {**drift, "inputs": {"video": "s"}}, "x": {**drift, "inputs": {"video": "a"}}}
    puller = pull(nodes, cache=FrameCache(1 << 24), keep=Keep.COSTLY)
    assert [puller.frame(frame).window.x for frame in (1, 2, 1)] == [8, 18, 8]


def test_too_many_moments_are_an_error_of_the_node() -> None:
    with pytest.raises(Internal) as raised:
        pull({"x": trail(RAMP, 1025)}).frame(0)
    assert raised.value.metadata["node"] == "x"


def _chain(draw: st.DrawFn) -> Iterator[tuple[str, dict[str, Any]]]:
    steps = {"keys": [[0, 1, "step"], [2, 2, "step"], [3, 1, "step"]]}
    levels = st.sampled_from([1.0, 0.5, steps, {"expr": "1 + 0.25 * frame"}])
    source = "s"
    for number in range(draw(st.integers(1, 5))):
        name = f"n{number}"
        yield name, trail(draw(levels), draw(st.sampled_from([0, 1, 2, steps])), source)
        source = name
    yield "x", trail(1.0, 1, source)


@settings(max_examples=40, deadline=None)
@given(st.composite(lambda draw: dict(_chain(draw)))(), st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_any_frame_alone_is_as_it_is_in_sequence(nodes: dict[str, Any], frames: list[int]) -> None:
    warm = pull(nodes, keep=Keep.COSTLY)
    for frame in frames:
        assert values(warm, frame) == values(pull(nodes, cache=FrameCache(0)), frame)
