"""Documents of schema `artifex.graph/1`: reading them and spelling them.

Parsing judges the document alone: shape, keys, ids, times. Whether its types, parameters and connections make sense,
the compiler judges against a catalogue.
"""

import hashlib
import json
from typing import Any

from artifex.nodes import rational_text
from services.graph.domain.documents import parser
from services.graph.domain.documents.model import (
    CHANNELS,
    SAMPLE_RATE,
    SCHEMA,
    Animation,
    Document,
    Expression,
    Keyframe,
    Link,
    NodeSpec,
    ParameterValue,
    Settings,
)

__all__ = [
    "CHANNELS", "SAMPLE_RATE", "SCHEMA", "Animation", "Document", "Expression", "Keyframe", "Link", "NodeSpec",
    "ParameterValue", "Settings", "canonical_json", "digest", "parse_document",
]  # fmt: skip


def parse_document(text: str | bytes) -> Document:
    """The document that `text` holds. Raises GraphInvalid with every problem of its shape."""
    return parser.parse(text)


def canonical_json(document: Document) -> str:
    """The one spelling of a document: sorted keys, no white space, defaults filled in, times in lowest terms.

    Equal documents have equal spellings, and parsing it gives an equal document.
    """
    settings: dict[str, object] = {
        "width": document.settings.width,
        "height": document.settings.height,
        "fps": rational_text(document.settings.fps),
        "colorspace": document.settings.colorspace,
    }
    if document.settings.duration is not None:
        settings["duration"] = rational_text(document.settings.duration)
    nodes = {node.id: _node_json(node) for node in document.nodes.values()}
    return json.dumps(
        {"schema": SCHEMA, "settings": settings, "nodes": nodes},
        sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False,
    )  # fmt: skip


def digest(document: Document) -> str:
    """SHA-256 of the canonical spelling, in lower-case hexadecimal."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()


def _node_json(node: NodeSpec) -> dict[str, Any]:
    result: dict[str, Any] = {"type": node.type}
    if node.version:
        result["version"] = node.version
    if node.inputs:
        result["inputs"] = {name: str(link) for name, link in node.inputs.items()}
    if node.params:
        result["params"] = {name: parameter_json(value) for name, value in node.params.items()}
    return result


def parameter_json(value: ParameterValue) -> object:
    """A parameter as it stands in a document."""
    if isinstance(value, Animation):
        return {"keys": [[rational_text(key.time), key.value, str(key.ease)] for key in value.keys]}
    if isinstance(value, Expression):
        return {"expr": value.source}
    return value
