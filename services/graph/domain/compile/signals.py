"""Parameters over time: what a document says about one, made ready to be evaluated."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Curve, Ease, Key, Parameter, ParameterError, ParameterType, Rate, Travelled
from libs.chassis.errors import InvalidArgument
from services.graph.domain.documents.expressions import Program
from services.graph.domain.documents.model import Animation, ParameterValue, Settings
from services.graph.domain.documents.problems import Reason

Report = Callable[[str, Reason, str], None]
"""Takes a problem: where below the parameter's path ("" or ".keys.0.1"), why, and the message."""


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value always."""

    value: Any

    def at(self, time: Fraction) -> Any:
        return self.value

    def spelling(self) -> str:
        """Equal for equal signals, here and below."""
        return repr(self.value)


@dataclass(frozen=True, slots=True)
class Animated:
    """Interpolated keyframes."""

    parameter: Parameter[Any]
    curve: Curve

    def at(self, time: Fraction) -> Any:
        components = self.curve.at(time)
        return self.parameter.compose(self.parameter.bounded(components) if self.curve.overshoots else components)

    def sample(self, start: int, count: int, rate: int) -> NDArray[np.float64]:
        """The value at samples `start` to `start + count` of `rate` a second."""
        values = self.curve.sample(start, count, rate)
        if self.curve.overshoots:
            np.clip(values, self.parameter.minimum, self.parameter.maximum, out=values)
        return values

    def spelling(self) -> str:
        return f"keys {[(str(time), components, str(ease)) for time, components, ease in self.curve.keys]!r}"


@dataclass(frozen=True, slots=True)
class Travelling:
    """A rate, with the distance that it has led to; see `artifex.nodes.Rate`."""

    rate: "Constant | Animated"

    def at(self, time: Fraction) -> Any:
        """`Travelled`."""
        now: Travelled = self.rate.at(time)
        if isinstance(self.rate, Constant):
            return Travelled(now.rate, Fraction(now.rate) * time)
        distance = self.rate.curve.travelled(time)
        return Travelled(now.rate, Fraction(round(distance * _TRAVELLED_PARTS), _TRAVELLED_PARTS))

    def spelling(self) -> str:
        return f"rate {self.rate.spelling()}"


@dataclass(frozen=True, slots=True)
class Stepped:
    """Keyframes of a value that has nothing between: each holds from its time on; the first also before."""

    times: tuple[Fraction, ...]
    values: tuple[Any, ...]

    def at(self, time: Fraction) -> Any:
        return self.values[max(0, bisect_right(self.times, time) - 1)]

    def spelling(self) -> str:
        return f"steps {self.times!r} {self.values!r}"


@dataclass(frozen=True, slots=True)
class Computed:
    """The value of expressions, kept within the parameter's bounds."""

    parameter: Parameter[Any]
    programs: tuple[Program, ...]
    """One for all of the parameter's numbers, or one for each."""
    numbers: Mapping[str, "Signal"]
    """The node's other parameters that the programs read."""
    settings: Settings

    def at(self, time: Fraction) -> Any:
        names: dict[str, Any] = {name: np.float64(signal.at(time)) for name, signal in self.numbers.items()}
        self._tell(names, np.float64(float(time)), np.float64(float(time * self.settings.fps)))
        values = [float(self._evaluate(program, names)) for program in self.programs]
        if len(values) > 1:
            return self.parameter.parse(list(self.parameter.bounded(values)))
        value = float(np.clip(values[0], self.parameter.minimum, self.parameter.maximum))
        return self.parameter.compose([value]) if self.parameter.kind in SCALARS else self.parameter.parse(value)

    def sample(self, start: int, count: int, rate: int) -> NDArray[np.float64]:
        """The value at samples `start` to `start + count` of `rate` a second; of a parameter that is one number."""
        time = np.arange(start, start + count, dtype=np.float64) / rate
        names = {name: sample(signal, start, count, rate) for name, signal in self.numbers.items()}
        self._tell(names, time, time * float(self.settings.fps))
        values = self._evaluate(self.programs[0], names)
        return np.broadcast_to(np.clip(values, self.parameter.minimum, self.parameter.maximum), (count,))

    def spelling(self) -> str:
        settings = self.settings
        sources = [program.source for program in self.programs]
        return f"expr {sources!r} {settings.fps} {settings.width} {settings.height}"

    def _tell(self, names: dict[str, Any], time: Any, frame: Any) -> None:
        """Adds the document's own names, which come before a parameter's."""
        settings = self.settings
        names["t"], names["frame"], names["fps"] = time, frame, np.float64(float(settings.fps))
        names["width"], names["height"] = np.float64(settings.width), np.float64(settings.height)

    def _evaluate(self, program: Program, names: Mapping[str, Any]) -> NDArray[np.float64]:
        value = np.asarray(program.evaluate(names), dtype=np.float64)
        if not np.isfinite(value).all():
            message = f'the expression "{program.source}" gives no number; keep it from dividing by zero'
            raise InvalidArgument(message, reason="ERROR_REASON_GRAPH_INVALID", metadata={"problems": "1"})
        return value


_TRAVELLED_PARTS: Final = 1 << 40
SCALARS: Final = (ParameterType.FLOAT, ParameterType.INTEGER)
"""Parameters that are one number, and can be read by expressions."""
DOCUMENT_NAMES: Final = ("t", "frame", "fps", "width", "height")

Signal = Constant | Animated | Travelling | Stepped | Computed


def sample(signal: Signal, start: int, count: int, rate: int) -> NDArray[np.float64]:
    """A number's value at samples `start` to `start + count` of `rate` a second."""
    if isinstance(signal, Animated | Computed):
        return signal.sample(start, count, rate)
    return np.full(count, float(signal.at(Fraction(0))), dtype=np.float64)


def constant(parameter: Parameter[Any], value: Any) -> Signal:
    """The signal of a parameter that keeps a value."""
    return Travelling(Constant(value)) if isinstance(parameter, Rate) else Constant(value)


def compile_signal(parameter: Parameter[Any], given: ParameterValue, report: Report) -> Signal | None:
    """The value or keys that the document gives for `parameter`, checked; None when there were problems."""
    if isinstance(given, Animation):
        return _compile_keys(parameter, given, report)
    try:
        return constant(parameter, parameter.parse(given))
    except ParameterError as error:
        report("", Reason(error.reason), error.message)
        return None


def _compile_keys(parameter: Parameter[Any], given: Animation, report: Report) -> Signal | None:
    if not parameter.animatable:
        report("", Reason.NOT_ANIMATABLE, "cannot change with time; give one value instead of keys")
        return None
    values: list[Any] = []
    for index, key in enumerate(given.keys):
        try:
            values.append(parameter.parse(key.value))
        except ParameterError as error:
            report(f".keys.{index}.1", Reason(error.reason), error.message)
    if len(values) != len(given.keys):
        return None
    if not parameter.interpolates:
        wrong = [i for i, key in enumerate(given.keys) if i and key.ease not in (Ease.STEP, Ease.LINEAR)]
        for index in wrong:
            report(f".keys.{index}.2", Reason.PARAMETER_TYPE, 'has no values in between; its keys can only "step"')
        return None if wrong else Stepped(tuple(key.time for key in given.keys), tuple(values))
    keys = [Key(key.time, parameter.components(value), key.ease) for key, value in zip(given.keys, values, strict=True)]
    for index, found in enumerate(keys):
        if len(found.components) != len(keys[0].components):
            message = "has not as many points as the first key; keys move points, and neither add nor remove any"
            report(f".keys.{index}.1", Reason.PARAMETER_RANGE, message)
            return None
    animated = Animated(parameter, Curve(keys))
    return Travelling(animated) if isinstance(parameter, Rate) else animated
