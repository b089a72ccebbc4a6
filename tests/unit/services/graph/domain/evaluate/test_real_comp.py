"""The promises of the evaluator on real footage: any frame alone, in any order, in any process, is the same frame."""

from typing import Any

import numpy as np
import pytest

from artifex.nodes import MediaSource
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.domain.evaluate.sources import SourceFile, open_sources
from tests.unit.services.graph.support import document, footage, footage_info, output

NODES: dict[str, Any] = {
    "clip": {"type": "MediaInput", "params": {"asset": "assets/a"}},
    "late": {"type": "MediaInput", "params": {"asset": "assets/a", "start": "1/2", "trim": 1, "after": "loop"}},
    "grade": {"type": "ColorCorrector", "inputs": {"video": "clip"},
              "params": {"exposure": {"expr": "sin(t)"}, "contrast": 1.1}},
    "corner": {"type": "Transform2D", "inputs": {"video": "late"},
               "params": {"scale": 0.4, "rotate": {"keys": [[0, 0], [4, 90, "ease_in_out"]]}}},
    "pip": {"type": "Merge", "inputs": {"a": "corner", "b": "grade"}},
    "title": {"type": "TextInput", "params": {"text": "안녕 مرحبا", "size": 24}},
    "comp": {"type": "Merge", "inputs": {"a": "title", "b": "pip", "mask": "title.mask"},
             "params": {"mix": {"keys": [[0, 0], [2, 1]]}}},
    "out": output("comp"),
}  # fmt: skip


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 60, 61], [61, 3, 60, 0, 2, 1], [60, 60, 61, 60, 1, 0]])
def test_any_frame_alone_equals_the_frame_in_order(order: list[int]) -> None:
    known = dict.fromkeys(("clip", "late"), footage_info())
    compiled = compile(document(NODES, width=160, height=90), catalogue(), "", known)
    sources = {node: SourceFile(footage(), footage_info()) for node in ("clip", "late")}
    colour = WorkingColour("ACEScg")

    def rendered(frames: list[int]) -> list[Any]:
        with open_sources(sources, colour, 1) as opened:
            files: dict[str, MediaSource] = dict(opened)
            puller = FramePuller(compiled, files, colour)
            return [puller.frame(index).pixels for index in frames]

    together = rendered(order)
    for index, pixels in zip(order, together, strict=True):
        np.testing.assert_array_equal(pixels, rendered([index])[0])
        assert np.isfinite(pixels).all()
