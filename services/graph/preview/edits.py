"""Changes to a document as JSON, before anybody asks whether it makes sense."""

from __future__ import annotations

from typing import Any, Final

from artifex.graph.v1 import preview_pb2
from libs.chassis.strict_json import NotTaken, load
from services.graph.domain.documents.loading import path_of

Json = dict[str, Any]
"""A document that is never changed in place: edits copy what they touch and share the rest."""

_NAMED: Final = frozenset({"params", "inputs"})
"""Objects whose keys may hold dots, and which need not be there before something is put in."""


class EditRefused(Exception):
    """The change cannot be made. `path` says where, in the words of problems."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def load_document(text: str) -> Json:
    """A document's text as JSON. Raises EditRefused for text that is no JSON object."""
    return _object(text, "")


def apply_edit(document: Json, edit: preview_pb2.PreviewEdit) -> Json:
    """The document with all changes of the edit, in order; the given one stays as it is. Raises EditRefused."""
    # What was copied once for this edit is its own: thousands of changes copy thousands of nodes once.
    own: set[int] = set()
    for change in edit.changes:
        match change.WhichOneof("change"):
            case "set":
                path = change.set.path
                document = _replaced(document, _split(path), path, _loaded(change.set.value_json, path), own)
            case "remove":
                document = _replaced(document, _split(change.remove), change.remove, _GONE, own)
            case "merge_json":
                document = _merged(document, _object(change.merge_json, ""))
            case "document_json":
                document = _object(change.document_json, "")
            case None:
                raise EditRefused("", "the change says nothing")
    return document


class _Gone:
    """Stands for a value that is taken out."""


_GONE: Final = _Gone()


def _split(path: str) -> list[str]:
    """ "nodes.mix.params.gain.1" as ["nodes", "mix", "params", "gain.1"]."""
    parts = path.split(".")
    if not all(parts):
        raise EditRefused(path, "a path is made of names and dots: nodes.grade.params.exposure")
    for index, part in enumerate(parts):
        # Not the first two: there may be a node that is called so.
        if index >= 2 and part in _NAMED and index + 1 < len(parts):
            return [*parts[: index + 1], ".".join(parts[index + 1 :])]
    return parts


def _replaced(value: Any, parts: list[str], path: str, new: Any, own: set[int]) -> Any:
    """`value` with another thing at the path below it: itself, where it is among the edit's `own`, else a copy that
    becomes one of them. Paths have few parts, so recursion is shallow."""
    if not isinstance(value, dict):
        raise EditRefused(path, f'there is nothing to put "{parts[0]}" into')
    name, rest = parts[0], parts[1:]
    if not rest:
        if new is _GONE and name not in value:
            raise EditRefused(path, f'there is no "{name}" to take out')
        below = new
    elif name not in value and not (name in _NAMED and new is not _GONE):
        raise EditRefused(path, f'there is no "{name}"')
    else:
        below = _replaced(value.get(name, {}), rest, path, new, own)
    if id(value) not in own:
        value = dict(value)
        own.add(id(value))
    if below is _GONE:
        del value[name]
    else:
        value[name] = below
    return value


def _merged(target: Json, patch: Json) -> Json:
    """RFC 7396: null takes out, objects merge, all else replaces. Without recursion, since patches are strangers'."""
    result = dict(target)
    work = [(result, patch)]
    while work:
        into, changes = work.pop()
        for key, value in changes.items():
            if value is None:
                into.pop(key, None)
            elif isinstance(value, dict):
                before = into.get(key)
                copy: Json = dict(before) if isinstance(before, dict) else {}
                into[key] = copy
                work.append((copy, value))
            else:
                into[key] = value
    return result


def _object(text: str, path: str) -> Json:
    loaded = _loaded(text, path)
    if not isinstance(loaded, dict):
        raise EditRefused(path, "a document must be a JSON object")
    return loaded


def _loaded(text: str, path: str) -> Any:
    """JSON as strictly as documents are read."""
    try:
        return load(text)
    except NotTaken as error:
        fault = error.faults[0]
        raise EditRefused(".".join(part for part in (path, path_of(fault.keys)) if part), fault.message) from None
