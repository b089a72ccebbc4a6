"""The demo's document is one that can be rendered, and its checks notice a movie that is not."""

from __future__ import annotations

from pathlib import Path

from artifex.graphfile import GraphFile, LocalAsset
from demo.__main__ import DOCUMENT, footage
from demo.checks import check_movie
from demo.sheet import contact_sheet
from libs.frames.probe import probe
from libs.frames.stills import read_image
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import validate
from services.graph.domain.documents.document import parse_document

PLATE = LocalAsset(("nodes", "plate", "params", "asset"), Path("bigbuckbunny.mp4"))


def test_the_document_can_be_rendered() -> None:
    text = GraphFile(DOCUMENT).text({PLATE: "assets/01j00000000000000000000000"})
    media = {"assets/01j00000000000000000000000": probe(footage())}
    assert validate(parse_document(text), catalogue(), media) == []


def test_footage_without_the_shot_is_noticed() -> None:
    seen = {name: right for name, right, _ in check_movie(footage(), footage())}
    assert seen == {
        "size": True,
        "length": True,
        "frame rate": True,
        "sound": True,
        "sync": True,
        "generated shot": False,
    }


def test_other_footage_is_noticed() -> None:
    bikes = footage().with_name("bikes.mp4")
    seen = {name: right for name, right, _ in check_movie(bikes, footage())}
    assert not seen["size"]
    assert not seen["length"]
    assert not seen["sound"]


def test_a_contact_sheet_shows_the_whole_movie(tmp_path: Path) -> None:
    contact_sheet(footage(), tmp_path / "sheet.png")
    assert read_image(tmp_path / "sheet.png").shape == (288, 768, 4)
