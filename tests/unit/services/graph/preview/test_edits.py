"""Edits of documents as JSON: what they change, what they leave alone, what they refuse."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.graph.v1 import preview_pb2 as pb
from services.graph.preview.edits import EditRefused, apply_edit, load_document

DOCUMENT: dict[str, Any] = {
    "schema": "artifex.graph/1",
    "settings": {"width": 64, "height": 36, "fps": "25"},
    "nodes": {
        "plate": {"type": "MediaInput", "params": {"asset": "assets/1"}},
        "params": {"type": "Blur", "inputs": {"video": "plate.video"}},
        "mix": {"type": "AudioMixer", "inputs": {"audio": "plate.audio"}},
    },
}


def edit(*changes: pb.PreviewChange) -> pb.PreviewEdit:
    return pb.PreviewEdit(changes=changes)


def put(path: str, value: object) -> pb.PreviewChange:
    return pb.PreviewChange(set=pb.PreviewSet(path=path, value_json=json.dumps(value)))


def test_a_value_is_put_where_the_path_says_and_the_given_document_stays() -> None:
    before = copy.deepcopy(DOCUMENT)
    after = apply_edit(
        DOCUMENT,
        edit(
            put("nodes.grade", {"type": "ColorCorrector", "inputs": {"video": "plate"}}),
            put("nodes.grade.params.exposure", 0.4),
            put("nodes.mix.inputs.audio.1", "plate.audio"),
            put("nodes.mix.params.gain.1", -3),
            # A node may be called as a part of nodes is.
            put("nodes.params.params.size", 4),
            put("settings.duration", "132/25"),
        ),
    )
    assert before == DOCUMENT
    nodes = after["nodes"]
    assert nodes["grade"]["params"] == {"exposure": 0.4}
    assert nodes["mix"]["inputs"] == {"audio": "plate.audio", "audio.1": "plate.audio"}
    assert nodes["mix"]["params"] == {"gain.1": -3}
    assert nodes["params"]["params"] == {"size": 4}
    assert after["settings"]["duration"] == "132/25"


def test_things_are_taken_out() -> None:
    after = apply_edit(
        DOCUMENT,
        edit(pb.PreviewChange(remove="nodes.plate"), pb.PreviewChange(remove="nodes.mix.inputs.audio")),
    )
    assert list(after["nodes"]) == ["params", "mix"]
    assert after["nodes"]["mix"]["inputs"] == {}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (put("nodes.nobody.params.size", 1), "nodes.nobody.params.size"),
        (put("nodes..x", 1), "nodes..x"),
        (put("settings.fps.x", 1), "settings.fps.x"),
        (pb.PreviewChange(remove="nodes.nobody"), "nodes.nobody"),
        (pb.PreviewChange(remove="nodes.plate.inputs.video"), "nodes.plate.inputs.video"),
        (pb.PreviewChange(set=pb.PreviewSet(path="nodes.a", value_json="{")), "nodes.a"),
        (pb.PreviewChange(set=pb.PreviewSet(path="nodes.a", value_json="NaN")), "nodes.a"),
        (pb.PreviewChange(set=pb.PreviewSet(path="nodes.a", value_json='{"b": 1, "b": 2}')), "nodes.a.b"),
        (pb.PreviewChange(merge_json='{"nodes": {"a": {"params": {"x": [1e999]}}}}'), "nodes.a.params.x.0"),
        (pb.PreviewChange(set=pb.PreviewSet(path="nodes.a", value_json="[" * 100_000)), "nodes.a"),
        (pb.PreviewChange(merge_json="[]"), ""),
        (pb.PreviewChange(document_json="3"), ""),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place_and_nothing_is_done(change: pb.PreviewChange, path: str) -> None:
    before = copy.deepcopy(DOCUMENT)
    with pytest.raises(EditRefused) as refused:
        apply_edit(DOCUMENT, edit(put("settings.width", 2), change))
    assert refused.value.path == path
    assert before == DOCUMENT


# The examples of RFC 7396, appendix A, whose targets and patches are objects.
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_the_rfc_says(
    target: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]
) -> None:
    before = copy.deepcopy(target)
    assert apply_edit(target, edit(pb.PreviewChange(merge_json=json.dumps(patch)))) == result
    assert target == before


def test_a_document_takes_the_place_of_another() -> None:
    after = apply_edit(DOCUMENT, edit(pb.PreviewChange(document_json='{"schema": "x"}')))
    assert after == {"schema": "x"} == load_document('{"schema": "x"}')


_names = st.sampled_from(["a", "b", "nodes", "params", "inputs", "x.1"])
_json = st.recursive(
    st.none() | st.integers(-(10**20) + 1, 10**20 - 1) | st.text(max_size=3),
    lambda inner: st.dictionaries(_names, inner, max_size=3),
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_names, _json, max_size=3), st.lists(_names, min_size=1, max_size=5), _json, st.booleans())
def test_any_change_is_made_or_refused_and_never_touches_the_given(
    document: dict[str, Any], names: list[str], value: object, remove: bool
) -> None:
    before = copy.deepcopy(document)
    path = ".".join(names)
    change = pb.PreviewChange(remove=path) if remove else put(path, value)
    refused = None
    try:
        apply_edit(document, edit(change))
    except EditRefused as error:
        refused = error
    assert refused is None or refused.path == path
    assert document == before


_changes = st.lists(st.tuples(st.lists(_names, min_size=1, max_size=4), _json, st.booleans()), max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_names, _json, max_size=3), _changes)
def test_several_changes_in_one_edit_are_those_of_several_edits(
    document: dict[str, Any], changes: list[tuple[list[str], object, bool]]
) -> None:
    before = copy.deepcopy(document)
    made = [
        pb.PreviewChange(remove=".".join(names)) if remove else put(".".join(names), value)
        for names, value, remove in changes
    ]
    try:
        one_by_one = document
        for change in made:
            one_by_one = apply_edit(one_by_one, edit(change))
    except EditRefused as error:
        with pytest.raises(EditRefused) as refused:
            apply_edit(document, edit(*made))
        assert refused.value.path == error.path  # noqa: PT017 - both ways stop at the same change
    else:
        together = apply_edit(document, edit(*made))
        assert together == one_by_one
        assert list(together) == list(one_by_one)
    assert document == before


def test_thousands_of_changes_copy_the_nodes_once() -> None:
    document: dict[str, Any] = {"nodes": {f"n{number}": {"params": {}} for number in range(10_000)}}
    begin = time.process_time()
    after = apply_edit(document, edit(*(put(f"nodes.n{number}.params.size", 3) for number in range(10_000))))
    assert time.process_time() - begin < 0.4
    assert after["nodes"]["n9999"] == {"params": {"size": 3}}
    assert document["nodes"]["n9999"] == {"params": {}}
