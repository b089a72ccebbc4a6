"""What a pack's process tells of its types is all that they declare."""

from __future__ import annotations

import json
from typing import Any

import pytest

from artifex.nodes import Node, Parameter
from services.graph.nodes import BUILTIN
from services.graph.packs.process import PackProcess
from services.graph.packs.proxy import _node_type
from services.graph.packs.schema import describe


def plain(parameter: Parameter[Any]) -> dict[str, Any]:
    """All that a parameter says, its input by name."""
    said = {name: value for name, value in vars(parameter).items() if not name.startswith("_")}
    return {**said, "kind": parameter.kind, "per": parameter.per.name if parameter.per is not None else None}


@pytest.mark.parametrize("node", BUILTIN, ids=lambda node: node.schema.type)
def test_a_type_comes_through_a_message_as_it_was(node: type[Node]) -> None:
    told = json.loads(json.dumps(describe(node), allow_nan=False))
    made = _node_type(told, "pack 1.0.0", PackProcess("pack"))
    there, here = made.schema, node.schema
    assert (there.type, there.version, there.category, there.documentation) == (
        here.type, here.version, here.category, here.documentation,
    )  # fmt: skip
    assert {name: vars(port) for name, port in there.inputs.items()} == {
        name: vars(port) for name, port in here.inputs.items()
    }
    assert [(port.name, port.kind, port.doc) for port in there.outputs.values()] == [
        (port.name, port.kind, port.doc) for port in here.outputs.values()
    ]
    assert {name: plain(each) for name, each in there.parameters.items()} == {
        name: plain(each) for name, each in here.parameters.items()
    }
    assert (made.time_dependent, made.main, made.monitor) == (node.time_dependent, node.main, node.monitor)
