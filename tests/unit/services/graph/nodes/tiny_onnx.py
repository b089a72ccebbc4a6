"""The smallest ONNX files that do something, written in protobuf's wire format: nothing else is needed to make them."""

import struct

_FLOAT = 1
_VARINT, _BYTES = 0, 2


def mixing() -> bytes:
    """img0 + timestep · (img1 − img0)."""
    nodes = [
        _node("Sub", ["img1", "img0"], "difference"),
        _node("Mul", ["difference", "timestep"], "part"),
        _node("Add", ["img0", "part"], "output"),
    ]
    pictures: list[tuple[str, list[int | str]]] = [
        ("img0", [1, 3, "height", "width"]),
        ("img1", [1, 3, "height", "width"]),
    ]
    return _model(nodes, [*pictures, ("timestep", [1, 1, 1, 1])], [("output", [1, 3, "height", "width"])])


def _model(
    nodes: list[bytes], inputs: list[tuple[str, list[int | str]]], outputs: list[tuple[str, list[int | str]]]
) -> bytes:
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"tiny")
    graph += b"".join(_field(11, _value(*put)) for put in inputs) + b"".join(
        _field(12, _value(*put)) for put in outputs
    )
    return _number(1, 8) + _field(7, graph) + _field(8, _field(1, b"") + _number(2, 13))


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    fed = b"".join(_field(1, name.encode()) for name in inputs)
    return fed + _field(2, output.encode()) + _field(3, output.encode()) + _field(4, kind.encode())


def _value(name: str, shape: list[int | str]) -> bytes:
    sides = b"".join(
        _field(1, _number(1, side) if isinstance(side, int) else _field(2, side.encode())) for side in shape
    )
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, _FLOAT) + _field(2, sides)))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += struct.pack("B", value & 127 | 128)
        value >>= 7
    return out + struct.pack("B", value)
