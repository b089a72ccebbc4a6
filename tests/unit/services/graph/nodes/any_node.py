"""Random graphs of any node types, made from what the types declare of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from artifex.nodes import (
    MASK,
    REQUIRED,
    VIDEO,
    Asset,
    Boolean,
    Choice,
    Color,
    Float,
    Integer,
    Node,
    NodeSchema,
    Parameter,
    Points,
    Rate,
    String,
    Vector2,
    Vector3,
)

PLATES: Final[Mapping[str, dict[str, Any]]] = {
    "p0": {"type": "Plate", "params": {"seed": 1, "opacity": 0.0}},
    "p1": {"type": "Plate", "params": {"seed": 5, "opacity": 1.0}},
    "p2": {"type": "Plate", "params": {"seed": 9, "opacity": 0.4, "speed": 0.0}},
}
STEEP: Final = frozenset(
    {
        "AlphaOps",
        "ChannelShuffle",
        "ChromaKey",
        "Distortion",
        "FrameInterpolation",
        "Glow",
        "Mask",
        "Merge",
        "SpeedRamp",
        "TimeRemap",
        "Transition",
    }
)
"""Thresholds and quotients: of two pictures that differ by rounding they make two that differ by more, so they read
what is bit-equal however it is come by."""

PATHS: Final = (
    [[6, 4], [40, 9, 0, -9, 0, 9, 5], [20, 24, 8, 0, -8, 0, 0.4]],
    [[9, 20, 0, 6, 0, -6, 3], [30.5, 3, -9, 0, 9, 0], [44, 25]],
)
"""Of Bézier curves, all with equally many points, as keys need them."""

_SMALL: Final = 12.0
"""Pixels: sizes that matter in pictures of 64 by 36."""


def pictures(types: Sequence[type[Node]]) -> list[type[Node]]:
    """The types that make a picture or a mask of what needs no file."""
    return [
        node
        for node in types
        if {output.kind for output in node.schema.outputs.values()} & {VIDEO, MASK}
        and node.schema.asset_parameter is None
        and node.materialise is Node.materialise
    ]


@st.composite
def graphs_with(draw: st.DrawFn, last: type[Node], others: Sequence[type[Node]], most: int = 4) -> dict[str, Any]:
    """Plates, up to `most` nodes of other types, and a node of the type `last`, which is "x"."""
    nodes: dict[str, Any] = dict(PLATES)
    ends = {VIDEO: [f"{name}.video" for name in PLATES], MASK: [f"{name}.mask" for name in PLATES]}
    plates = {kind: list(found) for kind, found in ends.items()}
    drawn = draw(st.lists(st.sampled_from(list(others)), max_size=most))
    for number, node in enumerate([*drawn, last]):
        name = "x" if number == len(drawn) else f"n{number}"
        nodes[name] = _node(draw, node.schema, plates if node.schema.type in STEEP else ends)
        for output in node.schema.outputs.values():
            if output.kind in ends:
                ends[output.kind].append(f"{name}.{output.name}")
    return nodes


def _node(draw: st.DrawFn, schema: NodeSchema, ends: Mapping[Any, Sequence[str]]) -> dict[str, Any]:
    inputs = {
        # The newest come first when an example is made smaller.
        name: draw(st.sampled_from(list(reversed(ends[port.kind]))))
        for name, port in schema.inputs.items()
        if port.kind in ends and (port.required or draw(st.booleans()))
    }
    params: dict[str, Any] = {}
    for name, parameter in schema.parameters.items():
        if parameter.per is None and (parameter.default is REQUIRED or draw(st.integers(0, 2)) == 0):
            params[name] = _value(draw, parameter)
    return {"type": schema.type, "inputs": inputs, "params": params}


def _value(draw: st.DrawFn, parameter: Parameter[Any]) -> Any:
    one = _one(parameter)
    if parameter.animatable and parameter.interpolates and draw(st.integers(0, 3)) == 0:
        return {"keys": [[0, draw(one)], [0.2, draw(one)]]}
    return draw(one)


def _one(parameter: Parameter[Any]) -> st.SearchStrategy[Any]:
    match parameter:
        case Choice():
            return st.sampled_from(parameter.choices)
        case Boolean():
            return st.booleans()
        case Integer():
            low = int(parameter.minimum or 0)
            high = min(int(parameter.maximum if parameter.maximum is not None else low + 8), low + 8 * parameter.step)
            return st.integers(0, (high - low) // parameter.step).map(lambda n: low + n * parameter.step)
        case Float() | Rate():
            return _number(parameter)
        case Vector2():
            return st.tuples(_number(parameter), _number(parameter)).map(list)
        case Vector3():
            return st.tuples(*[_number(parameter)] * 3).map(list)
        case Color():
            return st.tuples(*[_number(parameter)] * 3).map(list)
        case String():
            return st.sampled_from(["A", "안 g"])
        case Points() if any(column.name == "in_x" for column in parameter.columns):
            return st.sampled_from(PATHS)
        case Asset():
            raise ValueError("a graph without files has no assets")
        case _:
            # Of points and times the type alone knows what goes together.
            return st.just(parameter.to_json(parameter.default))


def _number(parameter: Parameter[Any]) -> st.SearchStrategy[float]:
    reach = _SMALL if parameter.unit == "px" else 180.0 if parameter.unit == "deg" else 2.0
    low = -reach if parameter.minimum is None else max(parameter.minimum, -reach)
    high = reach if parameter.maximum is None else min(parameter.maximum, max(low, 0.0) + reach)
    low = min(low, high)
    return st.one_of(st.sampled_from([low, high]), st.floats(low, high).map(lambda x: min(max(round(x, 3), low), high)))
