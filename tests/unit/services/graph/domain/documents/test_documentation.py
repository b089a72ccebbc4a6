"""docs/graph-format.md is true: its examples are read, and it names everything that there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from artifex.nodes import EASES
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import validate
from services.graph.domain.documents import parser
from services.graph.domain.documents.document import parse_document
from services.graph.domain.documents.expressions import CONSTANTS, FUNCTIONS
from services.graph.domain.documents.problems import Reason
from tests.unit.services.graph.support import footage_info, output, text_of

PAGE = (Path(__file__).parents[6] / "docs" / "graph-format.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
CLIP = {"type": "MediaInput", "params": {"asset": "assets/clip"}}


def found(document: dict[str, Any]) -> list[str]:
    problems = validate(parse_document(json.dumps(document)), catalogue(), {"assets/clip": footage_info()})
    return [f"{problem.path}: {problem.message}" for problem in problems]


def test_the_whole_example_can_be_rendered() -> None:
    whole = json.loads(EXAMPLES[0])
    whole["nodes"]["plate"] = CLIP
    assert found(whole) == []


def test_the_groups_can_be_used() -> None:
    (groups,) = (json.loads(example) for example in EXAMPLES[1:] if '"groups"' in example)
    nodes = {"clip": CLIP, **groups["nodes"], "out": output("shot")}
    assert found({**json.loads(text_of(nodes)), "groups": groups["groups"]}) == []


@pytest.mark.parametrize(
    "value", [line for example in EXAMPLES for line in example.splitlines() if re.match(r'\{"(keys|expr)', line)]
)
def test_values_are_taken(value: str) -> None:
    given = json.loads(value)
    name = "translate" if isinstance(given.get("expr"), list) else "rotate"
    moved = {"type": "Transform2D", "inputs": {"video": "clip"}, "params": {name: given}}
    assert found(json.loads(text_of({"clip": CLIP, "moved": moved, "out": output("moved")}))) == []


def test_everything_is_named() -> None:
    words = set(re.findall(r"[A-Za-z_0-9]+", " ".join(re.findall(r"`([^`]*)`", PAGE))))
    assert set(FUNCTIONS) <= words
    assert set(CONSTANTS) <= words
    assert set(EASES) <= words
    assert {str(reason) for reason in Reason} <= words
    assert set(parser.NODE_KEYS) <= words


def test_limits_are_the_ones_that_hold() -> None:
    for limit in (parser.MAX_NODES, parser.MAX_KEYS, parser.MAX_SIZE, parser.MAX_DURATION, parser.MAX_NOTES):
        assert f"{limit:,}" in PAGE or str(limit) in PAGE
