import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifex.nodes import (
    REQUIRED,
    Asset,
    Boolean,
    Choice,
    Color,
    Column,
    DeclarationError,
    Float,
    Integer,
    Parameter,
    ParameterError,
    Points,
    Rate,
    String,
    Time,
    Travelled,
    Vector2,
    Vector3,
)

CORNERS = Points(
    ((0.0, 0.0, 1.0),), columns=(Column("x"), Column("y", 0, 9), Column("weight", 0, 1, 1.0)), doc="d", most=2
)


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        (Float(0.0, doc="d"), 3, 3.0),
        (Integer(0, doc="d"), 4.0, 4),
        (Boolean(False, doc="d"), True, True),
        (String("", doc="d"), "x", "x"),
        (Choice("a", choices=("a", "b"), doc="d"), "b", "b"),
        (Color((0.0, 0.0, 0.0, 1.0), doc="d"), [0.1, 0.2, 0.3], (0.1, 0.2, 0.3, 1.0)),
        (Color((0.0, 0.0, 0.0, 1.0), doc="d"), [0.1, 0.2, 0.3, 0.4], (0.1, 0.2, 0.3, 0.4)),
        (Color((0.0, 0.0, 0.0, 1.0), doc="d"), 2, (2.0, 2.0, 2.0, 1.0)),
        (Color((0.0, 0.0, 0.0, 1.0), doc="d"), "#ff0080", (1.0, 0.0, 128 / 255, 1.0)),
        (Vector2((0.0, 0.0), doc="d"), [1, 2], (1.0, 2.0)),
        (Vector2((0.0, 0.0), doc="d"), 0.5, (0.5, 0.5)),
        (Vector3((0.0, 0.0, 0.0), doc="d"), [1, 2, 3], (1.0, 2.0, 3.0)),
        (Vector3((0.0, 0.0, 0.0), doc="d"), 2, (2.0, 2.0, 2.0)),
        (CORNERS, [[1, 2], [3, 4, 0]], ((1.0, 2.0, 1.0), (3.0, 4.0, 0.0))),
        (Rate(1.0, doc="d"), 0.5, Travelled(0.5, Fraction(0))),
        (Asset(doc="d"), "assets/01abc", "assets/01abc"),
        (Time(Fraction(0), doc="d"), "1001/24000", Fraction(1001, 24000)),
        (Time(Fraction(0), doc="d"), 0.1, Fraction(1, 10)),
    ],
)
def test_values_are_read_as_their_type(parameter: Parameter[Any], value: object, expected: object) -> None:
    assert parameter.parse(value) == expected


@pytest.mark.parametrize(
    ("parameter", "value", "reason"),
    [
        (Float(0.0, doc="d"), "1", "parameter_type"),
        (Float(0.0, doc="d"), True, "parameter_type"),
        (Float(0.0, doc="d"), 10**400, "parameter_range"),
        (Float(0.0, doc="d", minimum=-1, maximum=1), 1.5, "parameter_range"),
        (Integer(0, doc="d"), 1.5, "parameter_type"),
        (Integer(0, doc="d"), 10**400, "parameter_range"),
        (Integer(0, doc="d", minimum=0), -(10**400), "parameter_range"),
        (Integer(5, doc="d", minimum=1, step=4), 6, "parameter_range"),
        (Boolean(False, doc="d"), 1, "parameter_type"),
        (String("", doc="d", max_length=3), "abcd", "parameter_range"),
        (Choice("a", choices=("a",), doc="d"), "b", "parameter_range"),
        (Vector3((0.0, 0.0, 0.0), doc="d"), [1, 2], "parameter_type"),
        (Vector3((0.0, 0.0, 0.0), doc="d", maximum=2), [1, 2, 3], "parameter_range"),
        (CORNERS, 3, "parameter_type"),
        (CORNERS, [[1]], "parameter_type"),
        (CORNERS, [[1, 2, 1, 1]], "parameter_type"),
        (CORNERS, [[1, "2"]], "parameter_type"),
        (CORNERS, [], "parameter_range"),
        (CORNERS, [[1, 2]] * 3, "parameter_range"),
        (CORNERS, [[1, 10]], "parameter_range"),
        (Rate(1.0, doc="d", minimum=0), -1, "parameter_range"),
        (Rate(1.0, doc="d"), [1, "2"], "parameter_type"),
        (Color((0.0, 0.0, 0.0, 1.0), doc="d"), [1, 2], "parameter_type"),
        (Color((0.0, 0.0, 0.0, 1.0), doc="d"), [0, 0, 0, 2], "parameter_range"),
        (Vector2((0.0, 0.0), doc="d"), [1], "parameter_type"),
        (Asset(doc="d"), "clip.mp4", "parameter_range"),
        (Asset(doc="d"), "assets/../x", "parameter_range"),
        (Time(Fraction(0), doc="d"), "x", "parameter_type"),
    ],
)
def test_wrong_values_say_why(parameter: Parameter[Any], value: object, reason: str) -> None:
    with pytest.raises(ParameterError) as raised:
        parameter.parse(value)
    assert raised.value.reason == reason
    assert raised.value.message


def test_a_step_names_the_nearest_values() -> None:
    with pytest.raises(ParameterError, match="81 and 85"):
        Integer(5, doc="d", minimum=1, step=4).parse(82)


def test_a_default_out_of_bounds_is_a_mistake_of_the_author() -> None:
    with pytest.raises(DeclarationError):
        Float(2.0, doc="d", maximum=1)


def test_a_required_parameter_has_no_default() -> None:
    assert String(REQUIRED, doc="d").default is REQUIRED


@given(st.tuples(*[st.floats(0, 1)] * 4))
def test_colours_survive_their_components(value: tuple[float, float, float, float]) -> None:
    color = Color((0.0, 0.0, 0.0, 1.0), doc="d")
    assert color.compose(color.components(value)) == value
    assert color.parse(color.to_json(value)) == value


def test_points_are_moved_number_by_number() -> None:
    rows = CORNERS.parse([[1, 2], [3, 4, 0.5]])
    assert CORNERS.compose(CORNERS.components(rows)) == rows
    assert CORNERS.parse(CORNERS.to_json(rows)) == rows
    assert CORNERS.compose(CORNERS.bounded((-5.0, 12.0, -1.0))) == ((-5.0, 9.0, 0.0),)


def test_only_the_last_columns_of_points_may_be_left_out() -> None:
    with pytest.raises(DeclarationError, match="only the last"):
        Points(REQUIRED, columns=(Column("x", default=0.0), Column("y")), doc="d")


def test_a_rate_tells_another_process_how_far_it_has_led() -> None:
    rate = Rate(1.0, doc="d")
    for speed, time in ((0.5, Fraction(1001, 24000)), (0.1, Fraction(17 * 1001, 24000)), (-1e300, Fraction(86400))):
        travelled = Travelled(speed, Fraction(speed) * time)
        assert rate.from_wire(json.loads(json.dumps(rate.to_wire(travelled)))) == travelled


@pytest.mark.parametrize("value", [1.0, [1.0], [1.0, "1/2"], [1.0, 1, 0], ["1", 1, 1], [1.0, 0.5, 1]])
def test_what_is_no_rate_and_distance_is_refused(value: object) -> None:
    with pytest.raises(ParameterError):
        Rate(1.0, doc="d").from_wire(value)
