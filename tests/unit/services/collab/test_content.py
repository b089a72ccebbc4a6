from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.chassis.errors import InvalidArgument
from services.collab.domain.content import check_content

GRAPH = '{"schema": "artifex.graph/1", "nodes": {}}'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not_json"),
        ("{", "not_json"),
        ("[]", "not_an_object"),
        ('"artifex.graph/1"', "not_an_object"),
        ("{}", "wrong_schema"),
        ('{"schema": "artifex.graph/2"}', "wrong_schema"),
        ('{"schema": "artifex.graph/1", "nodes": []}', "wrong_type"),
        ('{"schema": "artifex.graph/1", "schema": "artifex.graph/1"}', "duplicate_key"),
        ('{"schema": "artifex.graph/1", "nodes": {"a": {}, "a": {}}}', "duplicate_key"),
        ('{"schema": "artifex.graph/1", "x": NaN}', "not_json"),
        ('{"schema": "artifex.graph/1", "x": ' + "9" * 5000 + "}", "not_json"),
        ('{"schema": "artifex.graph/1", "x": 1e999}', "not_json"),
        ('{"schema": "artifex.graph/1", "x": "\\ud800"}', "not_json"),
        ('{"schema": "artifex.graph/1", "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "too_deep"),
    ],
)
def test_what_is_no_graph_document_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_content(text)
    (violation,) = caught.value.violations
    assert violation.field == "content_json"
    assert violation.reason == reason


@pytest.mark.parametrize("text", [GRAPH, '{"schema": "artifex.graph/1"}', f" \n{GRAPH}\n"])
def test_a_graph_document_is_taken_as_it_is(text: str) -> None:
    check_content(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20) + 1, 10**20 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_half_done_graphs_can_be_stored(nodes: dict[str, object]) -> None:
    check_content(json.dumps({"schema": "artifex.graph/1", "nodes": nodes}))


@given(st.text())
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    try:
        check_content(text)
    except InvalidArgument as error:
        assert error.violations  # noqa: PT017 - the point is that no other error leaves
