"""Parameters of many points: curves, paths, meshes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from artifex.nodes.errors import DeclarationError, ParameterError
from artifex.nodes.parameters.base import Parameter, ParameterType, Required, json_type, number_text, read_number

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One of a point's numbers, with its bounds."""

    name: str
    minimum: float = -math.inf
    maximum: float = math.inf
    default: float | None = None
    """What it is where a document leaves it out, which it may do with the last columns only."""


class Points(Parameter[Rows]):
    """Points in order, each of the same few numbers.

    In JSON a list of lists: [[0, 0], [0.5, 0.6], [1, 1]]. Keyframes move points: all keys have equally many.
    """

    kind = ParameterType.POINTS
    interpolates = True

    def __init__(
        self,
        default: Rows | Literal[Required.REQUIRED],
        *,
        columns: Sequence[Column],
        doc: str,
        least: int = 1,
        most: int = 1024,
        unit: str = "",
        animatable: bool = True,
    ) -> None:
        """`columns`: what the numbers of each point are. `least` and `most`: how many points there may be."""
        self.columns = tuple(columns)
        self.least = least
        self.most = most
        needed = [column.default is None for column in self.columns]
        if not self.columns or needed != sorted(needed, reverse=True):
            raise DeclarationError("points have columns, of which only the last may have defaults")
        self._needed = sum(needed)
        super().__init__(default, doc=doc, unit=unit, animatable=animatable)

    def parse(self, value: object) -> Rows:
        if not isinstance(value, list):
            raise ParameterError("parameter_type", f"{json_type(value)} given where a list of points is expected")
        if not self.least <= len(value) <= self.most:
            raise ParameterError("parameter_range", f"{len(value)} points; it takes {self.least} to {self.most}")
        return tuple([self._row(number, row) for number, row in enumerate(value, 1)])

    def to_json(self, value: Rows) -> object:
        return [list(row) for row in value]

    def components(self, value: Rows) -> tuple[float, ...]:
        return tuple([number for row in value for number in row])

    def compose(self, components: Sequence[float]) -> Rows:
        width = len(self.columns)
        return tuple([tuple(components[at : at + width]) for at in range(0, len(components), width)])

    def bounded(self, components: Sequence[float]) -> tuple[float, ...]:
        bounds = [(column.minimum, column.maximum) for column in self.columns]
        return tuple(
            [
                min(max(component, bounds[at % len(bounds)][0]), bounds[at % len(bounds)][1])
                for at, component in enumerate(components)
            ]
        )

    def _row(self, number: int, row: object) -> tuple[float, ...]:
        names = ", ".join(column.name for column in self.columns)
        if not isinstance(row, list) or not self._needed <= len(row) <= len(self.columns):
            raise ParameterError("parameter_type", f"point {number} is not [{names}]")
        numbers = [read_number(item) for item in row]
        for column, found in zip(self.columns, numbers, strict=False):
            if not column.minimum <= found <= column.maximum:
                bound = column.minimum if found < column.minimum else column.maximum
                side = "below the minimum" if found < column.minimum else "above the maximum"
                message = f"point {number}: {column.name} {number_text(found)} is {side} {number_text(bound)}"
                raise ParameterError("parameter_range", message)
        return (*numbers, *[column.default or 0.0 for column in self.columns[len(numbers) :]])
