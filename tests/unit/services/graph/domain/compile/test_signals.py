"""Parameters over time, of the types that are more than one number."""

from fractions import Fraction
from typing import Any

import pytest

from artifex.nodes import Column, Ease, Points, Rate, Travelled
from services.graph.domain.compile.signals import Signal, compile_signal
from services.graph.domain.documents.model import Animation, Keyframe
from services.graph.domain.documents.problems import Reason

PATH = Points(((0.0, 0.0),), columns=(Column("x"), Column("y")), doc="d")
SPEED = Rate(1.0, doc="d")


def keys(*given: tuple[int, object]) -> Animation:
    return Animation(tuple(Keyframe(Fraction(time), value, Ease.LINEAR) for time, value in given))


def compiled(parameter: Any, given: Any) -> Signal:
    problems: list[object] = []
    signal = compile_signal(parameter, given, lambda *problem: problems.append(problem))
    assert signal is not None
    assert not problems
    return signal


def test_keys_move_points() -> None:
    signal = compiled(PATH, keys((0, [[0, 0], [1, 1]]), (2, [[2, 4], [1, 3]])))
    assert signal.at(Fraction(1)) == ((1.0, 2.0), (1.0, 2.0))


def test_keys_of_unequally_many_points_are_refused_where_they_differ() -> None:
    problems: list[tuple[str, Reason]] = []
    given = keys((0, [[0, 0], [1, 1]]), (1, [[0, 0], [1, 1]]), (2, [[2, 4]]))
    assert compile_signal(PATH, given, lambda where, reason, message: problems.append((where, reason))) is None
    assert problems == [(".keys.2.1", Reason.PARAMETER_RANGE)]


@pytest.mark.parametrize("time", [Fraction(0), Fraction(1001, 24000), Fraction(-7, 3)])
def test_a_constant_speed_leads_exactly_as_far(time: Fraction) -> None:
    assert compiled(SPEED, 0.75).at(time) == Travelled(0.75, Fraction(3, 4) * time)


def test_a_speed_that_changes_leads_as_far_as_it_was_fast() -> None:
    signal = compiled(SPEED, keys((0, 1), (2, 3)))
    assert signal.at(Fraction(1)) == Travelled(2.0, Fraction(3, 2))
    assert signal.at(Fraction(3)) == Travelled(3.0, Fraction(7))
    assert signal.at(Fraction(-1)) == Travelled(1.0, Fraction(-1))
