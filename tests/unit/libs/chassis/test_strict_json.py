from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.chassis.strict_json import Fault, NotTaken, load

_numbers = st.integers(-(10**20) + 1, 10**20 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_values = st.recursive(
    st.none() | st.booleans() | _numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def faults(text: str | bytes) -> tuple[Fault, ...]:
    with pytest.raises(NotTaken) as refused:
        load(text)
    return refused.value.faults


@given(_values)
def test_what_json_says_is_read_as_it_is(value: Any) -> None:
    assert load(json.dumps(value)) == value
    assert load(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.text() | st.binary())
def test_no_text_makes_it_fail_otherwise(text: str | bytes) -> None:
    try:
        load(text)
    except NotTaken as error:
        assert error.faults  # noqa: PT017 - the point is that no other error leaves


@pytest.mark.parametrize(
    ("text", "keys", "why"),
    [
        ("", (), "not_json"),
        ('{"a": [1, NaN]}', ("a", 1), "number"),
        ('{"a": {"b": 1e999}}', ("a", "b"), "number"),
        ("9" * 5000, (), "number"),
        ("-" + "9" * 21, (), "number"),
        ('{"a": [{"b": 1, "b": 2}]}', ("a", 0, "b"), "duplicate_key"),
        ('"\\ud800"', (), "no_text"),
        (b"\xff", (), "no_text"),
        ("[" * 100_000, (), "too_deep"),
    ],
)
def test_what_is_not_taken_is_told_with_its_place(text: str | bytes, keys: tuple[str | int, ...], why: str) -> None:
    (fault,) = faults(text)
    assert (fault.keys, fault.why) == (keys, why)
    assert len(fault.message) < 200


def test_the_largest_numbers_that_are_taken() -> None:
    assert load("-" + "9" * 20) == -(10**20 - 1)
    assert load("1.7e308") < math.inf
