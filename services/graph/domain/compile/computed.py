"""Ties a node's expressions to what they read."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, Final

from artifex.nodes import Parameter, ParameterType
from libs.chassis.errors import InvalidArgument
from services.graph.domain.compile.signals import DOCUMENT_NAMES, SCALARS, Computed, Constant, Signal
from services.graph.domain.compile.walks import find_cycles, post_order, way_around
from services.graph.domain.documents.expressions import CONSTANTS, ExpressionError, Program, parse
from services.graph.domain.documents.hints import Hints
from services.graph.domain.documents.model import Expression, Settings
from services.graph.domain.documents.problems import Reason

_COUNTS: Final = {ParameterType.VECTOR2: (2,), ParameterType.VECTOR3: (3,), ParameterType.COLOR: (3, 4)}
_MAX_UNKNOWN: Final = 3
"""Names told of one expression that means nothing."""

Report = Callable[[str, Reason, str], None]
"""Takes a problem: the parameter, why, and the message."""


def bind_expressions(
    given: Mapping[str, tuple[Parameter[Any], Expression]],
    signals: dict[str, Signal],
    scalars: Mapping[str, Parameter[Any]],
    settings: Settings,
    hints: Hints,
    report: Report,
) -> None:
    """Adds to `signals`, which holds all other parameters, those that are given as expressions.

    `scalars` are the node's parameters; those that are one number can be read by name. An expression that reads nothing
    that changes becomes a constant.
    """
    readable = {name for name, parameter in scalars.items() if parameter.kind in SCALARS}
    programs = {
        name: found
        for name, (parameter, expression) in given.items()
        if (found := _parse(name, parameter, expression, readable, hints, report)) is not None
    }
    sources = {name: [read for read in sorted(_names(found)) if read in programs] for name, found in programs.items()}
    cycles = find_cycles(sources)
    for cycle in cycles:
        message = f"the expressions need each other: {way_around(cycle)}"
        report(cycle[0], Reason.INVALID_EXPRESSION, message)
    if cycles:
        return
    bound: set[str] = set()
    for name in programs:
        for needed in post_order(name, sources.__getitem__):
            if needed not in bound:
                bound.add(needed)
                _bind(needed, given[needed][0], programs[needed], signals, settings, report)


def _parse(
    name: str, parameter: Parameter[Any], expression: Expression, readable: set[str], hints: Hints, report: Report
) -> tuple[Program, ...] | None:
    if not parameter.animatable:
        report(name, Reason.NOT_ANIMATABLE, "cannot change with time; give a value instead of an expression")
        return None
    if not parameter.computable:
        what = "is no number that expressions can give; give a value" + (" or keys" if parameter.interpolates else "")
        report(name, Reason.PARAMETER_TYPE, what)
        return None
    numbers = _numbers(parameter)
    if expression.others and len(expression.sources) not in numbers:
        many = " or ".join(map(str, numbers))
        message = f"{len(expression.sources)} expressions given; it has {many}"
        report(name, Reason.PARAMETER_TYPE, message)
        return None
    try:
        programs = tuple(parse(source) for source in expression.sources)
    except ExpressionError as error:
        report(name, Reason.INVALID_EXPRESSION, str(error))
        return None
    known = [*DOCUMENT_NAMES, *CONSTANTS, *sorted(readable)]
    strange = sorted(_names(programs) - set(known))
    for unknown in strange[:_MAX_UNKNOWN]:
        close = hints.closest(unknown, known)
        hint = f'did you mean "{close}"?' if close else f"known are {', '.join(known)}"
        report(name, Reason.INVALID_EXPRESSION, f'there is nothing called "{unknown}" here; {hint}')
    return None if strange else programs


def _names(programs: Iterable[Program]) -> set[str]:
    return {name for program in programs for name in program.names}


def _numbers(parameter: Parameter[Any]) -> tuple[int, ...]:
    """How many numbers the parameter may be given; of a colour alpha may be left out."""
    return _COUNTS.get(parameter.kind, (1,))


def _bind(
    name: str,
    parameter: Parameter[Any],
    programs: tuple[Program, ...],
    signals: dict[str, Signal],
    settings: Settings,
    report: Report,
) -> None:
    reads = _names(programs) - set(DOCUMENT_NAMES)
    if not reads <= signals.keys():
        # What is missing has a problem of its own.
        return
    numbers = {read: signals[read] for read in reads}
    computed = Computed(parameter, programs, numbers, settings)
    constant = not _names(programs) & {"t", "frame"} and all(
        isinstance(signal, Constant) for signal in numbers.values()
    )
    try:
        first = computed.at(Fraction(0))
    except InvalidArgument as error:
        # Found now rather than when the first frame is rendered.
        report(name, Reason.INVALID_EXPRESSION, error.message if constant else f"at the first frame {error.message}")
        return
    signals[name] = Constant(first) if constant else computed
