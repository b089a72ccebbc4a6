import math
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from artifex.nodes import Node
from libs.chassis.errors import InvalidArgument
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import compile, validate
from services.graph.domain.compile.signals import Constant, sample
from services.graph.domain.documents.expressions import FUNCTIONS, ExpressionError, parse
from services.graph.domain.documents.problems import Reason
from tests.unit.services.graph.support import document, footage_info, output


def value(source: str, **names: float) -> float:
    return float(parse(source).evaluate(names))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("10 - 4 - 3", 3), ("2 ** 3 ** 2", 512), ("-2 ** 2", -4),
        ("2 ** -1", 0.5),
        ("7 % 3", 1), ("-7 % 3", 2), ("1e2 / 4", 25), (".5 + 1.", 1.5), ("1 < 2", 1), ("1 + 1 == 2", 1), ("3 != 3", 0),
        ("2 >= 3", 0), ("min(3, 1, 2)", 1), ("max(3, 1)", 3), ("clamp(5, 0, 1)", 1), ("lerp(10, 20, 0.25)", 12.5),
        ("if(1 > 2, 10, 20)", 20), ("floor(-1.5)", -2), ("ceil(1.2)", 2), ("round(2.5)", 3), ("abs(-3)", 3),
        ("pow(2, 10)", 1024), ("sqrt(16)", 4), ("sin(pi / 2)", 1), ("cos(0)", 1), ("exp(log(5))", 5), ("--3", 3),
        ("2*-3", -6), ("tan(0)", 0), ("1-1", 0), ("asin(1) * 2", math.pi), ("acos(-1)", math.pi),
        ("atan2(1, 0)", math.pi / 2),
        ("atan(1) * 4", math.pi), ("degrees(pi)", 180), ("radians(180)", math.pi), ("hypot(3, 4)", 5), ("log2(8)", 3),
        ("log10(1000)", 3), ("fract(-1.25)", 0.75), ("sign(-3)", -1), ("step(0.5, 0.5)", 1), ("step(0.5, 0.4)", 0),
        ("smoothstep(0, 2, 1)", 0.5), ("smoothstep(0, 1, 7)", 1), ("and(1, 2, 0)", 0), ("or(0, 0, 3)", 1),
        ("not(0)", 1),
        ("not(2)", 0), ("tau / pi", 2), ("log(e)", 1),
    ],
)  # fmt: skip
def test_it_calculates(source: str, expected: float) -> None:
    assert value(source) == pytest.approx(expected)


@st.composite
def sources(draw: st.DrawFn, depth: int = 0) -> str:
    """Expressions whose meaning in Python is the same."""
    if depth > 3 or draw(st.booleans()):
        return draw(st.sampled_from(["t", "1", "2.5", "0.25", "3"]))
    left, right = draw(sources(depth + 1)), draw(sources(depth + 1))
    return draw(
        st.sampled_from([f"{left} + {right}", f"{left} - {right}", f"({left}) * {right}", f"-{left}",
                         f"({left}) / ({right})", f"({left} - {right})", f"abs({left})", f"({left}) % 2.5",
                         f"max({left}, {right})"])
    )  # fmt: skip


@given(sources(), st.floats(-10, 10))
def test_it_means_what_python_means(source: str, t: float) -> None:
    try:
        expected = float(eval(source, {"t": t, "abs": abs, "max": max}))
    except ZeroDivisionError:
        assume(False)
    assert value(source, t=t) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(st.text(alphabet="t+-*/%()<>=!,. 0123456789abcsinmax_'\"[]{}@\\", max_size=40))
def test_any_text_is_an_expression_or_an_expression_error(source: str) -> None:
    try:
        program = parse(source)
    except ExpressionError:
        return
    assert program.instructions


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "missing at the end"), ("1 +", "missing at the end"), ("(1", '")" is expected'), ("1 2", "not expected"),
        ("foo(1)", "no function"), ("sin()", "not expected"), ("sin(1, 2)", "takes 1"), ("min(1)", "takes 2 to 8"),
        ("t.real", "not"), ("__import__('os')", "no function"), ("t[0]", "not understood"), ("1" * 2000, "longer"),
        ("(" * 60 + "1" + ")" * 60, "deeply"), ("-" * 100 + "1", "deeply"), ("a = 1", "not understood"),
        ("٣", "not understood"),
    ],
)  # fmt: skip
def test_mistakes_say_where_they_are(source: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(says)):
        parse(source)


def test_functions_work_on_arrays_too() -> None:
    for name, (fewest, _, _) in FUNCTIONS.items():
        program = parse(f"{name}({', '.join(['t'] * fewest)})")
        times = np.linspace(0.1, 0.9, 5)
        many = program.evaluate({"t": times})
        np.testing.assert_allclose(many, [float(program.evaluate({"t": np.float64(t)})) for t in times])


def node_at(params: dict[str, Any], time: Fraction, **settings: Any) -> Node:
    nodes = {"x": {"type": "TextInput", "params": {"text": "x", **params}}, "out": output()}
    return compile(document(nodes, **settings), catalogue(), "", {}).steps[0].at(time)


def test_a_parameter_follows_its_expression() -> None:
    params = {"size": {"expr": "20 + 10 * t"}, "opacity": {"expr": "if(frame < 25, 0.25, size / 100)"},
              "position": {"expr": "0.5 + 0.1 * sin(2 * pi * t)"}}  # fmt: skip
    node = node_at(params, Fraction(2))
    assert node.values["size"] == pytest.approx(40.0)
    assert node.values["opacity"] == pytest.approx(0.4)
    assert node.values["position"] == pytest.approx((0.5, 0.5))
    assert node_at(params, Fraction(1, 2)).values["opacity"] == 0.25


def test_results_stay_within_bounds() -> None:
    assert node_at({"opacity": {"expr": "t * 100"}}, Fraction(3)).values["opacity"] == 1.0
    assert node_at({"opacity": {"expr": "-t"}}, Fraction(3)).values["opacity"] == 0.0


def test_what_never_changes_is_a_constant() -> None:
    nodes = {"x": {"type": "TextInput", "params": {"text": "x", "size": {"expr": "height / 10"}}}, "out": output()}
    (step,) = compile(document(nodes), catalogue(), "", {}).steps
    assert step.signals["size"] == Constant(3.6)
    assert step.static


def test_no_number_is_a_typed_error() -> None:
    with pytest.raises(InvalidArgument, match="dividing by zero"):
        node_at({"size": {"expr": "1 / (t - 1)"}}, Fraction(1))


@pytest.mark.parametrize(
    ("params", "path", "reason"),
    [
        ({"size": {"expr": "t +"}}, "size", Reason.INVALID_EXPRESSION),
        ({"size": {"expr": "tt"}}, "size", Reason.INVALID_EXPRESSION),
        ({"size": {"expr": "text"}}, "size", Reason.INVALID_EXPRESSION),
        ({"size": {"expr": "1 / 0"}}, "size", Reason.INVALID_EXPRESSION),
        ({"size": {"expr": "opacity"}, "opacity": {"expr": "size"}}, "opacity", Reason.INVALID_EXPRESSION),
        ({"size": {"expr": "size"}}, "size", Reason.INVALID_EXPRESSION),
        ({"font": {"expr": "1"}}, "font", Reason.NOT_ANIMATABLE),
        ({"text": {"expr": "1"}}, "text", Reason.PARAMETER_TYPE),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_a_problem(params: dict[str, Any], path: str, reason: Reason) -> None:
    nodes = {"x": {"type": "TextInput", "params": {"text": "x", **params}}, "out": output()}
    (problem,) = validate(document(nodes), catalogue(), {})
    assert (problem.path, problem.reason) == (f"nodes.x.params.{path}", reason)


def test_noise_is_smooth_bounded_and_always_the_same() -> None:
    program = parse("noise(t * 3, 7)")
    times = np.linspace(-50, 50, 20_001)
    values = program.evaluate({"t": times})
    assert np.abs(values).max() <= 1.0
    assert np.abs(np.diff(values)).max() < 0.05
    assert values.std() > 0.3
    assert value("noise(2)") == pytest.approx(float(parse("noise(t)").evaluate({"t": np.array([1.0, 2.0])})[1]))
    assert value("noise(0.5)") != value("noise(0.5, 1)")
    # Documents are rendered again years later: these may never change.
    assert value("noise(0)") == pytest.approx(0.22364508449933207, abs=1e-15)
    assert value("noise(12345, 6)") == pytest.approx(0.7011583517787383, abs=1e-15)


def test_numbers_of_a_parameter_may_each_have_an_expression() -> None:
    params = {"position": {"expr": ["t / 10", "opacity"]}, "opacity": 0.25, "color": {"expr": ["1", "t", "0"]}}
    node = node_at(params, Fraction(2))
    assert node.values["position"] == pytest.approx((0.2, 0.25))
    assert node.values["color"] == (1.0, 1.0, 0.0, 1.0), "kept within its bounds"
    assert node_at({"color": {"expr": ["1", "t", "0", "t"]}}, Fraction(5)).values["color"][3] == 1.0


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"position": {"expr": ["1", "2", "3"]}}, Reason.PARAMETER_TYPE),
        ({"size": {"expr": ["1", "2"]}}, Reason.PARAMETER_TYPE),
        ({"position": {"expr": ["t", "t +"]}}, Reason.INVALID_EXPRESSION),
        ({"position": {"expr": ["t", "nothing"]}}, Reason.INVALID_EXPRESSION),
        ({"position": {"expr": ["1", "1 / t"]}}, Reason.INVALID_EXPRESSION),
    ],
)  # fmt: skip
def test_wrong_expressions_for_several_numbers_are_problems(params: dict[str, Any], reason: Reason) -> None:
    nodes = {"x": {"type": "TextInput", "params": {"text": "x", **params}}, "out": output()}
    (problem,) = validate(document(nodes), catalogue(), {})
    assert problem.reason == reason


def test_sound_can_follow_an_expression() -> None:
    nodes = {"c": {"type": "MediaInput", "params": {"asset": "assets/a"}},
             "m": {"type": "AudioMixer", "inputs": {"audio": "c.audio"}, "params": {"gain": {"expr": "-6 * t"}}},
             "out": output("c", audio="m")}  # fmt: skip
    compiled = compile(document(nodes), catalogue(), "", {"c": footage_info()})
    signal = next(step for step in compiled.steps if step.node == "m").signals["gain"]
    np.testing.assert_allclose(sample(signal, 48_000, 3, 48_000), [-6 * (1 + n / 48_000) for n in range(3)])
    assert math.isclose(signal.at(Fraction(1)), -6.0)
