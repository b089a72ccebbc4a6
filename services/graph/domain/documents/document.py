"""Documents of schema `artifex.graph/1`: reading them and spelling them.

Parsing judges the document alone: shape, keys, ids, times. Whether its types, parameters and connections make sense,
the compiler judges against a catalogue.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence

from artifex.nodes import Bezier, Ease, rational_text
from services.graph.domain.collector import collector_held
from services.graph.domain.documents import parser
from services.graph.domain.documents.model import (
    CHANNELS,
    SAMPLE_RATE,
    SCHEMA,
    Animation,
    Document,
    Expression,
    Group,
    Keyframe,
    Link,
    NodeSpec,
    ParameterValue,
    Settings,
)

__all__ = [
    "CHANNELS", "SAMPLE_RATE", "SCHEMA", "Animation", "Document", "Expression", "Group", "Keyframe", "Link",
    "NodeSpec", "ParameterValue", "Settings", "canonical_json", "digest", "meaning_digest", "node_json",
    "parse_document",
]  # fmt: skip


def parse_document(text: str | bytes) -> Document:
    """The document that `text` holds. Raises GraphInvalid with every problem of its shape."""
    with collector_held():
        return parser.parse(text)


def canonical_json(document: Document, *, remarks: bool = True) -> str:
    """The one spelling of a document: sorted keys, no white space, defaults filled in, times in lowest terms.

    Equal documents have equal spellings, and parsing it gives an equal document. Without `remarks`, notes and positions
    are left out, which mean nothing for what is rendered.
    """
    settings: dict[str, object] = {
        "width": document.settings.width,
        "height": document.settings.height,
        "fps": rational_text(document.settings.fps),
        "colorspace": document.settings.colorspace,
    }
    if document.settings.duration is not None:
        settings["duration"] = rational_text(document.settings.duration)
    result: dict[str, object] = {
        "schema": SCHEMA,
        "settings": settings,
        "nodes": _nodes_json(document.nodes, remarks),
    }
    if document.groups:
        result["groups"] = {name: _group_json(group, remarks) for name, group in document.groups.items()}
    return json.dumps(result, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(document: Document) -> str:
    """SHA-256 of the canonical spelling, in lower-case hexadecimal: what a stored document is called."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()


def meaning_digest(document: Document) -> str:
    """SHA-256 of all that decides what is rendered: a note written or a node moved in an editor changes nothing."""
    return hashlib.sha256(canonical_json(document, remarks=False).encode()).hexdigest()


def _nodes_json(nodes: Mapping[str, NodeSpec], remarks: bool) -> dict[str, object]:
    return {node_id: node_json(node, remarks=remarks) for node_id, node in nodes.items()}


def node_json(node: NodeSpec, *, remarks: bool = True) -> dict[str, object]:
    """A node as it stands in a document."""
    result: dict[str, object] = {"type": node.type}
    if node.version:
        result["version"] = node.version
    if node.inputs:
        result["inputs"] = {name: str(link) for name, link in node.inputs.items()}
    if node.params:
        result["params"] = {name: parameter_json(value) for name, value in node.params.items()}
    if node.bypass:
        result["bypass"] = True
    if node.mute:
        result["mute"] = True
    if remarks and node.notes:
        result["notes"] = node.notes
    if remarks and node.position is not None:
        result["position"] = list(node.position)
    return result


def _group_json(group: Group, remarks: bool) -> dict[str, object]:
    result: dict[str, object] = {"nodes": _nodes_json(group.nodes, remarks)}
    result["outputs"] = {name: str(link) for name, link in group.outputs.items()}
    if group.inputs:
        result["inputs"] = {name: _targets_json(targets) for name, targets in group.inputs.items()}
    if group.params:
        result["params"] = {name: _targets_json(targets) for name, targets in group.params.items()}
    return result


def _targets_json(targets: Sequence[Link]) -> object:
    return str(targets[0]) if len(targets) == 1 else [str(target) for target in targets]


def parameter_json(value: ParameterValue) -> object:
    """A parameter as it stands in a document."""
    if isinstance(value, Animation):
        return {"keys": [[rational_text(key.time), key.value, _ease_json(key.ease)] for key in value.keys]}
    if isinstance(value, Expression):
        return {"expr": list(value.sources) if value.others else value.source}
    return value


def _ease_json(ease: Ease | Bezier) -> object:
    return {"bezier": [ease.x1, ease.y1, ease.x2, ease.y2]} if isinstance(ease, Bezier) else str(ease)
