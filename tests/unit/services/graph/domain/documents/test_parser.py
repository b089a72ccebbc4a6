import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifex.nodes import Ease
from services.graph.domain.documents.document import (
    Animation,
    Document,
    Expression,
    Link,
    canonical_json,
    digest,
    parse_document,
)
from services.graph.domain.documents.problems import GraphInvalid, Reason
from tests.unit.services.graph.support import document, output, text_of

GOOD: dict[str, Any] = {
    "plate": {"type": "MediaInput", "version": "1.0.0", "params": {"asset": "assets/a"}},
    "title": {
        "type": "TextInput",
        "params": {"text": "안녕", "opacity": {"keys": [[0.0, 0.0], ["1001/1000", 1.0, "ease_in_out"]]}},
    },
    "comp": {"type": "Merge", "inputs": {"a": "title", "b": "plate.video"}, "params": {"mix": {"expr": "t / 2"}}},
    "out": output("comp"),
}


def problems(text: str | bytes) -> dict[str, tuple[Reason, str]]:
    with pytest.raises(GraphInvalid) as raised:
        parse_document(text)
    return {problem.path: (problem.reason, problem.message) for problem in raised.value.problems}


def test_a_document_is_read() -> None:
    parsed = document(GOOD, fps="24000/1001", duration="132/25")
    assert parsed.settings.fps == Fraction(24000, 1001)
    assert parsed.settings.frame_count(Fraction(132, 25)) == 127
    assert parsed.settings.colorspace == "ACEScg"
    assert parsed.nodes["comp"].inputs == {"a": Link("title"), "b": Link("plate", "video")}
    assert parsed.nodes["comp"].params["mix"] == Expression("t / 2")
    opacity = parsed.nodes["title"].params["opacity"]
    assert isinstance(opacity, Animation)
    assert [(key.time, key.value, key.ease) for key in opacity.keys] == [
        (Fraction(0), 0.0, Ease.LINEAR),
        (Fraction(1001, 1000), 1.0, Ease.EASE_IN_OUT),
    ]


def test_the_canonical_spelling_reads_back_and_is_stable() -> None:
    parsed = document(GOOD)
    again = parse_document(canonical_json(parsed))
    assert again == parsed
    assert canonical_json(again) == canonical_json(parsed)
    reordered = document(dict(reversed(GOOD.items())))
    assert digest(reordered) == digest(parsed)
    assert digest(document(GOOD, fps=24)) == digest(document(GOOD, fps="24"))
    assert digest(document(GOOD, fps=24)) != digest(parsed)


@pytest.mark.parametrize(
    ("change", "path", "reason"),
    [
        ({"settings": {"width": 64, "height": 36, "fps": 25, "duratoin": 1}}, "settings.duratoin", Reason.UNKNOWN_KEY),
        ({"settings": {"width": 64, "height": 36}}, "settings.fps", Reason.MISSING_KEY),
        ({"settings": {"width": 63, "height": 36, "fps": 25}}, "settings.width", Reason.INVALID_VALUE),
        ({"settings": {"width": 64, "height": 9000, "fps": 25}}, "settings.height", Reason.INVALID_VALUE),
        ({"settings": {"width": 64, "height": 36, "fps": "1/0"}}, "settings.fps", Reason.INVALID_VALUE),
        ({"settings": {"width": 64, "height": 36, "fps": 25, "duration": 0}}, "settings.duration",
         Reason.INVALID_VALUE),
        ({"settings": {"width": 64, "height": 36, "fps": 25, "duration": 0.01}}, "settings.duration",
         Reason.INVALID_VALUE),
        ({"settings": {"width": 64, "height": 36, "fps": 25, "colorspace": "sRGB"}}, "settings.colorspace",
         Reason.INVALID_VALUE),
        ({"settings": []}, "settings", Reason.INVALID_VALUE),
        ({"schema": "artifex.graph/2"}, "schema", Reason.UNSUPPORTED_SCHEMA),
        ({"nodes": []}, "nodes", Reason.INVALID_VALUE),
        ({"nodes": {"a.b": {"type": "X"}}}, "nodes.a.b", Reason.INVALID_VALUE),
        ({"nodes": {"a": 5}}, "nodes.a", Reason.INVALID_VALUE),
        ({"nodes": {"a": {}}}, "nodes.a.type", Reason.MISSING_KEY),
        ({"nodes": {"a": {"type": "X", "param": {}}}}, "nodes.a.param", Reason.UNKNOWN_KEY),
        ({"nodes": {"a": {"type": "X", "version": "1"}}}, "nodes.a.version", Reason.INVALID_VALUE),
        ({"nodes": {"a": {"type": "X", "inputs": {"v": 3}}}}, "nodes.a.inputs.v", Reason.INVALID_VALUE),
        ({"nodes": {"a": {"type": "X", "inputs": {"v": "b.c.d.e"}}}}, "nodes.a.inputs.v", Reason.INVALID_VALUE),
        ({"nodes": {"a": {"type": "X", "params": {"p": {"keys": []}}}}}, "nodes.a.params.p.keys", Reason.INVALID_VALUE),
        ({"nodes": {"a": {"type": "X", "params": {"p": {"keys": [[0]]}}}}}, "nodes.a.params.p.keys.0",
         Reason.INVALID_VALUE),
        ({"nodes": {"a": {"type": "X", "params": {"p": {"keys": [[1, 0], [0, 1]]}}}}}, "nodes.a.params.p.keys.1.0",
         Reason.INVALID_VALUE),
        ({"nodes": {"a": {"type": "X", "params": {"p": {"keys": [[1, 0, "bounce"]]}}}}}, "nodes.a.params.p.keys.0.2",
         Reason.INVALID_VALUE),
        ({"nodes": {"a": {"type": "X", "params": {"p": {"key": 1}}}}}, "nodes.a.params.p", Reason.INVALID_VALUE),
        ({"nodes": {"a": {"type": "X", "params": {"p": None}}}}, "nodes.a.params.p", Reason.INVALID_VALUE),
        ({"nodes": {"a": {"type": "X", "params": {"p": [[[1]]]}}}}, "nodes.a.params.p", Reason.INVALID_VALUE),
        ({"nodes": {"a": {"type": "X", "params": {"p": [[1, "a"]]}}}}, "nodes.a.params.p", Reason.INVALID_VALUE),
        ({"extra": 1}, "extra", Reason.UNKNOWN_KEY),
    ],
)  # fmt: skip
def test_each_mistake_is_named_with_its_place(change: dict[str, Any], path: str, reason: Reason) -> None:
    assert problems(json.dumps({**json.loads(text_of(GOOD)), **change}))[path][0] == reason


def test_all_mistakes_are_said_at_once() -> None:
    loaded = json.loads(text_of({"a": {"typ": "X"}, "b": {"type": "Y", "inputs": {"v": 1}}}, width=1))
    assert set(problems(json.dumps(loaded))) == {"settings.width", "nodes.a.typ", "nodes.a.type", "nodes.b.inputs.v"}


def test_a_misspelt_key_gets_a_suggestion() -> None:
    assert 'did you mean "inputs"?' in problems(text_of({"a": {"type": "X", "input": {}}}))["nodes.a.input"][1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"a": "\\ud800"}',
        "[" * 100_000,
        '{"a":' * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_not_json_is_one_problem(text: str | bytes) -> None:
    assert problems(text)[""][0] == Reason.INVALID_JSON


def test_what_cannot_be_kept_is_told_with_node_and_place() -> None:
    text = (
        '{"schema": "x", "schema": "y", "settings": {"fps": 1e999}, "nodes": {"grade": {"params": {"exposure": NaN, '
        '"gain": [1, -Infinity]}}}, "groups": {"look": {"nodes": {"warm": {"notes": ' + "9" * 21 + "}}}}}"
    )
    with pytest.raises(GraphInvalid) as whole:
        parse_document(text)
    (twice,) = whole.value.problems
    assert (twice.node, twice.path, twice.reason) == ("", "schema", Reason.INVALID_JSON)
    with pytest.raises(GraphInvalid) as raised:
        parse_document(text.replace('"schema": "x", ', ""))
    assert [(problem.node, problem.path) for problem in raised.value.problems] == [
        ("", "settings.fps"),
        ("grade", "nodes.grade.params.exposure"),
        ("grade", "nodes.grade.params.gain.1"),
        ("group:look/warm", "groups.look.nodes.warm.notes"),
    ]
    assert {problem.reason for problem in raised.value.problems} == {Reason.INVALID_JSON}


def test_a_document_too_large_is_not_even_read() -> None:
    assert problems(" " * (17 * 1024 * 1024))[""][0] == Reason.LIMIT_EXCEEDED


def test_the_error_carries_the_first_violations_and_the_count() -> None:
    with pytest.raises(GraphInvalid) as raised:
        parse_document(text_of({f"n{index}": {"type": "X", "bad": 1} for index in range(200)}))
    assert raised.value.reason == "ERROR_REASON_GRAPH_INVALID"
    assert raised.value.metadata == {"problems": "200"}
    assert len(raised.value.violations) == 50
    assert raised.value.violations[0].field == "nodes.n0.bad"
    assert raised.value.violations[0].reason == "unknown_key"


@pytest.mark.parametrize("time", [1 / 600, 5e-17, 1e-300, "0.000000000000000001", 1e300, 10**30])
def test_a_worker_reads_what_was_accepted(time: object) -> None:
    document = json.loads(text_of(GOOD))
    document["nodes"]["comp"]["params"]["mix"] = {"keys": [[time, 0.0]]}
    try:
        parsed = parse_document(json.dumps(document))
    except GraphInvalid:
        return
    assert parse_document(canonical_json(parsed)) == parsed


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.tuples(st.sampled_from(["nodes", "settings", "schema", "plate", "params", "inputs", "type", "mix",
                                           "asset", "keys", "width", "fps"]), json_values), max_size=4))  # fmt: skip
def test_mutated_documents_are_read_or_refused_and_nothing_else(changes: list[tuple[str, object]]) -> None:
    loaded = json.loads(text_of(GOOD))

    def mutate(value: Any) -> Any:
        if isinstance(value, dict):
            replaced = dict(changes)
            return {key: replaced[key] if key in replaced else mutate(item) for key, item in value.items()}
        return value

    try:
        parsed = parse_document(json.dumps(mutate(loaded)))
    except GraphInvalid:
        return
    assert isinstance(parsed, Document)
    assert parse_document(canonical_json(parsed)) == parsed
