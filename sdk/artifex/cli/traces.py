"""`artifex traces`: where the time of a request went, from the files that the embedded trace store writes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
from rich.text import Text
from rich.tree import Tree

from artifex.cli.output import Output, run
from artifex.credentials import home_folder
from artifex.errors import FileProblem

Span = dict[str, Any]


@click.group()
def traces() -> None:
    """Traces of requests, kept by the studio on this machine."""


@traces.command("show")
@click.argument("trace_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines for machines.")
def show(trace_id: str, as_json: bool) -> None:
    """Draw the trace ID as a tree: service, operation, when it began and how long it took."""
    output = Output(as_json)

    async def work() -> None:
        spans = read(home_folder(), trace_id)
        if as_json:
            for span in spans:
                output.line(span)
        else:
            output.console.print(tree(trace_id, spans))

    run(output, work)


def read(home: Path, trace_id: str) -> list[Span]:
    """A trace's spans in order of time. Raises FileProblem when there is no such trace."""
    if not re.fullmatch(r"[0-9a-f]{32}", trace_id):
        raise FileProblem(f"{trace_id!r} is no trace id: it has 32 hexadecimal digits")
    path = home / "traces" / f"{trace_id}.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        raise FileProblem(f"there is no trace {trace_id} in {path.parent}") from None
    spans: dict[str, Span] = {}
    for line in lines:
        span = json.loads(line)
        # An exporter that got no answer sends again.
        spans[span["span_id"]] = span
    return sorted(spans.values(), key=lambda span: (span["start_ns"], span["end_ns"]))


def tree(trace_id: str, spans: list[Span]) -> Tree:
    """The spans below their parents; those whose parent was not kept stand at the top."""
    begin = min((span["start_ns"] for span in spans), default=0)
    services = sorted({span["service"] for span in spans})
    root = Tree(f"trace {trace_id}: {len(spans)} spans of {', '.join(services)}")
    branches: dict[str, Tree] = {}
    known = {span["span_id"] for span in spans}
    waiting = list(spans)
    while waiting:
        later = []
        for span in waiting:
            parent = span["parent_span_id"]
            if parent in known and parent not in branches:
                later.append(span)
                continue
            branches[span["span_id"]] = branches.get(parent, root).add(_label(span, begin))
        if len(later) == len(waiting):
            # A circle of parents, which no tracer makes; shown all the same.
            known.clear()
        waiting = later
    return root


def _label(span: Span, begin: int) -> Text:
    took, after = (span["end_ns"] - span["start_ns"]) / 1e6, (span["start_ns"] - begin) / 1e6
    label = Text(no_wrap=True, overflow="ellipsis")
    label.append(span["service"], "cyan").append(f" {span['name']} ").append(f"{took:.1f} ms", "bold")
    label.append(f" +{after:.1f}", "dim").append(f" {span['error']}" if span["error"] else "", "red")
    return label
