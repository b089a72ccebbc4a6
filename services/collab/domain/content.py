"""What may be stored as a document: a JSON object that says it is a graph.

Whether the graph makes sense is the graph service's business, and may change while somebody edits: a half-wired graph
is stored like any other. Here only what would break every reader is refused.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from libs.chassis.errors import InvalidArgument, Violation

SCHEMA = "artifex.graph/1"
FIELD = "content_json"


def _refuse(description: str, reason: str) -> InvalidArgument:
    return InvalidArgument(f"{FIELD}: {description}", violations=[Violation(FIELD, description, reason)])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            # Readers would disagree about which of the two counts.
            raise _refuse(f"the key {key!r} appears twice in one object", "duplicate_key")
        result[key] = value
    return result


def _no_constant(text: str) -> NoReturn:
    raise _refuse(f"{text} is no JSON number", "not_json")


def check_content(text: str) -> None:
    """Raises InvalidArgument, with a violation of `content_json` that says what is wrong."""
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _refuse(f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}", "not_json") from None
    except RecursionError:
        raise _refuse("is nested too deeply", "too_deep") from None
    if not isinstance(document, dict):
        raise _refuse("must be a JSON object", "not_an_object")
    if document.get("schema") != SCHEMA:
        raise _refuse(f'must have "schema": "{SCHEMA}"', "wrong_schema")
    if not isinstance(document.get("nodes", {}), dict):
        raise _refuse('"nodes" must be an object of nodes by name', "wrong_type")
