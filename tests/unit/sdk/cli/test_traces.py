"""Drawing a trace."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from artifex.cli.traces import Span, read, tree
from artifex.errors import FileProblem

ID = "0af7651916cd43dd8448eb211c80319c"


def span(name: str, parent: str = "", start: int = 0, end: int = 1_000_000, error: str | None = None) -> Span:
    return {
        "trace_id": ID,
        "span_id": name,
        "parent_span_id": parent,
        "service": "graph",
        "name": name,
        "start_ns": start,
        "end_ns": end,
        "error": error,
    }


def drawn(*spans: Span) -> str:
    console = Console(width=120, file=io.StringIO())
    with console.capture() as capture:
        console.print(tree(ID, list(spans)))
    return capture.get()


def test_children_stand_below_their_parents_whatever_order_they_came_in() -> None:
    text = drawn(
        span("leaf", "branch", 2_000_000, 3_500_000), span("root"), span("branch", "root", 1_000_000, 4_000_000)
    )
    lines = text.splitlines()
    assert [line.split("graph ")[1].split()[0] for line in lines[1:]] == ["root", "branch", "leaf"]
    assert [line.index("graph ") for line in lines[1:]] == sorted({line.index("graph ") for line in lines[1:]})
    assert "leaf 1.5 ms +2.0" in lines[3]


def test_a_span_without_its_parent_stands_at_the_top() -> None:
    assert "orphan" in drawn(span("orphan", "lost"))


def test_a_circle_of_parents_does_not_hang() -> None:
    text = drawn(span("a", "b"), span("b", "a"))
    assert "graph a" in text
    assert "graph b" in text


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    text = drawn(span("[bold]evil[/bold]", error="no [red]disk"))
    assert "graph [bold]evil[/bold] 1.0 ms +0.0 no [red]disk" in text


def test_a_span_sent_twice_is_read_once(tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    folder.mkdir()
    (folder / f"{ID}.jsonl").write_text("".join(json.dumps(span("root")) + "\n" for _ in range(2)))
    assert len(read(tmp_path, ID)) == 1


@pytest.mark.parametrize("trace_id", ["abc", "../../etc/passwd", ID.upper(), ID])
def test_what_is_no_kept_trace_is_a_typed_error(tmp_path: Path, trace_id: str) -> None:
    with pytest.raises(FileProblem):
        read(tmp_path, trace_id)
