"""Random graphs of the real nodes, over pictures that need no media."""

from collections.abc import Hashable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from artifex.nodes import MASK, VIDEO, Float, Frame, Integer, Node, Output, Pixels, RenderContext, Request
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.nodes import BUILTIN

WIDTH, HEIGHT = 64, 36


class Plate(Node):
    """A picture of smooth waves, partly transparent, that moves with time; the same at every proxy scale."""

    category = "Test"
    time_dependent = True

    video = Output(VIDEO, "The picture.")
    mask = Output(MASK, "Another, of one channel.")

    seed = Integer(0, doc="Of the waves.")
    opacity = Float(0.7, doc="The least alpha.")
    speed = Float(1.0, doc="Radians a second; 0 stands still.")

    def fingerprint(self, request: Request) -> Hashable:
        return (self.seed, self.opacity, self.speed and float(request.time) * self.speed)

    def pointwise(self, request: Request) -> bool:
        return True

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        window = request.region.intersect(request.format)
        scale = float(request.scale)
        x = (np.arange(window.x, window.right) + 0.5)[None, :] / scale
        y = (np.arange(window.y, window.bottom) + 0.5)[:, None] / scale
        phase = self.seed + float(request.time) * self.speed
        waves = [0.5 + 0.5 * np.sin(x * (0.05 + 0.03 * n) + y * (0.11 - 0.02 * n) + phase * (n + 1)) for n in range(4)]
        if request.output.kind == MASK:
            return Frame(_packed([waves[0] * waves[1]]), window.x, window.y)
        alpha = self.opacity + (1.0 - self.opacity) * waves[3]
        pixels = _packed([*(wave * alpha for wave in waves[:3]), alpha])
        return Frame(pixels, window.x, window.y, opaque=self.opacity == 1.0)


def _packed(channels: list[np.ndarray[Any, np.dtype[np.float64]]]) -> Pixels:
    return np.ascontiguousarray(np.stack(channels, axis=-1), dtype=np.float32)


CATALOGUE = Catalogue([*BUILTIN, Plate])

_OPERATIONS = ("over", "under", "in", "out", "atop", "xor", "mask", "stencil", "copy", "multiply", "darken", "lighten")
_HELD = {"keys": [[0, 0.2], [0.08, 0.9]]}
"""Changes over the first three frames of 25 a second, and then no more."""


KINDS = ("grade", "merge", "blur", "crop", "key", "move", "whole")


@st.composite
def graphs(draw: st.DrawFn, least: int = 5, most: int = 60, kinds: tuple[str, ...] = KINDS) -> dict[str, Any]:
    """Nodes that each read the one before or, now and then, an earlier one; the last is `x`."""
    nodes: dict[str, Any] = {
        "t": {"type": "TextInput", "params": {"text": "Ag", "size": 20, "position": [0.4, 0.6], "color": "#e08030"}},
        "p0": {"type": "Plate", "params": {"seed": 1, "opacity": draw(st.sampled_from([0.0, 0.4, 1.0]))}},
        "p1": {"type": "Plate", "params": {"seed": 5, "speed": draw(st.sampled_from([0.0, 2.0]))}},
    }
    count = draw(st.integers(least, most)) - len(nodes)
    for index in range(count):
        names = list(nodes)
        any_of = st.sampled_from(names)
        before = names[-1] if draw(st.integers(0, 3)) else draw(any_of)
        nodes["x" if index == count - 1 else f"n{index}"] = _node(draw, draw(st.sampled_from(kinds)), before, any_of)
    return nodes


def _node(draw: st.DrawFn, kind: str, video: str, earlier: st.SearchStrategy[str]) -> dict[str, Any]:
    params: dict[str, Any]
    small = st.sampled_from([-0.25, 0.0, 0.125, 0.5])
    if kind == "grade":
        params = {"exposure": draw(small), "saturation": 1.0 + draw(small), "gamma": 1.0 + draw(small) / 2,
                  "offset": draw(st.sampled_from([0.0, 0.05]))}  # fmt: skip
        return {"type": "ColorCorrector", "inputs": {"video": video}, "params": params}
    if kind == "merge":
        inputs = {"a": draw(earlier), "b": video}
        if draw(st.booleans()):
            inputs["mask"] = draw(st.sampled_from(["p0.mask", "p1.mask", "t.mask"]))
        mix = draw(st.sampled_from([0.0, 0.5, 1.0, _HELD]))
        return {
            "type": "Merge",
            "inputs": inputs,
            "params": {"operation": draw(st.sampled_from(_OPERATIONS)), "mix": mix},
        }
    if kind == "blur":
        params = {
            "size": [draw(st.sampled_from([0.0, 0.7, 2.5])), 1.5],
            "edges": draw(st.sampled_from(["black", "repeat"])),
        }
        return {"type": "Blur", "inputs": {"video": video}, "params": params}
    if kind == "crop":
        params = {"top_left": [draw(st.sampled_from([-0.1, 0.2])), 0.1], "bottom_right": [0.85, 0.9],
                  "softness": draw(st.sampled_from([0.0, 4.0]))}  # fmt: skip
        return {"type": "Crop", "inputs": {"video": video}, "params": params}
    if kind == "key":
        # A key is all threshold and quotient: of two pictures that differ by rounding it makes two that differ by more.
        return {"type": "ChromaKey", "inputs": {"video": draw(st.sampled_from(["p0", "p1"]))}, "params": {"gain": 0.8}}
    if kind == "whole":
        moved = [draw(st.integers(-5, 5)), draw(st.integers(-5, 5))]
        return {"type": "Transform2D", "inputs": {"video": video}, "params": {"translate": moved}}
    params = {"rotate": draw(st.sampled_from([0, 7, {"keys": [[0, 0], [1, 40]]}])),
              "scale": draw(st.sampled_from([0.3, 0.9])),
              "filter": draw(st.sampled_from(["bilinear", "cubic", "nearest"]))}  # fmt: skip
    return {"type": "Transform2D", "inputs": {"video": video}, "params": params}
