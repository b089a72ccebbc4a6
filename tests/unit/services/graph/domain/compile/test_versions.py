"""Nodes of older versions are brought forward by what their types register, or refused with the reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from artifex.nodes import (
    VIDEO,
    DeclarationError,
    Float,
    Input,
    Node,
    OldNode,
    Output,
    parse_version,
    upgrade,
    upgrade_path,
)
from services.graph.domain.compile.catalogue import Catalogue, catalogue
from services.graph.domain.compile.compiler import check, compile
from services.graph.domain.compile.signals import Constant
from services.graph.domain.compile.versions import stamped
from services.graph.domain.documents.document import canonical_json, parse_document
from services.graph.domain.documents.problems import Reason
from services.graph.nodes.input.text_input import TextInput
from tests.unit.services.graph.domain.compile.made import TEXT
from tests.unit.services.graph.support import document, output


class Soften(Node):
    """Of a version that has seen two others."""

    category = "Test"
    version = "3.1.0"
    picture = Input(VIDEO, "In.")
    soft = Output(VIDEO, "Out.")
    sharp = Output(VIDEO, "Out.")
    sigma = Float(1.0, minimum=0, doc="d.")

    @upgrade(since="1.0.0", to="2.0.0")
    def _radius(old: OldNode) -> None:
        radius = old.params.pop("radius", 4.0)
        old.params["size"] = radius / 2 if isinstance(radius, int | float) else radius
        old.inputs["picture"] = old.inputs.pop("video")
        old.renamed_outputs["out"] = "blurred"

    @upgrade(since="2.0.0", to="3.0.0")
    def _sigma(old: OldNode) -> None:
        old.params["sigma"] = old.params.pop("size")
        old.renamed_outputs["blurred"] = "soft"


TYPES = Catalogue([*catalogue().values(), Soften])


def nodes(version: str, **params: Any) -> dict[str, Any]:
    soften = {"type": "Soften", "version": version, "inputs": {"video": "t"}, "params": params}
    return {"t": TEXT, "s": soften, "o": output("s.out")}


def test_upgrades_chain_and_rename() -> None:
    compiled = compile(document(nodes("1.2.0", radius=6)), TYPES, "", {})
    assert compiled.steps[1].signals["sigma"] == Constant(3.0)
    assert list(compiled.steps[1].inputs) == ["picture"]
    assert compiled.picture is not None
    assert compiled.picture.output.name == "soft"


def test_one_step_is_enough_from_where_it_begins() -> None:
    second = {"type": "Soften", "version": "2.5.1", "inputs": {"picture": "t"}, "params": {"size": {"expr": "t"}}}
    compiled = compile(document({"t": TEXT, "s": second, "o": output("s.blurred")}), TYPES, "", {})
    assert "sigma" in compiled.steps[1].signals


@pytest.mark.parametrize(
    ("version", "params", "says"),
    [
        ("0.9.0", {}, "nothing leads from version 0.9.0"),
        ("4.0.0", {}, "cannot stand in for 4.0.0"),
        ("3.2.0", {}, "cannot stand in for 3.2.0"),
        ("2.0.0", {}, "does not take this node (KeyError"),
    ],
)
def test_what_cannot_be_brought_forward_says_why(version: str, params: dict[str, Any], says: str) -> None:
    found = [
        problem
        for problem in check(document(nodes(version, **params)), TYPES).problems
        if problem.path == "nodes.s.version"
    ]
    assert [problem.reason for problem in found] == [Reason.UNSUPPORTED_VERSION]
    assert says in found[0].message


def test_what_an_upgrade_makes_is_checked_like_any_other() -> None:
    class Wrong(Node):
        """Upgrades to nonsense."""

        category = "Test"
        version = "2.0.0"
        video = Input(VIDEO, "In.")
        out = Output(VIDEO, "Out.")

        @upgrade(since="1.0.0", to="2.0.0")
        def _nonsense(old: OldNode) -> None:
            old.params["x"] = {"neither": "keys"}

    wrong = {"type": "Wrong", "version": "1.0.0", "inputs": {"video": "t"}}
    (problem,) = check(
        document({"t": TEXT, "s": wrong, "o": output("s")}), Catalogue([*catalogue().values(), Wrong])
    ).problems
    assert problem.reason == Reason.UNSUPPORTED_VERSION
    assert "makes no sense" in problem.message


def test_stored_documents_say_the_versions_they_were_written_for() -> None:
    group = {"nodes": {"s": {"type": "Soften"}}, "outputs": {"out": "s.soft"}, "inputs": {"in": "s.picture"}}
    written = document(
        {"t": TEXT, "s": {"type": "Soften", "version": "2.0.0"}, "u": {"type": "group:g"}, "x": {"type": "No"}}
    )
    written = parse_document(
        canonical_json(written)[:-1].replace('{"nodes"', '{"groups":{"g":' + json.dumps(group) + '},"nodes"', 1) + "}"
    )
    again = parse_document(canonical_json(stamped(written, TYPES)))
    assert {node.id: node.version for node in again.nodes.values()} == {
        "t": TextInput.schema.version,
        "s": "2.0.0",
        "u": "",
        "x": "",
    }
    assert again.groups["g"].nodes["s"].version == "3.1.0"


@pytest.mark.parametrize(("since", "to"), [("2.0.0", "1.0.0"), ("1.0.0", "1.0.0"), ("1.0", "2.0.0"), ("1.0.0", "two")])
def test_a_step_leads_forward(since: str, to: str) -> None:
    with pytest.raises(DeclarationError, match="from a version"):
        upgrade(since=since, to=to)


def test_no_upgrade_leads_beyond_the_type() -> None:
    with pytest.raises(DeclarationError, match="beyond"):

        class Eager(Node):
            """Is not there yet."""

            category = "Test"
            out = Output(VIDEO, "Out.")

            @upgrade(since="1.0.0", to="2.0.0")
            def _soon(old: OldNode) -> None:
                pass


def test_versions_compare_as_numbers() -> None:
    assert parse_version("1.10.0") > parse_version("1.9.9")  # type: ignore[operator]
    assert parse_version("1.0") is None
    assert parse_version("१.०.०") is None
    assert upgrade_path([], (1, 0, 0), (1, 5, 0)) == []
    assert upgrade_path([], (1, 0, 0), (2, 0, 0)) is None
