"""Groups: what they come to, bypassed and muted as well, and where their mistakes are placed."""

from __future__ import annotations

from typing import Any

import pytest

from services.graph.domain.compile.compiler import check
from services.graph.domain.compile.signals import Constant
from services.graph.domain.documents.problems import Problem, Reason
from tests.unit.services.graph.domain.compile.made import CLIP, TEXT, TYPES, build, grouped, merge, one, problems
from tests.unit.services.graph.support import footage_info, output

LOOK: dict[str, Any] = {
    "nodes": {"warm": {"type": "Gain", "params": {"factor": 2}}, "cool": one("Gain", "warm", factor=3)},
    "inputs": {"video": "warm.video"},
    "outputs": {"video": "cool"},
    "params": {"first": "warm.factor"},
}
PAIR: dict[str, Any] = {
    "nodes": {"a": {"type": "group:look"}, "m": {"type": "Merge", "inputs": {"a": "a"}}},
    "inputs": {"plate": ["a.video", "m.b"]},
    "outputs": {"out": "m.video", "inner": "a"},
    "params": {"strength": "a.first", "mix": "m.mix"},
}
GROUPS = {"look": LOOK, "pair": PAIR}


def use(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"group:{name}", **fields}


def steps(nodes: dict[str, Any], last: str) -> dict[str, Any]:
    compiled = build({"t": TEXT, **nodes}, last, groups=GROUPS, optimise=False)
    return {step.node: step for step in compiled.steps}


def placed(nodes: dict[str, Any], groups: dict[str, Any] | None = None) -> dict[str, Problem]:
    found = problems({"t": TEXT, **nodes}, GROUPS if groups is None else groups)
    return {problem.path: problem for problem in found}


def test_a_use_is_its_nodes() -> None:
    made = steps({"u": use("look", inputs={"video": "t"}, params={"first": 5})}, "u")
    assert list(made) == ["t", "u/warm", "u/cool"]
    assert made["u/warm"].signals["factor"] == Constant(5.0)
    assert made["u/cool"].signals["factor"] == Constant(3.0)


def test_groups_hold_groups_and_feed_several_inputs() -> None:
    made = steps({"u": use("pair", inputs={"plate": "t"}, params={"strength": 7, "mix": 0.5})}, "u.out")
    assert list(made) == ["t", "u/a/warm", "u/a/cool", "u/m"]
    assert made["u/a/warm"].signals["factor"] == Constant(7.0)
    assert made["u/m"].inputs["b"].step == made["t"].index
    assert made["u/m"].inputs["a"].step == made["u/a/cool"].index


def test_equal_uses_are_merged_and_different_ones_are_not() -> None:
    nodes = {"u": use("look", inputs={"video": "t"}), "v": use("look", inputs={"video": "t"}),
             "w": use("look", inputs={"video": "t"}, params={"first": 9}), "m": merge("u", "v"), "n": merge("m",
              "w")}  # fmt: skip
    made = steps(nodes, "n")
    assert "v/cool" not in made
    assert {"u/cool", "w/warm", "w/cool"} <= set(made)


def test_a_use_may_stand_before_what_it_reads() -> None:
    nodes = {
        "second": use("look", inputs={"video": "first"}),
        "first": use("look", inputs={"video": "t"}, params={"first": 4}),
    }
    made = steps(nodes, "second")
    assert made["second/warm"].inputs["video"].step == made["first/cool"].index


def test_keys_and_expressions_can_be_given() -> None:
    nodes = {"u": use("look", inputs={"video": "t"}, params={"first": {"expr": "1 + t"}})}
    (step,) = [
        step for step in build({"t": TEXT, **nodes}, "u", groups=GROUPS, optimise=False).steps if step.node == "u/warm"
    ]
    assert step.at(grouped({"o": output("t")}, {}).settings.fps / 25).values["factor"] == 2.0


def test_a_bypassed_use_passes_the_input_of_its_outputs_name_or_the_only_one() -> None:
    assert list(steps({"u": use("look", inputs={"video": "t"}, bypass=True)}, "u")) == ["t"]
    assert list(steps({"u": use("pair", inputs={"plate": "t"}, bypass=True)}, "u.out")) == ["t"]
    chain = {"u": use("look", inputs={"video": "t"}, bypass=True), "v": use("look", inputs={"video": "u"}, bypass=True)}
    assert list(steps(chain, "v")) == ["t"]
    assert build({"t": TEXT, **chain}, "v", groups=GROUPS).simplified.bypassed == ("u", "v")


def test_a_muted_use_is_nothing() -> None:
    compiled = build({"t": TEXT, "u": use("pair", inputs={"plate": "t"}, mute=True)}, "u.out", groups=GROUPS)
    assert [step.type.schema.type for step in compiled.steps] == ["Muted"]
    assert compiled.simplified.muted == ("u/m",)


@pytest.mark.parametrize(
    ("nodes", "path", "reason"),
    [
        ({"u": use("look")}, "nodes.u.inputs.video", Reason.MISSING_INPUT),
        ({"u": use("look", inputs={"video": "t.mask"})}, "nodes.u.inputs.video", Reason.TYPE_MISMATCH),
        ({"u": use("look", inputs={"video": "t", "plate": "t"})}, "nodes.u.inputs.plate", Reason.UNKNOWN_INPUT),
        ({"u": use("look", inputs={"video": "t"}, params={"first": "x"})}, "nodes.u.params.first",
         Reason.PARAMETER_TYPE),
        ({"u": use("look", inputs={"video": "t"}, params={"last": 1})}, "nodes.u.params.last",
         Reason.UNKNOWN_PARAMETER),
        ({"u": use("look", inputs={"video": "t"}, params={"first": {"keys": [[0, 1], [1, "x"]]}})},
         "nodes.u.params.first.keys.1.1", Reason.PARAMETER_TYPE),
        ({"u": use("look", inputs={"video": "t"}, params={"first": {"expr": "factor"}})}, "nodes.u.params.first",
         Reason.INVALID_EXPRESSION),
        ({"u": use("loook", inputs={"video": "t"})}, "nodes.u.type", Reason.UNKNOWN_NODE_TYPE),
        ({"u": use("look", inputs={"video": "u"})}, "nodes.u.inputs.video", Reason.CYCLE),
        ({"u": use("look", inputs={"video": "t"}, version="1.0.0")}, "nodes.u.version", Reason.UNSUPPORTED_VERSION),
        ({"p": use("pair", inputs={"plate": "t"}), "u": one("Gain", "p")}, "nodes.u.inputs.video",
         Reason.UNKNOWN_SOURCE),
        ({"p": use("pair", inputs={"plate": "t"}), "u": one("Gain", "p.no")}, "nodes.u.inputs.video",
         Reason.UNKNOWN_SOURCE),
        ({"u": use("look", bypass=True)}, "nodes.u.bypass", Reason.CANNOT_BYPASS),
        ({"u": use("pair", inputs={"plate": "t"}, params={"strength": []})}, "nodes.u.params.strength",
         Reason.PARAMETER_TYPE),
    ],
)  # fmt: skip
def test_mistakes_of_a_use_are_placed_there(nodes: dict[str, Any], path: str, reason: Reason) -> None:
    found = placed({**nodes, "o": output("u")})
    assert found[path].reason == reason
    assert found[path].message


@pytest.mark.parametrize(
    ("change", "path", "reason"),
    [
        ({"nodes": {**LOOK["nodes"], "cool": one("Gain", "warmer")}}, "groups.look.nodes.cool.inputs.video",
         Reason.UNKNOWN_SOURCE),
        ({"nodes": {**LOOK["nodes"], "cool": one("Gain", "warm", factor="x")}}, "groups.look.nodes.cool.params.factor",
         Reason.PARAMETER_TYPE),
        ({"nodes": {**LOOK["nodes"], "cool": one("Gian", "warm")}}, "groups.look.nodes.cool.type",
         Reason.UNKNOWN_NODE_TYPE),
        ({"nodes": {**LOOK["nodes"], "cool": one("group:look", "warm")}}, "groups.look.nodes", Reason.CYCLE),
        ({"nodes": {**LOOK["nodes"], "o": output("warm")}}, "groups.look.nodes.o.type", Reason.INVALID_VALUE),
        ({"nodes": {"warm": one("Gain", "cool"), "cool": one("Gain", "warm")}, "inputs": {}},
         "groups.look.nodes.cool.inputs", Reason.CYCLE),
        ({"inputs": {"video": "cool.video"}}, "groups.look.inputs.video", Reason.INVALID_VALUE),
        ({"inputs": {"video": "warm.vide"}}, "groups.look.inputs.video", Reason.UNKNOWN_INPUT),
        ({"inputs": {"video": "arm.video"}}, "groups.look.inputs.video", Reason.UNKNOWN_SOURCE),
        ({"inputs": {"video": "warm.video", "again": "warm.video"}}, "groups.look.inputs.again", Reason.INVALID_VALUE),
        ({"outputs": {"video": "cold"}}, "groups.look.outputs.video", Reason.UNKNOWN_SOURCE),
        ({"outputs": {"video": "cool.sound"}}, "groups.look.outputs.video", Reason.UNKNOWN_SOURCE),
        ({"params": {"first": "warm.facto"}}, "groups.look.params.first", Reason.UNKNOWN_PARAMETER),
    ],
)  # fmt: skip
def test_mistakes_of_a_group_are_placed_there_and_told_once(change: dict[str, Any], path: str, reason: Reason) -> None:
    nodes = {
        "t": TEXT,
        "u": use("look", inputs={"video": "t"}),
        "v": use("look", inputs={"video": "u"}),
        "o": output("v"),
    }
    found = [problem for problem in problems(nodes, {"look": {**LOOK, **change}}) if problem.path == path]
    assert [problem.reason for problem in found] == [reason]


def test_what_reads_a_broken_use_has_no_problem_of_its_own() -> None:
    assert set(placed({"u": use("loook", inputs={"video": "t"}), "g": one("Gain", "u"), "o": output("g")})) == {
        "nodes.u.type"
    }


def test_expansion_is_bounded() -> None:
    groups: dict[str, Any] = {"g0": {"nodes": {"t": TEXT}, "outputs": {"v": "t"}}}
    for level in range(1, 10):
        inner = {f"n{number}": use(f"g{level - 1}") for number in range(50)}
        groups[f"g{level}"] = {"nodes": inner, "outputs": {"v": "n0"}}
    (problem,) = problems({"u": use("g9"), "o": output("u")}, groups)
    assert problem.reason == Reason.LIMIT_EXCEEDED
    assert len(problems({"u": use("g2"), "o": output("u")}, groups)) == 0


def test_ids_are_bounded_with_all_their_uses() -> None:
    long = "x" * 60
    groups: dict[str, Any] = {"g0": {"nodes": {long: TEXT}, "outputs": {"v": long}}}
    for level in range(1, 5):
        groups[f"g{level}"] = {"nodes": {long: use(f"g{level - 1}")}, "outputs": {"v": long}}
    assert problems({"u": use("g2"), "o": output("u")}, groups) == []
    (problem,) = problems({"u": use("g4"), "o": output("u")}, groups)
    assert (problem.path, problem.reason) == (f"groups.g0.nodes.{long}.type", Reason.LIMIT_EXCEEDED)


def test_nodes_of_the_document_may_be_bypassed_and_muted() -> None:
    sources = {"clip": footage_info()}
    nodes = {
        "clip": CLIP,
        "a": {**one("Gain", "clip", factor=2), "bypass": True},
        "t": {**TEXT, "mute": True},
        "m": merge("t", "a"),
    }
    compiled = build(nodes, "m", sources=sources)
    assert sorted(step.type.schema.type for step in compiled.steps) == ["MediaInput", "Merge", "Muted"]
    assert compiled.simplified.bypassed == ("a",)
    assert compiled.simplified.muted == ("t",)
    over = {"clip": CLIP, "t": TEXT, "m": {**merge("t", "clip"), "bypass": True}}
    assert [step.node for step in build(over, "m", sources=sources).steps] == ["clip"], "a merge passes what is behind"
    assert build({**nodes, "clip": {**CLIP, "mute": True}}, "m", sources=sources).assets == {}


def test_muting_a_clip_does_not_change_the_movies_length() -> None:
    sources = {"clip": footage_info()}
    for mute in (False, True):
        assert build({"clip": {**CLIP, "mute": mute}}, "clip", sources=sources, duration=None).frame_count == 132


@pytest.mark.parametrize(
    ("node", "switch", "reason"),
    [
        ("t", "bypass", Reason.CANNOT_BYPASS),
        ("o", "bypass", Reason.CANNOT_BYPASS),
        ("o", "mute", Reason.CANNOT_MUTE),
    ],
)
def test_what_cannot_be_switched_off_says_so(node: str, switch: str, reason: Reason) -> None:
    nodes = {"t": TEXT, "o": output("t")}
    nodes[node] = {**nodes[node], switch: True}
    (problem,) = problems(nodes, {})
    assert (problem.path, problem.reason) == (f"nodes.{node}.{switch}", reason)


def test_five_thousand_bypassed_uses_in_a_row_are_followed_once_each() -> None:
    nodes: dict[str, Any] = {"u0": TEXT}
    for number in range(1, 5001):
        nodes[f"u{number}"] = use("look", inputs={"video": f"u{number - 1}"}, bypass=True)
    checked = check(grouped({**nodes, "o": output("u5000")}, GROUPS), TYPES)
    assert not checked.problems
    assert [connection.source for connection in checked.resolved["o"].connections.values()] == ["u0"]
