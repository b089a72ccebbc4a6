"""What a new child is told: the document with all edits, and what was said last of everything else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import preview_pb2 as pb
from libs.chassis.errors import InvalidArgument, ResourceExhausted
from services.graph.preview import said
from services.graph.preview.said import Said


def opened(document: str = '{"nodes": {}}', **options: Any) -> Said:
    talk = Said()
    opening = pb.PreviewOpen(**options)
    assert talk.count(pb.PreviewRequest(open=opening)) == "open"
    talk.open(opening, document)
    return talk


def setting(path: str, value: object) -> pb.PreviewRequest:
    change = pb.PreviewChange(set=pb.PreviewSet(path=path, value_json=json.dumps(value)))
    return pb.PreviewRequest(edit=pb.PreviewEdit(changes=[change]))


def test_a_child_is_told_what_stands_after_all_that_was_said() -> None:
    talk = opened(frame=7)
    look = pb.PreviewLook(node="a", scale=types_pb2.Rational(numerator=1, denominator=4))
    for request in (
        setting("nodes.a", {"type": "TextInput"}),
        setting("nodes.missing.params.size", 3),
        pb.PreviewRequest(look=look),
        pb.PreviewRequest(seek=pb.PreviewSeek(frame=9)),
    ):
        talk.count(request)
        talk.change(request)
    told = talk.told()
    assert json.loads(told["document"]) == {"nodes": {"a": {"type": "TextInput"}}}
    assert (told["revision"], told["sequence"], told["frame"]) == (3, 5, 9), "a refused edit is a revision too"
    assert pb.PreviewLook.FromString(bytes.fromhex(told["look"])) == look
    assert told["meters"] == ""


@pytest.mark.parametrize("numerator", [0, 5])
def test_what_breaks_the_contract_is_refused(numerator: int) -> None:
    impossible = pb.PreviewLook(scale=types_pb2.Rational(numerator=numerator, denominator=4))
    with pytest.raises(InvalidArgument, match="scale"):
        opened(look=impossible)
    talk = opened()
    with pytest.raises(InvalidArgument, match="scale"):
        talk.count(pb.PreviewRequest(look=impossible))
    with pytest.raises(InvalidArgument, match="first message"):
        talk.count(pb.PreviewRequest(open=pb.PreviewOpen()))
    with pytest.raises(InvalidArgument, match="first message"):
        Said().count(pb.PreviewRequest(pause=pb.PreviewPause()))
    with pytest.raises(InvalidArgument):
        opened("[]")


def test_a_document_may_be_changed_for_ever_and_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(said, "MOST_BYTES", 2000)
    talk = opened()
    for number in range(200):
        talk.change(setting("nodes.a", f"{number:0100}"))
    large = [f"{number:0100}" for number in range(20)]
    with pytest.raises(ResourceExhausted) as refused:
        talk.change(setting("nodes.a", large))
    assert refused.value.metadata["limit"] == "max_document_bytes"
