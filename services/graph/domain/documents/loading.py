"""Reading the text of a document: strict JSON, of which every fault is a problem with its place."""

from typing import Final

from libs.chassis.strict_json import Keys, NotTaken
from libs.chassis.strict_json import load as load_json
from services.graph.domain.documents.problems import GraphInvalid, Problem, Reason

MAX_BYTES: Final = 16 * 1024 * 1024


def load(text: str | bytes) -> object:
    """The JSON value of a text. Raises GraphInvalid for what is no JSON, or could not be stored."""
    if len(text) > MAX_BYTES:
        raise GraphInvalid([Problem("", "", Reason.LIMIT_EXCEEDED, f"the document is larger than {MAX_BYTES} bytes")])
    try:
        return load_json(text)
    except NotTaken as error:
        problems = [
            Problem(node_of(fault.keys), path_of(fault.keys), Reason.INVALID_JSON, fault.message)
            for fault in error.faults
        ]
    raise GraphInvalid(problems)


def path_of(keys: Keys) -> str:
    """Where it is, in the words of problems: "nodes.grade.params.exposure"."""
    return ".".join(str(key)[:80] for key in keys)


def node_of(keys: Keys) -> str:
    """The node that a place belongs to, as the parser calls it; empty for none."""
    match keys:
        case ("nodes", node, *_):
            return str(node)[:80]
        case ("groups", group, "nodes", node, *_):
            return f"group:{str(group)[:80]}/{str(node)[:80]}"
        case ("groups", group, *_):
            return f"group:{str(group)[:80]}"
        case _:
            return ""
