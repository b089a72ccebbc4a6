"""A proxy shows what the full picture does, made small: every node, with any parameters, at 1/2 and 1/4."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from artifex.nodes import MASK, Node, Pixels, Window
from services.graph.domain.compile.compiler import compile, validate
from services.graph.domain.evaluate.pull import FramePuller
from tests.unit.services.graph.nodes.any_node import graphs_with
from tests.unit.services.graph.nodes.test_any_graph import CATALOGUE, COLOUR, TYPES
from tests.unit.services.graph.support import document, output

WIDTH, HEIGHT = 192, 112
EXAMPLES = 6
TOLERANCE = {2: 0.015, 4: 0.03}
"""Mean absolute difference of x / (1 + |x|), which no highlight dominates: edges lie within a pixel of the proxy."""


@pytest.mark.parametrize("node", TYPES, ids=lambda node: node.__name__)
def test_a_proxy_is_the_full_picture_made_small(node: type[Node]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    @given(graphs_with(node, [node], most=0))
    def holds(nodes: dict[str, Any]) -> None:
        if next(iter(node.schema.outputs.values())).kind == MASK:
            nodes = {**nodes, "as_picture": {"type": "MaskPicture", "inputs": {"mask": "x"}}}
        last = "as_picture" if "as_picture" in nodes else "x"
        whole = document({**nodes, "out": output(last)}, width=WIDTH, height=HEIGHT)
        assume(not validate(whole, CATALOGUE, {}))
        compiled = compile(whole, CATALOGUE, "", {})
        full = rendered(compiled, 1)
        for factor, tolerance in TOLERANCE.items():
            rows, columns = HEIGHT // factor, WIDTH // factor
            small = full.reshape(rows, factor, columns, factor, 4).mean(axis=(1, 3))
            assert np.abs(rendered(compiled, factor) - small).mean() <= tolerance

    holds()


def rendered(compiled: Any, factor: int) -> Pixels:
    puller = FramePuller(compiled, {}, COLOUR, scale=Fraction(1, factor))
    window = Window(0, 0, WIDTH // factor, HEIGHT // factor)
    pixels = puller.frame(2).crop(window).filled(window)
    return np.asarray(pixels / (np.float32(1.0) + np.abs(pixels)), np.float32)
