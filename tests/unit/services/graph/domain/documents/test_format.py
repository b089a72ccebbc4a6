"""What documents hold besides nodes and links: remarks, switches, curves with handles, groups."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from artifex.nodes import Bezier
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import compile
from services.graph.domain.compile.signals import sample
from services.graph.domain.documents.document import (
    Animation,
    Document,
    Group,
    Link,
    canonical_json,
    digest,
    meaning_digest,
    parse_document,
)
from services.graph.domain.documents.problems import GraphInvalid, Reason
from tests.unit.services.graph.support import document, output, text_of

TEXT: dict[str, Any] = {"type": "TextInput", "params": {"text": "x"}}
GROUP: dict[str, Any] = {
    "nodes": {"g": {"type": "ColorCorrector", "notes": "inside"},
              "h": {"type": "ColorCorrector", "inputs": {"video": "g"}}},
    "inputs": {"plate": ["g.video"]},
    "outputs": {"video": "h", "half": "g.video"},
    "params": {"amount": ["g.exposure", "h.exposure"], "sat": "h.saturation"},
}  # fmt: skip


def with_groups(groups: object, **nodes: Any) -> str:
    return json.dumps({**json.loads(text_of({"t": TEXT, "out": output("t"), **nodes})), "groups": groups})


def parsed(**node: Any) -> Document:
    return document({"x": {**TEXT, **node}, "out": output()})


def problems(text: str) -> dict[str, Reason]:
    with pytest.raises(GraphInvalid) as raised:
        parse_document(text)
    return {problem.path: problem.reason for problem in raised.value.problems}


def test_remarks_are_kept_and_mean_nothing() -> None:
    bare, noted = parsed(), parsed(notes="노트: später\nbesser", position=[-12, 3.5])
    assert noted.nodes["x"].notes == "노트: später\nbesser"
    assert noted.nodes["x"].position == (-12.0, 3.5)
    assert parse_document(canonical_json(noted)) == noted
    assert digest(noted) != digest(bare)
    assert meaning_digest(noted) == meaning_digest(bare)
    compiled = [compile(one, catalogue(), "", {}).steps[0].digest for one in (bare, noted)]
    assert compiled[0] == compiled[1]


def test_switches_are_kept_and_mean_something() -> None:
    muted = parsed(mute=True, bypass=False)
    assert (muted.nodes["x"].mute, muted.nodes["x"].bypass) == (True, False)
    assert parse_document(canonical_json(muted)) == muted
    assert meaning_digest(muted) != meaning_digest(parsed())
    assert canonical_json(parsed(bypass=False)) == canonical_json(parsed())


def test_groups_are_kept() -> None:
    read = parse_document(with_groups({"look": GROUP}, u={"type": "group:look", "inputs": {"plate": "t"}}))
    group = read.groups["look"]
    assert isinstance(group, Group)
    assert group.inputs == {"plate": (Link("g", "video"),)}
    assert group.outputs == {"video": Link("h"), "half": Link("g", "video")}
    assert group.params == {"amount": (Link("g", "exposure"), Link("h", "exposure")), "sat": (Link("h", "saturation"),)}
    assert parse_document(canonical_json(read)) == read
    assert "inside" not in canonical_json(read, remarks=False)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"extra": 1}, "extra"),
        ({"nodes": []}, "nodes"),
        ({"outputs": {}}, "outputs"),
        ({"outputs": []}, "outputs"),
        ({"outputs": {"video.1": "g"}}, "outputs.video.1"),
        ({"outputs": {"video": 5}}, "outputs.video"),
        ({"inputs": {"plate": "g"}}, "inputs.plate"),
        ({"inputs": {"plate": []}}, "inputs.plate"),
        ({"inputs": {"plate": ["g.video", 1]}}, "inputs.plate"),
        ({"inputs": {"plate": ["g.video"] * 65}}, "inputs.plate"),
        ({"params": {"a b": "g.gain"}}, "params.a b"),
        ({"params": []}, "params"),
        ({"nodes": {"g": {}}}, "nodes.g.type"),
        ({"nodes": {"g": {"type": "X", "position": [1]}}}, "nodes.g.position"),
    ],
)
def test_mistakes_in_a_group_are_placed(change: dict[str, Any], path: str) -> None:
    assert f"groups.look.{path}" in problems(with_groups({"look": {**GROUP, **change}}))


def test_groups_count_towards_the_most_nodes() -> None:
    nodes = {f"n{number}": TEXT for number in range(15_000)}
    text = with_groups({"a": {"nodes": nodes, "outputs": {"v": "n0"}}, "b": {"nodes": nodes, "outputs": {"v": "n0"}}})
    assert problems(text) == {"groups.b.nodes": Reason.LIMIT_EXCEEDED}


def test_keys_take_handles() -> None:
    handles = [0.25, 0.1, 0.25, 1]
    read = parsed(params={"text": "x", "size": {"keys": [[0, 10], [2, 20, {"bezier": handles}]]}})
    animation = read.nodes["x"].params["size"]
    assert isinstance(animation, Animation)
    assert animation.keys[1].ease == Bezier(0.25, 0.1, 0.25, 1.0)
    assert parse_document(canonical_json(read)) == read
    (step,) = compile(read, catalogue(), "", {}).steps
    # CSS's own `ease`, whose middle is known: 0.8024…
    assert step.at(Fraction(1)).values["size"] == pytest.approx(18.024, abs=1e-3)


@pytest.mark.parametrize(
    "handles", [[0, 0, 0], [0, 0, 0, 0, 0], [-0.1, 0, 1, 1], [0, 0, 1.1, 1], [0, 1e4, 1, 1], ["0", 0, 1, 1], 5]
)
def test_handles_are_four_numbers_within_bounds(handles: object) -> None:
    text = text_of({"x": {**TEXT, "params": {"text": "x", "size": {"keys": [[0, 1, {"bezier": handles}]]}}}})
    assert list(problems(text)) == ["nodes.x.params.size.keys.0.2.bezier"]


def test_what_swings_beyond_its_keys_stays_within_bounds() -> None:
    curve = {"keys": [[0, 0.9], [1, 1, {"bezier": [0.3, 4, 0.6, 4]}]]}
    (step,) = compile(parsed(params={"text": "x", "opacity": curve}), catalogue(), "", {}).steps
    assert step.at(Fraction(1, 2)).values["opacity"] == 1.0
    assert sample(step.signals["opacity"], 0, 100, 100).max() == 1.0
    tint = {"keys": [[0, [0, 0, 0, 0.5]], [1, [1, 1, 1, 1], {"bezier": [0.3, 4, 0.6, 4]}]]}
    (step,) = compile(parsed(params={"text": "x", "color": tint}), catalogue(), "", {}).steps
    assert step.at(Fraction(1, 2)).values["color"][3] == 1.0
