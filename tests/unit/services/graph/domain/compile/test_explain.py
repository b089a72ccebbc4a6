"""What the plan says of itself: passes, what is kept, costs."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from artifex.nodes import VIDEO, Frame, Input, Node, Output, RenderContext, Request
from services.graph.domain.compile.catalogue import Catalogue, catalogue
from services.graph.domain.compile.compiler import compile
from services.graph.domain.compile.explain import Cache, ExplainedStep, Explanation, explain
from services.graph.domain.evaluate.schedule import MAX_INPUTS
from tests.unit.services.graph.domain.compile.made import CLIP, TEXT, TYPES, animated, build, grouped, merge, one
from tests.unit.services.graph.support import footage_info, output


class Echo(Node):
    """Looks at three times at once."""

    category = "Test"
    video = Input(VIDEO, "In.")
    echoed = Output(VIDEO, "Out.", name="video")

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        return tuple(request.time + Fraction(step, 25) for step in (-1, 0, 1))

    def cost(self, request: Request) -> float:
        return 7.0

    def render(self, context: RenderContext) -> Frame:
        return context.read(self.video)


def explained(nodes: dict[str, Any], last: str, **settings: Any) -> Explanation:
    parsed = grouped({**nodes, "out": output(last)}, {}, **settings)
    sources = {"clip": footage_info(), "other": footage_info()}
    return explain(compile(parsed, Catalogue([*TYPES.values(), Echo]), "", sources), sources)


def by_node(found: Explanation) -> dict[str, ExplainedStep]:
    return {item.step.node: item for item in found.steps}


def test_point_operations_in_a_row_are_one_pass() -> None:
    nodes = {"clip": CLIP, "a": one("Gain", "clip", factor=2), "t": TEXT, "m": merge("t", "a", mix=animated(0, 1)),
             "b": one("Blur", "m"), "c": one("Gain", "b", factor=2)}  # fmt: skip
    found = by_node(explained(nodes, "c", width=1280, height=720))
    assert {name: item.group for name, item in found.items()} == {
        "clip": 1, "a": 1, "m": 1, "t": 0, "b": 0, "c": 2,
    }  # fmt: skip


def test_what_two_read_ends_a_pass() -> None:
    nodes = {"clip": CLIP, "a": one("Gain", "clip", factor=2), "b": one("Blur", "a"), "m": merge("b", "a")}
    found = by_node(explained(nodes, "m", width=1280, height=720))
    assert found["a"].group == found["clip"].group
    assert found["a"].group not in (0, found["m"].group)


def test_passes_read_a_bounded_number_of_pictures() -> None:
    nodes: dict[str, Any] = {"m0": {"type": "Blur", "inputs": {"video": "clip"}}, "clip": CLIP}
    for number in range(1, 2 * MAX_INPUTS):
        nodes[f"b{number}"] = one("Blur", "clip", size=number)
        nodes[f"m{number}"] = merge(f"b{number}", f"m{number - 1}")
    found = explained(nodes, f"m{2 * MAX_INPUTS - 1}")
    groups = {item.group for item in found.steps if item.step.type.schema.type == "Merge"}
    assert len(groups) > 1
    for group in groups:
        members = {item.step.index for item in found.steps if item.group == group}
        read = {edge.step for item in found.steps if item.group == group for edge in item.step.inputs.values()}
        assert len(read - members) <= MAX_INPUTS


def test_what_never_changes_is_kept_where_what_changes_reads_it() -> None:
    nodes = {
        "t": TEXT,
        "a": one("Blur", "t"),
        "b": one("Gain", "a", factor=animated(0, 1)),
        "clip": CLIP,
        "m": merge("b", "clip"),
    }
    found = by_node(explained(nodes, "m"))
    assert [found[name].cache for name in ("t", "a", "b", "m")] == [
        Cache.PASSING,
        Cache.ONCE,
        Cache.PASSING,
        Cache.PASSING,
    ]


def test_what_is_read_at_several_times_is_kept_for_the_next_frames() -> None:
    found = by_node(explained({"clip": CLIP, "a": one("Gain", "clip", factor=2), "e": one("Echo", "a")}, "e"))
    assert found["a"].cache == Cache.WINDOW
    assert found["e"].cache == Cache.PASSING


def test_costs_are_the_nodes_own_or_the_measured_ones_and_add_up() -> None:
    nodes = {"clip": CLIP, "t": TEXT, "m": merge("t", "clip"), "e": one("Echo", "m")}
    found = explained(nodes, "e", width=1000, height=1000)
    costs = {item.step.node: item.cost_ms for item in found.steps}
    assert costs["e"] == 7.0
    assert all(cost > 0 for cost in costs.values())
    assert found.once_ms == costs["t"]
    assert found.frame_ms == costs["clip"] + costs["m"] + costs["e"]


def test_what_is_captured_ahead_costs_frames_nothing() -> None:
    shot = {"type": "I2VGenerator", "inputs": {"image": "a"}, "params": {"prompt": "p"}}
    nodes = {"clip": CLIP, "a": one("Blur", "clip"), "shot": shot}
    parsed = grouped({**nodes, "out": output("shot")}, {}, width=1000, height=1000)
    sources = {"clip": footage_info()}
    found = explain(compile(parsed, catalogue(), "", sources), sources)
    costs = {item.step.node: item.cost_ms for item in found.steps}
    assert found.frame_ms == costs["shot"] > 0
    assert costs["clip"] == costs["a"] == 0


def test_a_run_costs_less_than_its_members() -> None:
    def cost(optimise: bool) -> float:
        nodes = {
            "clip": CLIP,
            "a": one("ColorCorrector", "clip", exposure=1),
            "b": one("ColorCorrector", "a", exposure=1),
        }
        sources = {"clip": footage_info()}
        return explain(build(nodes, "b", optimise=optimise, sources=sources), sources).frame_ms

    assert cost(True) < cost(False)


def test_sound_is_told_apart() -> None:
    nodes = {"clip": CLIP, "mix": {"type": "AudioMixer", "inputs": {"audio": "clip.audio"}}}
    parsed = grouped({**nodes, "out": output("clip", audio="mix")}, {})
    sources = {"clip": footage_info()}
    found = by_node(explain(compile(parsed, TYPES, "", sources), sources))
    assert found["mix"].sound
    assert not found["clip"].sound
    assert found["mix"].cost_ms == 0.0
