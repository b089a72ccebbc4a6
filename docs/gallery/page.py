"""The gallery's pages, as plain HTML without scripts: what the catalogue knows of a node, and its pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from math import isfinite
from textwrap import dedent
from typing import Any, NamedTuple

from artifex.nodes import REQUIRED, Column, Input, NodeSchema, Output, Parameter, Points


class Example(NamedTuple):
    """An example as it lies in its file, and read."""

    file: str
    text: str
    document: dict[str, Any]


class Shown(NamedTuple):
    """A picture on a page."""

    caption: str
    file: str


def index_page(schemas: Iterable[NodeSchema], thumbnails: Mapping[str, str]) -> str:
    """All node types by category; `thumbnails`: their pictures' files."""
    ordered = sorted(schemas, key=lambda schema: (schema.category, schema.type))
    sections = []
    for category, members in groupby(ordered, key=lambda schema: schema.category):
        cards = "\n".join(_card(schema, thumbnails.get(schema.type)) for schema in members)
        sections.append(f'<h2>{escape(category)}</h2>\n<div class="cards">\n{cards}\n</div>')
    return _page("Nodes", "<h1>Nodes</h1>\n" + "\n".join(sections))


def node_page(schema: NodeSchema, example: Example | None, pictures: Sequence[Shown]) -> str:
    """One node type: pictures, documentation, ports, parameters and the example's text."""
    parts = [
        '<p class="way"><a href="index.html">Nodes</a></p>',
        f"<h1>{escape(schema.type)} <small>{escape(schema.category)} {escape(schema.version)}</small></h1>",
        '<div class="pictures">' + "".join(_figure(schema.type, picture) for picture in pictures) + "</div>",
        *_documentation(schema.documentation),
        _ports("Inputs", schema.inputs.values()),
        _ports("Outputs", schema.outputs.values()),
        _parameters(schema.parameters.values()),
    ]
    if example is not None:
        # Without --out, since each says itself what it writes.
        command = f"artifex render build/gallery/{example.file}"
        parts.append(f"<h2>Example</h2>\n<p><code>{escape(command)}</code></p>\n<pre>{escape(example.text)}</pre>")
    return _page(schema.type, "\n".join(part for part in parts if part))


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="stylesheet" href="style.css">\n</head>\n<body>\n{body}\n'
        "</body>\n</html>\n"
    )


def _card(schema: NodeSchema, thumbnail: str | None) -> str:
    picture = f'<img src="{escape(thumbnail)}" alt="">' if thumbnail else '<div class="blank"></div>'
    return (
        f'<a class="card" href="{escape(schema.type)}.html">{picture}<b>{escape(schema.type)}</b>'
        f"<span>{escape(schema.summary)}</span></a>"
    )


def _figure(name: str, picture: Shown) -> str:
    caption = f"<figcaption>{escape(picture.caption)}</figcaption>" if picture.caption else ""
    return (
        f'<figure><img src="{escape(picture.file)}" alt="{escape(name)} {escape(picture.caption)}">{caption}</figure>'
    )


def _documentation(text: str) -> list[str]:
    """Paragraphs as they are; what is indented (formulas, tables) in columns, and what begins with dashes as a list."""
    return [_block(block) for block in text.split("\n\n")]


def _block(block: str) -> str:
    if block.startswith("    "):
        return f"<pre>{escape(dedent(block))}</pre>"
    if block.startswith("- "):
        items = block.removeprefix("- ").split("\n- ")
        return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"
    return f"<p>{escape(block)}</p>"


def _ports(title: str, ports: Iterable[Input | Output]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(port.name)}</code></td><td>{escape(port.kind)}{_needed(port)}</td>"
        f"<td>{escape(port.doc)}</td></tr>"
        for port in ports
    )
    return f"<h2>{title}</h2>\n<table>{rows}</table>" if rows else ""


def _needed(port: Input | Output) -> str:
    if isinstance(port, Output):
        return ""
    return (", any number" if port.multiple else "") + ("" if port.required else ", optional")


def _parameters(parameters: Iterable[Parameter[Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(parameter.name)}</code></td><td>{escape(_kind(parameter))}</td>"
        f"<td>{escape(_default(parameter))}</td><td>{escape(_range(parameter))}</td>"
        f"<td>{'yes' if parameter.animatable else 'no'}</td><td>{escape(parameter.doc)}</td></tr>"
        for parameter in parameters
    )
    heads = "".join(f"<th>{head}</th>" for head in ("name", "type", "default", "range", "keys", "meaning"))
    return f"<h2>Parameters</h2>\n<table><tr>{heads}</tr>{rows}</table>" if rows else ""


def _kind(parameter: Parameter[Any]) -> str:
    return parameter.kind.lower()


def _default(parameter: Parameter[Any]) -> str:
    return "must be given" if parameter.default is REQUIRED else json.dumps(parameter.to_json(parameter.default))


def _range(parameter: Parameter[Any]) -> str:
    if parameter.choices:
        return ", ".join(parameter.choices)
    if isinstance(parameter, Points):
        names = ", ".join(_column(column) for column in parameter.columns)
        return f"{parameter.least} to {parameter.most} of [{names}] {parameter.unit}".rstrip()
    return f"{_between(parameter.minimum, parameter.maximum)} {parameter.unit}".strip()


def _column(column: Column) -> str:
    low, high = (bound if isfinite(bound) else None for bound in (column.minimum, column.maximum))
    usual = "" if column.default is None else f"= {column.default:g}"
    return " ".join(part for part in (column.name, _between(low, high), usual) if part)


def _between(minimum: float | None, maximum: float | None) -> str:
    low, high = ("" if bound is None else f"{bound:g}" for bound in (minimum, maximum))
    return f"{low} to {high}" if low and high else f"from {low}" if low else f"up to {high}" if high else ""
