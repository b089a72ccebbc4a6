"""Parameters that are one number."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from artifex.nodes.errors import ParameterError
from artifex.nodes.parameters.base import Parameter, ParameterType, Required, json_type, read_number
from artifex.nodes.times import parse_rational, rational_text


class Float(Parameter[float]):
    """A finite number."""

    kind = ParameterType.FLOAT
    interpolates = True
    computable = True

    def parse(self, value: object) -> float:
        number = read_number(value)
        self._check_bounds(number)
        return number

    def components(self, value: float) -> tuple[float, ...]:
        return (value,)

    def compose(self, components: Sequence[float]) -> float:
        return components[0]


class Integer(Parameter[int]):
    """A whole number; between keys it is rounded to the nearest."""

    kind = ParameterType.INTEGER
    interpolates = True
    computable = True

    def __init__(
        self,
        default: int | Literal[Required.REQUIRED],
        *,
        doc: str,
        unit: str = "",
        minimum: int | None = None,
        maximum: int | None = None,
        step: int = 1,
        animatable: bool = True,
    ) -> None:
        """`step`: only the minimum plus a multiple of this is taken."""
        self.step = step
        super().__init__(default, doc=doc, unit=unit, minimum=minimum, maximum=maximum, animatable=animatable)

    def parse(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            raise ParameterError("parameter_type", f"{json_type(value)} given where a whole number is expected")
        read_number(value)
        self._check_bounds(value)
        number, first = int(value), int(self.minimum or 0)
        if (number - first) % self.step:
            below = number - (number - first) % self.step
            message = f"{number} is not possible; the nearest are {below} and {below + self.step}"
            raise ParameterError("parameter_range", message)
        return number

    def components(self, value: int) -> tuple[float, ...]:
        return (float(value),)

    def compose(self, components: Sequence[float]) -> int:
        return math.floor(components[0] + 0.5)


class Time(Parameter[Fraction]):
    """Exact seconds. In JSON a number, or a string for a quotient: "1001/24000"."""

    kind = ParameterType.TIME

    def __init__(
        self,
        default: Fraction | Literal[Required.REQUIRED],
        *,
        doc: str,
        minimum: float | None = None,
        maximum: float | None = None,
    ) -> None:
        super().__init__(default, doc=doc, unit="s", minimum=minimum, maximum=maximum, animatable=False)

    def parse(self, value: object) -> Fraction:
        time = parse_rational(value)
        if time is None:
            raise ParameterError(
                "parameter_type", f'{json_type(value)} given where seconds are expected, as 2.5 or "5/2"'
            )
        self._check_bounds(float(time))
        return time

    def to_json(self, value: Fraction) -> object:
        return rational_text(value)
