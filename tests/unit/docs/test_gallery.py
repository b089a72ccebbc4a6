"""The gallery's examples are documents that render, each of the type whose page it is on."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from artifex.nodes import Node
from docs.gallery.__main__ import HERE, read_example
from docs.gallery.page import Shown, index_page, node_page
from docs.gallery.pictures import BEFORE, SHOWN, Studio
from libs.frames.stills import read_image
from services.graph.nodes import BUILTIN

BY_NAME = {node.__name__: node for node in BUILTIN}


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_every_node_type_has_an_example_of_itself(name: str) -> None:
    example = read_example(name)
    assert example is not None
    nodes = example.document["nodes"]
    assert nodes[SHOWN]["type"] == name
    with Studio(HERE) as studio:
        assert studio.problems(example.document) == []


def test_what_is_no_node_type_has_no_example() -> None:
    assert {path.stem for path in HERE.glob("*.json")} <= BY_NAME.keys()
    assert read_example("Nothing") is None


def test_a_page_shows_what_its_node_does_to_the_footage(tmp_path: Path) -> None:
    example = read_example("ColorCorrector")
    assert example is not None
    with Studio(HERE) as studio:
        written = studio.pictures("ColorCorrector", example.document, tmp_path)
    before, after = (read_image(tmp_path / file)[..., :3] for _, file in written)
    assert [caption for caption, _ in written] == [BEFORE, "after"]
    assert before.shape == after.shape == (720, 1280, 3)
    assert after.mean() > before.mean() * 1.05


class _Balanced(HTMLParser):
    """Counts what was opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("node", BUILTIN, ids=lambda node: node.__name__)
def test_pages_are_whole_and_name_every_parameter(node: type[Node]) -> None:
    page = node_page(node.schema, read_example(node.__name__), [Shown("after", "x.png")])
    parsed = _Balanced()
    parsed.feed(page)
    assert parsed.open == []
    assert {"index.html", "style.css", "x.png"} <= set(parsed.links)
    assert all(f"<code>{name}</code>" in page for name in (*node.schema.parameters, *node.schema.inputs))


def test_formulas_stand_in_columns_and_lists_in_items() -> None:
    page = node_page(BY_NAME["Transition"].schema, None, [])
    assert "<ul><li>dissolve: a(1 − p) + b p" in page
    assert page.count("<li>") == 4
    assert "<pre>D     = S[k]" in node_page(BY_NAME["ChromaKey"].schema, None, [])


def test_files_of_an_earlier_run_are_written_anew(tmp_path: Path) -> None:
    example = read_example("LUT")
    assert example is not None
    (tmp_path / "amber.cube").write_text("an earlier one")
    with Studio(HERE) as studio:
        studio.copy_files(example.file, example.document, tmp_path)
    for name in ("amber.cube", "LUT.json"):
        assert (tmp_path / name).read_bytes() == (HERE / name).read_bytes()


def test_the_index_leads_to_every_page() -> None:
    parsed = _Balanced()
    parsed.feed(index_page([node.schema for node in BUILTIN], {"Blur": "Blur.shown.png"}))
    assert parsed.open == []
    assert {f"{name}.html" for name in BY_NAME} <= set(parsed.links)
    assert "Blur.shown.png" in parsed.links
