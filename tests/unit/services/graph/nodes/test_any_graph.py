"""Every node among any others: no crash, no NaN, and the same frame however it is come by."""

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from artifex.nodes import MASK, VIDEO, Frame, Input, Node, Output, Pixels, RenderContext, Request, Window
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import compile, validate
from services.graph.domain.evaluate import strips
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.nodes import BUILTIN
from tests.unit.services.graph.domain.evaluate.random_graphs import Plate
from tests.unit.services.graph.nodes.any_node import graphs_with, pictures
from tests.unit.services.graph.support import document, output

WIDTH, HEIGHT = 48, 28
WHOLE = Window(0, 0, WIDTH, HEIGHT)
TILES = (Window(0, 0, 29, 11), Window(29, 0, 19, 11), Window(0, 11, 29, 17), Window(29, 11, 19, 17))
FRAMES = (2, 3, 7)
GRAPHS = 500
TOLERANCE = 2e-5
"""Of sums of floats in another order, which each node of a row may pass on."""


class MaskPicture(Node):
    """A mask as a picture, so that a graph can end in one."""

    category = "Test"

    mask = Input(MASK, "The mask.")
    video = Output(VIDEO, "White, as much as the mask says.")

    def pointwise(self, request: Request) -> bool:
        return True

    def render(self, context: RenderContext) -> Frame:
        mask = context.read(self.mask)
        return Frame(np.repeat(mask.pixels, 4, axis=-1), mask.x, mask.y)


TYPES = pictures(BUILTIN)
CATALOGUE = Catalogue([*BUILTIN, Plate, MaskPicture])
COLOUR = WorkingColour("ACEScg")


@pytest.mark.parametrize("last", TYPES, ids=lambda node: node.__name__)
def test_a_frame_is_the_same_fused_or_not_tiled_or_whole_alone_or_in_sequence(last: type[Node]) -> None:
    @settings(
        max_examples=-(-GRAPHS // len(TYPES)),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    @given(graphs_with(last, TYPES), st.sampled_from(FRAMES))
    def holds(nodes: dict[str, Any], index: int) -> None:
        kind = next(iter(last.schema.outputs.values())).kind
        if kind == MASK:
            nodes = {**nodes, "as_picture": {"type": "MaskPicture", "inputs": {"mask": "x"}}}
        whole = document({**nodes, "out": output("as_picture" if kind == MASK else "x")}, width=WIDTH, height=HEIGHT)
        # Values that do not go together are refused, which is right.
        assume(not validate(whole, CATALOGUE, {}))
        compiled = compile(whole, CATALOGUE, "", {})
        puller = FramePuller(compiled, {}, COLOUR)
        sequence = {number: pixels(puller.frame(number)) for number in FRAMES}
        one = sequence[index]
        assert np.isfinite(one).all()
        alone = FramePuller(compiled, {}, COLOUR, cache=FrameCache(0))
        assert np.array_equal(pixels(alone.frame(index)), one)
        with patch.object(strips, "FEWEST_ROWS", 1), patch.object(strips, "MOST_ROWS", 5):
            assert_close(pixels(alone.frame(index)), one)
        assert_close(pixels(FramePuller(compiled, {}, COLOUR, fuse=False).frame(index)), one)
        for tile in TILES:
            assert_close(alone.frame(index, tile).crop(tile).filled(tile), one[tile.inside(WHOLE)])

    holds()


def pixels(frame: Frame) -> Pixels:
    return frame.crop(WHOLE).filled(WHOLE).copy()


def assert_close(found: Pixels, expected: Pixels) -> None:
    error = np.abs(found - expected) / np.maximum(1.0, np.abs(expected))
    assert error.max() <= TOLERANCE, f"{error.max()} at {np.unravel_index(error.argmax(), error.shape)}"
