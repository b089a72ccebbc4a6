"""Parameters that say how fast something goes on."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from artifex.nodes.errors import ParameterError
from artifex.nodes.parameters.base import Parameter, ParameterType, Required, json_type, read_number


class Travelled(NamedTuple):
    """What a rate is now, and how far it has led."""

    rate: float
    """At the node's time."""
    distance: Fraction
    """The rate's integral from second 0 to the node's time; negative before. Exact where the rate never changes, and
    otherwise the nearest multiple of 2⁻⁴⁰."""


class Rate(Parameter[Travelled]):
    """How much a second, as a speed: the node is told the rate and its sum over time.

    In JSON a number; keyframes as for any number, but no expressions, whose sum over time nothing tells exactly.
    """

    kind = ParameterType.RATE
    interpolates = True

    def __init__(
        self,
        default: float | Literal[Required.REQUIRED],
        *,
        doc: str,
        unit: str = "",
        minimum: float | None = None,
        maximum: float | None = None,
        animatable: bool = True,
    ) -> None:
        start = default if isinstance(default, Required) else Travelled(float(default), Fraction(0))
        super().__init__(start, doc=doc, unit=unit, minimum=minimum, maximum=maximum, animatable=animatable)

    def parse(self, value: object) -> Travelled:
        number = read_number(value)
        self._check_bounds(number)
        return Travelled(number, Fraction(0))

    def to_json(self, value: Travelled) -> object:
        return value.rate

    def to_wire(self, value: Travelled) -> object:
        # Of more digits than exact times have: a rate's own times those of its time.
        return [value.rate, *value.distance.as_integer_ratio()]

    def from_wire(self, value: object) -> Travelled:
        match value:
            case [rate, int(above), int(below)] if below > 0:
                return Travelled(read_number(rate), Fraction(above, below))
        raise ParameterError("parameter_type", f"{json_type(value)} given where a rate and a distance are expected")

    def components(self, value: Travelled) -> tuple[float, ...]:
        return (value.rate,)

    def compose(self, components: Sequence[float]) -> Travelled:
        return Travelled(components[0], Fraction(0))
