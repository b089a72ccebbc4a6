"""Parameters over time: what a document says about one, made ready to be evaluated."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Curve, Ease, Key, Parameter, ParameterError
from services.graph.domain.model import Animation, Expression, ParameterValue
from services.graph.domain.problems import Reason

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
        return self.parameter.compose(self.curve.at(time))

    def spelling(self) -> str:
        return f"keys {self.curve.keys!r}"


@dataclass(frozen=True, slots=True)
class Stepped:
    """Keyframes of a value that has nothing between: each holds from its time on; the first also before."""

    times: tuple[Fraction, ...]
    values: tuple[Any, ...]

    def at(self, time: Fraction) -> Any:
        return self.values[max(0, bisect_right(self.times, time) - 1)]

    def spelling(self) -> str:
        return f"steps {self.times!r} {self.values!r}"


Signal = Constant | Animated | Stepped


def sample(signal: Signal, start: int, count: int, rate: int) -> NDArray[np.float64]:
    """A number's value at samples `start` to `start + count` of `rate` a second."""
    if isinstance(signal, Animated):
        return signal.curve.sample(start, count, rate)
    return np.full(count, float(signal.at(Fraction(0))), dtype=np.float64)


def compile_signal(parameter: Parameter[Any], given: ParameterValue, report: Report) -> Signal | None:
    """What the document gives for `parameter`, checked; None when there were problems, which are reported."""
    if isinstance(given, Expression):
        report("", Reason.INVALID_EXPRESSION, "expressions cannot be evaluated yet; give a value or keys")
        return None
    if isinstance(given, Animation):
        return _compile_keys(parameter, given, report)
    try:
        return Constant(parameter.parse(given))
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
    return Animated(parameter, Curve(keys))
