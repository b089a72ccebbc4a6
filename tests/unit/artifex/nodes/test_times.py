from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifex.nodes import frame_time, parse_rational, rational_text, round_half_up, sample_at


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        ("24000/1001", Fraction(24000, 1001)),
        ("24", Fraction(24)),
        ("5.28", Fraction(132, 25)),
        ("-1.5", Fraction(-3, 2)),
        (0.1, Fraction(1, 10)),
        (25, Fraction(25)),
        (1e-3, Fraction(1, 1000)),
        (1 / 600, Fraction(1, 600)),
        (0.1 + 0.2 - 0.3, Fraction(0)),
    ],
)
def test_rationals_mean_what_is_written(given_value: object, expected: Fraction) -> None:
    assert parse_rational(given_value) == expected


@pytest.mark.parametrize(
    "value", [True, None, "", "1/0", "a", "1e3", " 1", "1/2/3", float("inf"), [1], "٣", 1e18, 10**18]
)
def test_anything_else_is_no_rational(value: object) -> None:
    assert parse_rational(value) is None


@given(st.fractions(-(10**9), 10**9, max_denominator=10**9))
def test_spelling_reads_back(value: Fraction) -> None:
    assert parse_rational(rational_text(value)) == value


@given(st.floats() | st.integers() | st.from_regex(r"-?[0-9]{1,18}([/.][0-9]{1,18})?", fullmatch=True))
def test_whatever_is_read_can_be_written_and_read_again(value: object) -> None:
    time = parse_rational(value)
    assert time is None or parse_rational(rational_text(time)) == time


def test_halves_round_up() -> None:
    assert [round_half_up(Fraction(n, 2)) for n in (-3, -1, 0, 1, 3, 5)] == [-1, 0, 0, 1, 2, 3]


@given(st.integers(0, 10**7), st.sampled_from([Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001)]))
def test_frame_times_are_exact(frame: int, rate: Fraction) -> None:
    assert frame_time(frame, rate) * rate == frame


def test_an_hour_of_ntsc_film_has_its_samples() -> None:
    # 3600 · 1001/1000 seconds: 86,400 frames of 24000/1001.
    assert sample_at(frame_time(86_400, Fraction(24000, 1001)), 48_000) == 172_972_800
