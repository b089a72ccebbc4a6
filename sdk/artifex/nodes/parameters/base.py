"""What all parameters have in common."""

import math
from collections.abc import Mapping, Sequence
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, ClassVar, Final, Generic, Literal, Self, TypeVar, overload

from artifex.nodes.errors import DeclarationError, ParameterError
from artifex.nodes.ports import Input

if TYPE_CHECKING:
    from artifex.nodes.node import Node

T = TypeVar("T")


class ParameterType(StrEnum):
    """The types that a document can hold."""

    FLOAT = "FLOAT"
    INTEGER = "INTEGER"
    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    CHOICE = "CHOICE"
    COLOR = "COLOR"
    VECTOR2 = "VECTOR2"
    ASSET = "ASSET"
    TIME = "TIME"
    VECTOR3 = "VECTOR3"
    POINTS = "POINTS"
    RATE = "RATE"


class Required(Enum):
    """The type of `REQUIRED`."""

    REQUIRED = "required"


REQUIRED: Final = Required.REQUIRED
"""As a default: the parameter has none and must be given."""


class Parameter(Generic[T]):
    """What all parameters have in common; use one of the subclasses."""

    kind: ClassVar[ParameterType]
    interpolates: ClassVar[bool] = False
    """Whether values between two keys exist; otherwise every key is a step."""
    computable: ClassVar[bool] = False
    """Whether expressions may give it: it is one number, or equally many at all times."""

    def __init__(
        self,
        default: T | Literal[Required.REQUIRED],
        *,
        doc: str,
        unit: str = "",
        minimum: float | None = None,
        maximum: float | None = None,
        animatable: bool = True,
        per: Input | None = None,
        choices: Sequence[str] = (),
    ) -> None:
        """`per`: the parameter is there once for each connection of this multiple input: `gain`, `gain.1`, `gain.2`…"""
        self.name = ""
        self.default = default
        self.doc = doc
        self.unit = unit
        self.minimum = minimum
        self.maximum = maximum
        self.animatable = animatable
        self.per = per
        self.choices = tuple(choices)
        if default is not REQUIRED:
            try:
                self.parse(self.to_json(default))
            except ParameterError as error:
                raise DeclarationError(f"the default {default!r} is not taken: {error}") from error

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, node: None, owner: type) -> Self: ...

    @overload
    def __get__(self, node: "Node", owner: type) -> T: ...

    def __get__(self, node: "Node | None", owner: type) -> Self | T:
        if node is None:
            return self
        value: T = node.values[self.name]
        return value

    def parse(self, value: object) -> T:
        """The typed value of a JSON value. Raises ParameterError."""
        raise NotImplementedError

    def to_json(self, value: T) -> object:
        """The JSON value that `parse` reads back."""
        return value

    def to_wire(self, value: T) -> object:
        """JSON for another process of what a node holds, which may say more than a document does."""
        return self.to_json(value)

    def from_wire(self, value: object) -> T:
        """The value that `to_wire` wrote."""
        return self.parse(value)

    def components(self, value: T) -> tuple[float, ...]:
        """The numbers that keyframes interpolate; only of parameters that interpolate."""
        raise NotImplementedError

    def compose(self, components: Sequence[float]) -> T:
        """The value that has these components."""
        raise NotImplementedError

    def bounded(self, components: Sequence[float]) -> tuple[float, ...]:
        """The components, moved to the nearest that are taken: of curves that swing beyond their keys."""
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        return tuple(min(max(component, low), high) for component in components)

    def _numbers(self, value: object, names: str, count: int) -> list[float]:
        """A list of so many numbers, or one for all of them, each within the bounds."""
        if not isinstance(value, list):
            numbers = [read_number(value, f"[{names}] or a number")] * count
        elif len(value) != count:
            raise ParameterError("parameter_type", f"{len(value)} numbers given where [{names}] is expected")
        else:
            numbers = [read_number(item) for item in value]
        for number in numbers:
            self._check_bounds(number)
        return numbers

    def _check_bounds(self, number: float) -> None:
        if self.minimum is not None and number < self.minimum:
            raise ParameterError(
                "parameter_range", f"{number_text(number)} is below the minimum {self._with_unit(self.minimum)}"
            )
        if self.maximum is not None and number > self.maximum:
            raise ParameterError(
                "parameter_range", f"{number_text(number)} is above the maximum {self._with_unit(self.maximum)}"
            )

    def _with_unit(self, number: float) -> str:
        return f"{number_text(number)} {self.unit}".rstrip()


def read_number(value: object, expected: str = "a number") -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParameterError("parameter_type", f"{json_type(value)} given where {expected} is expected")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ParameterError("parameter_range", "the number is too large")
    return number


def number_text(number: float) -> str:
    return f"{number:g}"


def json_type(value: object) -> str:
    """What people call a JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case Mapping():
            return "an object"
        case _:
            return type(value).__name__
