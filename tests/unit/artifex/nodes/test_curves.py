from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.interpolate import BPoly, CubicHermiteSpline, interp1d
from scipy.optimize import brentq

from artifex.nodes import Bezier, Curve, Ease, Key
from artifex.nodes.curves import eased


def curve(*keys: tuple[float, float, Ease]) -> Curve:
    return Curve([Key(Fraction(str(time)), (value,), ease) for time, value, ease in keys])


def test_linear_agrees_with_scipy() -> None:
    ours = curve((0, 1, Ease.LINEAR), (2, 5, Ease.LINEAR), (3, -1, Ease.LINEAR))
    oracle = interp1d([0, 2, 3], [1, 5, -1])
    for n in range(31):
        assert ours.at(Fraction(n, 10))[0] == pytest.approx(float(oracle(n / 10)), abs=1e-12)


def test_ease_in_out_is_the_cubic_hermite_with_flat_ends() -> None:
    ours = curve((0, 0, Ease.LINEAR), (1, 1, Ease.EASE_IN_OUT))
    oracle = CubicHermiteSpline([0, 1], [0, 1], [0, 0])
    for n in range(21):
        assert ours.at(Fraction(n, 20))[0] == pytest.approx(float(oracle(n / 20)), abs=1e-12)


@pytest.mark.parametrize(
    ("ease", "middle"),
    [(Ease.STEP, 0.0), (Ease.LINEAR, 0.5), (Ease.EASE_IN, 0.25), (Ease.EASE_OUT, 0.75), (Ease.EASE_IN_OUT, 0.5)],
)
def test_an_ease_says_how_its_own_key_is_reached(ease: Ease, middle: float) -> None:
    ours = curve((0, 0, Ease.STEP), (1, 1, ease))
    assert ours.at(Fraction(1, 2))[0] == middle
    assert ours.at(Fraction(0))[0] == 0.0
    assert ours.at(Fraction(1))[0] == 1.0


def test_ends_are_held() -> None:
    ours = curve((1, 3, Ease.LINEAR), (2, 4, Ease.LINEAR))
    assert ours.at(Fraction(-5)) == (3,)
    assert ours.at(Fraction(99)) == (4,)


def test_keys_must_be_in_order() -> None:
    with pytest.raises(ValueError, match="order"):
        curve((1, 0, Ease.LINEAR), (1, 1, Ease.LINEAR))


@given(
    st.lists(st.tuples(st.integers(0, 4000), st.floats(-10, 10), st.sampled_from(list(Ease))), min_size=1, max_size=6,
             unique_by=lambda key: key[0]),
    st.integers(-100, 5000),
    st.integers(1, 300),
)  # fmt: skip
def test_samples_agree_with_single_times(keys: list[tuple[int, float, Ease]], start: int, count: int) -> None:
    ours = Curve([Key(Fraction(time, 1000), (value,), ease) for time, value, ease in sorted(keys)])
    sampled = ours.sample(start, count, 1000)
    single = [ours.at(Fraction(start + n, 1000))[0] for n in range(count)]
    np.testing.assert_allclose(sampled, single, atol=1e-9)


handles = st.tuples(st.floats(0, 1), st.floats(-3, 4), st.floats(0, 1), st.floats(-3, 4))
times = st.fractions(0, 4, max_denominator=1000) | st.builds(
    lambda time, tiny: time + Fraction(tiny, 10**18), st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(2)]),
    st.integers(0, 9),
)  # fmt: skip
"""Some so near to each other that they are one float64."""
ways = st.sampled_from(list(Ease)) | handles.map(lambda found: Bezier(*found))


@given(
    st.dictionaries(times, st.tuples(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), ways), min_size=1, max_size=5),
    times,
)
def test_one_time_is_the_formula_in_fractions_and_arrays(
    keys: dict[Fraction, tuple[tuple[float, float], Ease | Bezier]], time: Fraction
) -> None:
    ours = Curve([Key(at, *rest) for at, rest in sorted(keys.items(), key=lambda item: item[0])])
    for asked in (time, *keys):
        before = max((at for at in keys if at <= asked), default=min(keys))
        after = min((at for at in keys if at > asked), default=max(keys))
        expected = keys[before][0]
        if before < after and before <= asked:
            w = eased(keys[after][1], np.array([float((asked - before) / (after - before))]))[0]
            expected = tuple(p + (q - p) * w for p, q in zip(expected, keys[after][0], strict=True))
        assert ours.at(asked) == expected


@given(st.integers(0, 500), st.integers(1, 200), st.integers(1, 200))
def test_blocks_join_without_a_seam(start: int, first: int, second: int) -> None:
    ours = curve((0.1, 0, Ease.LINEAR), (0.3, 1, Ease.EASE_IN), (0.7, -2, Ease.EASE_OUT))
    whole = ours.sample(start, first + second, 1000)
    parts = np.concatenate([ours.sample(start, first, 1000), ours.sample(start + first, second, 1000)])
    np.testing.assert_allclose(whole, parts, atol=1e-12)


@given(handles, st.floats(0.001, 0.999))
def test_a_bezier_is_scipys_polynomial_where_scipy_finds_the_root(given_handles: tuple[float, ...], u: float) -> None:
    bezier = Bezier(*given_handles)
    x, y = (
        BPoly([[0.0], [first], [second], [1.0]], [0, 1]) for first, second in (given_handles[::2], given_handles[1::2])
    )
    s = brentq(lambda s: float(x(s)) - u, 0.0, 1.0, xtol=1e-15)
    slope = abs(float(y.derivative()(s))) / max(abs(float(x.derivative()(s))), 1e-9)
    assert float(bezier(np.array([u]))[0]) == pytest.approx(float(y(s)), abs=1e-9 * max(1.0, slope))


def test_a_bezier_with_its_handles_on_the_line_is_the_line() -> None:
    u = np.linspace(0, 1, 101)
    for line in (Bezier(0, 0, 1, 1), Bezier(0, 0, 0, 0), Bezier(1, 1, 1, 1), Bezier(1 / 3, 1 / 3, 2 / 3, 2 / 3)):
        np.testing.assert_allclose(line(u), u, atol=1e-12)


def test_a_bezier_begins_and_ends_at_its_keys() -> None:
    for bezier in (Bezier(1, 0, 0, 1), Bezier(0, 1, 1, 0), Bezier(0.5, -3, 0.5, 4)):
        np.testing.assert_array_equal(bezier(np.array([0.0, 1.0])), [0.0, 1.0])
        assert bezier(np.array([])).size == 0


def test_a_curve_follows_its_bezier_alone_and_sampled() -> None:
    ours = Curve([Key(Fraction(1), (2.0,)), Key(Fraction(3), (6.0,), Bezier(0.42, 0, 0.58, 1))])
    assert ours.at(Fraction(2)) == pytest.approx((4.0,))
    np.testing.assert_allclose(ours.sample(0, 400, 100), [ours.at(Fraction(n, 100))[0] for n in range(400)], atol=1e-9)
    assert not ours.overshoots
    assert Curve([Key(Fraction(1), (2.0,)), Key(Fraction(3), (6.0,), Bezier(0.4, -1, 0.5, 1))]).overshoots


@pytest.mark.parametrize("wrong", [(-0.1, 0, 1, 1), (0, 0, 1.5, 1), (0, float("inf"), 1, 1), (float("nan"), 0, 1, 1)])
def test_handles_that_give_no_curve_are_refused(wrong: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="handles"):
        Bezier(*wrong)


@pytest.mark.parametrize("ease", [*Ease, Bezier(0.25, 0.1, 0.25, 1.0), Bezier(0.9, -2.0, 0.0, 3.0)], ids=str)
def test_the_way_is_the_integral_of_the_speed(ease: Ease | Bezier) -> None:
    keys = [(Fraction(-1), 2.0, Ease.LINEAR), (Fraction(1, 2), 0.5, ease), (Fraction(3), -1.0, ease)]
    ours = Curve([Key(time, (value,), reached) for time, value, reached in keys])
    for end in (Fraction(-3), Fraction(-1, 3), Fraction(0), Fraction(1, 2), Fraction(2), Fraction(5)):
        expected = quad(lambda t: ours.at(Fraction(t))[0], 0.0, float(end), points=[-1.0, 0.5, 3.0], limit=200)[0]
        assert ours.travelled(end) == pytest.approx(expected, abs=2e-7)
