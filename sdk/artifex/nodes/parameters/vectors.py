"""Parameters of a few numbers: colours, points and directions."""

import re
from collections.abc import Sequence
from typing import Final

from artifex.nodes.errors import ParameterError
from artifex.nodes.parameters.base import Parameter, ParameterType, number_text, read_number

Rgba = tuple[float, float, float, float]
Pair = tuple[float, float]
Triple = tuple[float, float, float]

_HEX: Final = re.compile(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")


class Color(Parameter[Rgba]):
    """Red, green, blue and alpha.

    In JSON [r, g, b], [r, g, b, a], one number for a grey, or "#rrggbb" or "#rrggbbaa", whose pairs mean n/255.
    Which space the numbers are in, each node says. Bounds hold for each of the three colour components.
    """

    kind = ParameterType.COLOR
    interpolates = True
    computable = True

    def parse(self, value: object) -> Rgba:
        if isinstance(value, str) and _HEX.fullmatch(value):
            numbers = [byte / 255 for byte in bytes.fromhex(value[1:])]
        elif isinstance(value, list):
            numbers = [read_number(item) for item in value]
        else:
            numbers = [read_number(value, 'a colour ([r, g, b], a grey or "#rrggbb")')] * 3
        if len(numbers) not in (3, 4):
            raise ParameterError("parameter_type", f"{len(numbers)} numbers given; a colour has 3, or 4 with alpha")
        for number in numbers[:3]:
            self._check_bounds(number)
        alpha = numbers[3] if len(numbers) == 4 else 1.0
        if not 0.0 <= alpha <= 1.0:
            raise ParameterError("parameter_range", f"alpha {number_text(alpha)} is not between 0 and 1")
        return (numbers[0], numbers[1], numbers[2], alpha)

    def to_json(self, value: Rgba) -> object:
        return list(value)

    def components(self, value: Rgba) -> tuple[float, ...]:
        return value

    def bounded(self, components: Sequence[float]) -> tuple[float, ...]:
        return (*super().bounded(components[:3]), *(min(max(alpha, 0.0), 1.0) for alpha in components[3:]))

    def compose(self, components: Sequence[float]) -> Rgba:
        r, g, b, a = components
        return (r, g, b, a)


class Vector2(Parameter[Pair]):
    """Two numbers, x and y. In JSON [x, y], or one number for both."""

    kind = ParameterType.VECTOR2
    interpolates = True
    computable = True

    def parse(self, value: object) -> Pair:
        x, y = self._numbers(value, "x, y", 2)
        return (x, y)

    def to_json(self, value: Pair) -> object:
        return list(value)

    def components(self, value: Pair) -> tuple[float, ...]:
        return value

    def compose(self, components: Sequence[float]) -> Pair:
        x, y = components
        return (x, y)


class Vector3(Parameter[Triple]):
    """Three numbers, x, y and z. In JSON [x, y, z], or one number for all."""

    kind = ParameterType.VECTOR3
    interpolates = True
    computable = True

    def parse(self, value: object) -> Triple:
        x, y, z = self._numbers(value, "x, y, z", 3)
        return (x, y, z)

    def to_json(self, value: Triple) -> object:
        return list(value)

    def components(self, value: Triple) -> tuple[float, ...]:
        return value

    def compose(self, components: Sequence[float]) -> Triple:
        x, y, z = components
        return (x, y, z)
