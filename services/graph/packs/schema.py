"""A node type's declaration as JSON, and back: what a pack's process tells of a type it holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

from artifex.nodes import (
    REQUIRED,
    Analysis,
    Asset,
    Boolean,
    Choice,
    Color,
    Column,
    Float,
    Input,
    Integer,
    Node,
    Output,
    Parameter,
    ParameterType,
    Points,
    PortType,
    Rate,
    Request,
    String,
    Time,
    Vector2,
    Vector3,
    Window,
)
from services.graph.packs.wire import Message


def describe(node: type[Node]) -> Message:
    """All that a node type declares."""
    schema = node.schema
    return {
        "type": schema.type,
        "version": schema.version,
        "category": schema.category,
        "documentation": schema.documentation,
        "time_dependent": node.time_dependent,
        "sink": not schema.outputs,
        "monitor": node.monitor,
        "moves": node.motion is not Node.motion,
        "moments": node.moments is not Node.moments,
        "main": node.main,
        "analysis": _analysis(node.analysis),
        "upgrades": [[_version_text(step.since), _version_text(step.to)] for step in schema.upgrades],
        "inputs": [
            {
                "name": port.name,
                "kind": port.kind,
                "doc": port.doc,
                "required": port.required,
                "multiple": port.multiple,
            }
            for port in schema.inputs.values()
        ],
        "outputs": [{"name": port.name, "kind": port.kind, "doc": port.doc} for port in schema.outputs.values()],
        "parameters": [_describe(parameter) for parameter in schema.parameters.values()],
    }


def declarations(described: Message) -> dict[str, Any]:
    """The class attributes that declare the described ports and parameters."""
    inputs = {
        port["name"]: Input(PortType(port["kind"]), port["doc"], bool(port["required"]), bool(port["multiple"]))
        for port in described["inputs"]
    }
    for name, port in inputs.items():
        # A parameter may be declared per input before the class gives the input its name.
        port.__set_name__(Node, name)
    outputs = {
        f"output_{number}": Output(PortType(port["kind"]), port["doc"], port["name"])
        for number, port in enumerate(described["outputs"])
    }
    parameters = {
        parameter["name"]: _MAKERS[ParameterType(parameter["kind"])](parameter, inputs)
        for parameter in described["parameters"]
    }
    declared = {**inputs, **outputs, **parameters}
    if (told := described["analysis"]) is not None:
        reads = [inputs[name] for name in told["inputs"]]
        declared["analysis"] = Analysis(
            told["name"], reads, [parameters[name] for name in told["parameters"]], told["version"]
        )
    return declared


def values_json(node: Node) -> dict[str, object]:
    """A node's values, by name, as JSON."""
    parameters = node.schema.parameters
    return {name: parameters[name.partition(".")[0]].to_wire(value) for name, value in node.values.items()}


def values_from(node: type[Node], given: Mapping[str, object]) -> dict[str, Any]:
    """The typed values that `values_json` wrote."""
    parameters = node.schema.parameters
    return {name: parameters[name.partition(".")[0]].from_wire(value) for name, value in given.items()}


def request_json(request: Request) -> Message:
    return {
        "time": str(request.time),
        "frame_rate": str(request.frame_rate),
        "width": request.width,
        "height": request.height,
        "region": window_json(request.region),
        "output": request.output.name,
        "scale": str(request.scale),
    }


def window_json(window: Window) -> list[int]:
    return [window.x, window.y, window.width, window.height]


def window_from(given: list[int]) -> Window:
    x, y, width, height = (int(number) for number in given)
    return Window(x, y, width, height)


def _analysis(analysis: Analysis | None) -> Message | None:
    if analysis is None:
        return None
    return {
        "name": analysis.name,
        "inputs": [port.name for port in analysis.inputs],
        "parameters": [parameter.name for parameter in analysis.parameters],
        "version": analysis.version,
    }


def _version_text(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))


def _describe(parameter: Parameter[Any]) -> Message:
    message: Message = {
        "name": parameter.name,
        "kind": parameter.kind,
        "doc": parameter.doc,
        "unit": parameter.unit,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "animatable": parameter.animatable,
        "choices": list(parameter.choices),
        "per": parameter.per.name if parameter.per is not None else None,
    }
    if parameter.default is not REQUIRED:
        message["default"] = parameter.to_json(parameter.default)
    if isinstance(parameter, Integer):
        message["step"] = parameter.step
    if isinstance(parameter, String):
        message |= {
            "max_length": parameter.max_length,
            "min_length": parameter.min_length,
            "pattern": parameter.pattern,
            "pattern_hint": parameter.pattern_hint,
        }
    if isinstance(parameter, Points):
        columns = [
            [column.name, _finite(column.minimum), _finite(column.maximum), column.default]
            for column in parameter.columns
        ]
        message |= {"columns": columns, "least": parameter.least, "most": parameter.most}
    if isinstance(parameter, Asset):
        message["holds"] = parameter.holds
    return message


def _numeric(given: Message) -> dict[str, Any]:
    """What parameters of numbers declare beside their default."""
    return {name: given[name] for name in ("doc", "unit", "minimum", "maximum", "animatable")}


def _default(given: Message, read: Callable[[Any], Any]) -> Any:
    """The default as `read` makes it of JSON; that there is none where none was told."""
    return read(given["default"]) if "default" in given else REQUIRED


def _float(given: Message, inputs: Mapping[str, Input]) -> Float:
    per = inputs.get(given["per"]) if given["per"] is not None else None
    return Float(given.get("default", REQUIRED), per=per, **_numeric(given))


def _integer(given: Message, inputs: Mapping[str, Input]) -> Integer:
    return Integer(given.get("default", REQUIRED), step=given["step"], **_numeric(given))


def _string(given: Message, inputs: Mapping[str, Input]) -> String:
    return String(
        given.get("default", REQUIRED),
        doc=given["doc"],
        max_length=given["max_length"],
        min_length=given["min_length"],
        pattern=given["pattern"],
        pattern_hint=given["pattern_hint"],
        animatable=given["animatable"],
    )


def _choice(given: Message, inputs: Mapping[str, Input]) -> Choice:
    return Choice(given["default"], choices=given["choices"], doc=given["doc"], animatable=given["animatable"])


def _color(given: Message, inputs: Mapping[str, Input]) -> Color:
    return Color(_default(given, tuple), **_numeric(given))


def _vector(given: Message, inputs: Mapping[str, Input]) -> Vector2:
    return Vector2(_default(given, tuple), **_numeric(given))


def _vector3(given: Message, inputs: Mapping[str, Input]) -> Vector3:
    return Vector3(_default(given, tuple), **_numeric(given))


def _points(given: Message, inputs: Mapping[str, Input]) -> Points:
    return Points(
        _default(given, lambda rows: tuple(map(tuple, rows))),
        columns=[
            Column(name, -math.inf if low is None else low, math.inf if high is None else high, usual)
            for name, low, high, usual in given["columns"]
        ],
        doc=given["doc"],
        least=given["least"],
        most=given["most"],
        unit=given["unit"],
        animatable=given["animatable"],
    )


def _finite(bound: float) -> float | None:
    """JSON has no infinity."""
    return bound if math.isfinite(bound) else None


def _rate(given: Message, inputs: Mapping[str, Input]) -> Rate:
    return Rate(given.get("default", REQUIRED), **_numeric(given))


def _boolean(given: Message, inputs: Mapping[str, Input]) -> Boolean:
    return Boolean(given.get("default", REQUIRED), doc=given["doc"], animatable=given["animatable"])


def _time(given: Message, inputs: Mapping[str, Input]) -> Time:
    return Time(_default(given, Fraction), doc=given["doc"], minimum=given["minimum"], maximum=given["maximum"])


def _asset(given: Message, inputs: Mapping[str, Input]) -> Asset:
    return Asset(doc=given["doc"], holds=given["holds"])


_MAKERS: Final[dict[ParameterType, Callable[[Message, Mapping[str, Input]], Parameter[Any]]]] = {
    ParameterType.FLOAT: _float,
    ParameterType.INTEGER: _integer,
    ParameterType.STRING: _string,
    ParameterType.CHOICE: _choice,
    ParameterType.COLOR: _color,
    ParameterType.VECTOR2: _vector,
    ParameterType.VECTOR3: _vector3,
    ParameterType.POINTS: _points,
    ParameterType.RATE: _rate,
    ParameterType.BOOLEAN: _boolean,
    ParameterType.TIME: _time,
    ParameterType.ASSET: _asset,
}
