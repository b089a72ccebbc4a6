"""What may be stored as a document: a JSON object that says it is a graph.

Whether the graph makes sense is the graph service's business, and may change while somebody edits: a half-wired graph
is stored like any other. Here only what would break every reader is refused.
"""

from __future__ import annotations

from libs.chassis.errors import InvalidArgument, Violation
from libs.chassis.strict_json import NotTaken, load

SCHEMA = "artifex.graph/1"
FIELD = "content_json"
_OWN_WORDS = ("duplicate_key", "too_deep")


def _refuse(description: str, reason: str) -> InvalidArgument:
    return InvalidArgument(f"{FIELD}: {description}", violations=[Violation(FIELD, description, reason)])


def check_content(text: str) -> None:
    """Raises InvalidArgument, with a violation of `content_json` that says what is wrong."""
    try:
        document = load(text)
    except NotTaken as error:
        fault = error.faults[0]
        where = f"{'.'.join(map(str, fault.keys))}: " if fault.keys else ""
        raise _refuse(f"{where}{fault.message}", fault.why if fault.why in _OWN_WORDS else "not_json") from None
    if not isinstance(document, dict):
        raise _refuse("must be a JSON object", "not_an_object")
    if document.get("schema") != SCHEMA:
        raise _refuse(f'must have "schema": "{SCHEMA}"', "wrong_schema")
    if not isinstance(document.get("nodes", {}), dict):
        raise _refuse('"nodes" must be an object of nodes by name', "wrong_type")
