"""Typed, bounded parameters, declared as class attributes of a node:

    exposure = Float(0.0, minimum=-20, maximum=20, unit="stops", doc="…")

On the class the attribute is the descriptor; on a node, which always stands at one time, it is the value at that time,
rightly typed (`self.exposure` is a float).
"""

import math
import re
from collections.abc import Mapping, Sequence
from enum import Enum, StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Final, Generic, Literal, Self, TypeVar, overload

from artifex.nodes.errors import DeclarationError, ParameterError
from artifex.nodes.ports import Input
from artifex.nodes.times import parse_rational, rational_text

if TYPE_CHECKING:
    from artifex.nodes.node import Node

T = TypeVar("T")
Rgba = tuple[float, float, float, float]
Pair = tuple[float, float]

_ASSET: Final = re.compile(r"assets/[a-z0-9-]{1,64}")
_HEX: Final = re.compile(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")


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

    def _check_bounds(self, number: float) -> None:
        if self.minimum is not None and number < self.minimum:
            raise ParameterError(
                "parameter_range", f"{_text(number)} is below the minimum {self._with_unit(self.minimum)}"
            )
        if self.maximum is not None and number > self.maximum:
            raise ParameterError(
                "parameter_range", f"{_text(number)} is above the maximum {self._with_unit(self.maximum)}"
            )

    def _with_unit(self, number: float) -> str:
        return f"{_text(number)} {self.unit}".rstrip()


class Float(Parameter[float]):
    """A finite number."""

    kind = ParameterType.FLOAT
    interpolates = True

    def parse(self, value: object) -> float:
        number = _number(value)
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
            raise ParameterError("parameter_type", f"{_json_type(value)} given where a whole number is expected")
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


class Boolean(Parameter[bool]):
    """true or false."""

    kind = ParameterType.BOOLEAN

    def parse(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise ParameterError("parameter_type", f"{_json_type(value)} given where true or false is expected")
        return value


class String(Parameter[str]):
    """Text of up to `max_length` characters."""

    kind = ParameterType.STRING

    def __init__(
        self,
        default: str | Literal[Required.REQUIRED],
        *,
        doc: str,
        max_length: int = 4000,
        min_length: int = 0,
        pattern: str | None = None,
        pattern_hint: str = "",
        animatable: bool = True,
    ) -> None:
        """`pattern` must match the whole text; `pattern_hint` tells people what it asks for."""
        self.max_length = max_length
        self.min_length = min_length
        self.pattern = pattern
        self.pattern_hint = pattern_hint
        self._pattern = re.compile(pattern, re.DOTALL) if pattern is not None else None
        super().__init__(default, doc=doc, animatable=animatable)

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise ParameterError("parameter_type", f"{_json_type(value)} given where text is expected")
        if len(value) > self.max_length:
            raise ParameterError("parameter_range", f"{len(value)} characters; the most is {self.max_length}")
        if len(value) < self.min_length:
            raise ParameterError("parameter_range", "the text is empty")
        if self._pattern is not None and not self._pattern.fullmatch(value):
            raise ParameterError("parameter_range", f'"{value[:80]}" is not {self.pattern_hint}')
        return value


class Choice(Parameter[str]):
    """One of a few words."""

    kind = ParameterType.CHOICE

    def __init__(self, default: str, *, choices: Sequence[str], doc: str, animatable: bool = False) -> None:
        super().__init__(default, doc=doc, choices=choices, animatable=animatable)

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise ParameterError("parameter_type", f"{_json_type(value)} given where a word is expected")
        if value not in self.choices:
            raise ParameterError("parameter_range", f'"{value[:80]}" is not one of {", ".join(self.choices)}')
        return value


class Color(Parameter[Rgba]):
    """Red, green, blue and alpha.

    In JSON [r, g, b], [r, g, b, a], one number for a grey, or "#rrggbb" or "#rrggbbaa", whose pairs mean n/255.
    Which space the numbers are in, each node says. Bounds hold for each of the three colour components.
    """

    kind = ParameterType.COLOR
    interpolates = True

    def parse(self, value: object) -> Rgba:
        if isinstance(value, str) and _HEX.fullmatch(value):
            numbers = [byte / 255 for byte in bytes.fromhex(value[1:])]
        elif isinstance(value, list):
            numbers = [_number(item) for item in value]
        else:
            numbers = [_number(value, 'a colour ([r, g, b], a grey or "#rrggbb")')] * 3
        if len(numbers) not in (3, 4):
            raise ParameterError("parameter_type", f"{len(numbers)} numbers given; a colour has 3, or 4 with alpha")
        for number in numbers[:3]:
            self._check_bounds(number)
        alpha = numbers[3] if len(numbers) == 4 else 1.0
        if not 0.0 <= alpha <= 1.0:
            raise ParameterError("parameter_range", f"alpha {_text(alpha)} is not between 0 and 1")
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

    def parse(self, value: object) -> Pair:
        if isinstance(value, list):
            if len(value) != 2:
                raise ParameterError("parameter_type", f"{len(value)} numbers given where [x, y] is expected")
            x, y = _number(value[0]), _number(value[1])
        else:
            x = y = _number(value, "[x, y] or a number")
        self._check_bounds(x)
        self._check_bounds(y)
        return (x, y)

    def to_json(self, value: Pair) -> object:
        return list(value)

    def components(self, value: Pair) -> tuple[float, ...]:
        return value

    def compose(self, components: Sequence[float]) -> Pair:
        x, y = components
        return (x, y)


class Asset(Parameter[str]):
    """A file in the store: `assets/{asset}`. The engine opens it for the node as `request.source`."""

    kind = ParameterType.ASSET

    def __init__(
        self,
        default: Literal[Required.REQUIRED] = REQUIRED,
        *,
        doc: str,
        holds: Literal["media", "look"] = "media",
    ) -> None:
        """`holds`: what the file must be, pictures or sound, or a colour look."""
        self.holds = holds
        super().__init__(default, doc=doc, animatable=False)

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise ParameterError("parameter_type", f"{_json_type(value)} given where an asset is expected")
        if not _ASSET.fullmatch(value):
            raise ParameterError(
                "parameter_range", f'"{value[:80]}" names no asset; upload the file and give its name, "assets/…"'
            )
        return value


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
                "parameter_type", f'{_json_type(value)} given where seconds are expected, as 2.5 or "5/2"'
            )
        self._check_bounds(float(time))
        return time

    def to_json(self, value: Fraction) -> object:
        return rational_text(value)


def _number(value: object, expected: str = "a number") -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParameterError("parameter_type", f"{_json_type(value)} given where {expected} is expected")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ParameterError("parameter_range", "the number is too large")
    return number


def _text(number: float) -> str:
    return f"{number:g}"


def _json_type(value: object) -> str:
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
