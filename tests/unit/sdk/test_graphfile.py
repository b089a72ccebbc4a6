"""Documents on disk: what is read, changed and uploaded, and how mistakes are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artifex.errors import FileProblem
from artifex.graphfile import GraphFile


def write(folder: Path, **nodes: dict[str, Any]) -> Path:
    path = folder / "graph.json"
    path.write_text(json.dumps({"schema": "artifex.graph/1", "settings": {}, "nodes": nodes}), encoding="utf-8")
    return path


def media(asset: object) -> dict[str, Any]:
    return {"type": "MediaInput", "params": {"asset": asset}}


def test_local_files_are_found_from_the_documents_folder(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"x")
    document = GraphFile(
        write(tmp_path, plate=media("clip.mp4"), known=media("assets/01j"), out={"type": "FileOutput"})
    )
    assert [(asset.node, asset.path) for asset in document.local_assets()] == [("plate", tmp_path / "clip.mp4")]


def test_every_missing_file_is_named_with_its_place(tmp_path: Path) -> None:
    document = GraphFile(write(tmp_path, plate=media("a.mp4"), music=media("b.wav")))
    with pytest.raises(FileProblem) as caught:
        document.local_assets()
    assert f"nodes.plate.params.asset: {tmp_path / 'a.mp4'} does not exist" in str(caught.value)
    assert f"nodes.music.params.asset: {tmp_path / 'b.wav'} does not exist" in str(caught.value)


@pytest.mark.parametrize("name", ["x" * 300, "~nobody-of-this-name/a.mp4", "a\0b"])
def test_a_name_that_no_file_can_have_is_missing_like_any_other(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileProblem, match=r"nodes\.plate\.params\.asset: "):
        GraphFile(write(tmp_path, plate=media(name))).local_assets()


def test_files_of_groups_and_of_their_uses_are_found(tmp_path: Path) -> None:
    for name in ("own.mov", "given.mov", "deep.mov"):
        (tmp_path / name).write_bytes(b"x")
    path = tmp_path / "graph.json"
    groups = {
        "shot": {
            "nodes": {"plate": media("own.mov"), "other": {"type": "MediaInput"}},
            "outputs": {"video": "plate"},
            "params": {"clip": "other.asset", "start": ["plate.start", "other.start"]},
        },
        "twice": {
            "nodes": {"inner": {"type": "group:shot"}},
            "outputs": {"video": "inner"},
            "params": {"c": "inner.clip"},
        },
        "loop": {"nodes": {"inner": {"type": "group:loop"}}, "params": {"c": "inner.c"}},
    }
    nodes = {
        "first": {"type": "group:shot", "params": {"clip": "given.mov", "start": "1/2"}},
        "second": {"type": "group:twice", "params": {"c": "deep.mov"}},
        "third": {"type": "group:loop", "params": {"c": "none.mov"}},
    }
    path.write_text(json.dumps({"nodes": nodes, "groups": groups}))
    document = GraphFile(path)
    found = {asset.place: asset for asset in document.local_assets()}
    assert {place: asset.path.name for place, asset in found.items()} == {
        "nodes.first.params.clip": "given.mov",
        "nodes.second.params.c": "deep.mov",
        "groups.shot.nodes.plate.params.asset": "own.mov",
    }
    text = json.loads(document.text({asset: f"assets/{asset.path.stem}" for asset in found.values()}))
    assert text["groups"]["shot"]["nodes"]["plate"]["params"]["asset"] == "assets/own"
    assert text["nodes"]["first"]["params"] == {"clip": "assets/given", "start": "1/2"}


def test_assets_replace_local_names_and_nothing_else_changes(tmp_path: Path) -> None:
    document = GraphFile(
        write(tmp_path, plate=media("clip.mp4"), title={"type": "TextInput", "params": {"text": "안녕"}})
    )
    (tmp_path / "clip.mp4").write_bytes(b"x")
    (local,) = document.local_assets()
    text = document.text({local: "assets/01j"})
    nodes = json.loads(text)["nodes"]
    assert nodes["plate"]["params"]["asset"] == "assets/01j"
    assert nodes["title"] == {"type": "TextInput", "params": {"text": "안녕"}}
    assert document.document["nodes"]["plate"]["params"]["asset"] == "clip.mp4", "the file's own document stays"


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("grade.exposure=0.5", 0.5),
        ("grade.exposure=", ""),
        ("grade.text=안녕 = hello", "안녕 = hello"),
        ('grade.text="3"', "3"),
        ('grade.mix={"keys": [[0, 0], [1, 1]]}', {"keys": [[0, 0], [1, 1]]}),
        ("grade.flag=true", True),
    ],
)
def test_a_parameter_is_set_to_json_or_else_to_text(tmp_path: Path, assignment: str, value: object) -> None:
    document = GraphFile(write(tmp_path, grade={"type": "ColorCorrector"}))
    document.set_parameter(assignment)
    (found,) = document.document["nodes"]["grade"]["params"].values()
    assert found == value


@pytest.mark.parametrize("assignment", ["exposure=1", "grade.exposure", ".exposure=1", "grade.=1", "graed.exposure=1"])
def test_a_wrong_assignment_is_refused(tmp_path: Path, assignment: str) -> None:
    document = GraphFile(write(tmp_path, grade={"type": "ColorCorrector"}))
    with pytest.raises(FileProblem, match="--set"):
        document.set_parameter(assignment)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"nodes": {', "line 1, column 12"),
        (b"[]", "is a JSON object"),
        (b"\xff\xfe", "not text in UTF-8"),
    ],
)
def test_what_is_no_document_is_a_typed_error(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "graph.json"
    path.write_bytes(content)
    with pytest.raises(FileProblem, match=words):
        GraphFile(path)


def test_a_missing_document_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="No such file"):
        GraphFile(tmp_path / "none.json")


@pytest.mark.parametrize(
    "nodes", [None, [], {"plate": 3}, {"plate": {"params": []}}, {"plate": {"params": {"asset": 3}}}]
)
def test_malformed_nodes_are_left_to_the_service(tmp_path: Path, nodes: object) -> None:
    path = tmp_path / "graph.json"
    path.write_text(json.dumps({"nodes": nodes}))
    document = GraphFile(path)
    assert document.local_assets() == []
    assert document.output_name() == ""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"nodes": {}, "nodes": {}}', "the key 'nodes' is there twice"),
        ('{"nodes": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"width": ' + "9" * 5000 + "}", "digits"),
        ('{"text": "\\ud800"}', "not valid Unicode"),
    ],
    ids=["key twice", "deep", "long number", "half a character"],
)
def test_what_cannot_be_sent_is_a_problem_of_the_file(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(FileProblem, match=complaint):
        GraphFile(path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "windows.json"
    path.write_text('{"nodes": {}}', encoding="utf-8-sig")
    assert GraphFile(path).document == {"nodes": {}}


def test_stills_stand_where_a_file_does(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    for number in (1, 2):
        (tmp_path / "s" / f"a.{number:04}.exr").write_bytes(b"x")
    document = GraphFile(write(tmp_path, whole=media("s"), pattern=media("s/a.####.exr"), printf=media("s/a.%04d.exr")))
    assert [asset.path.name for asset in document.local_assets()] == ["s", "a.####.exr", "a.%04d.exr"]
    document = GraphFile(write(tmp_path, wrong=media("s/b.####.exr"), empty=media(".")))
    with pytest.raises(FileProblem) as caught:
        document.local_assets()
    assert "nodes.wrong.params.asset" in str(caught.value)
    assert "nodes.empty.params.asset" in str(caught.value)
