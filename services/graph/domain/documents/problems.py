"""What keeps a document from being rendered, said all at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from libs.chassis.errors import InvalidArgument, Violation

_MAX_VIOLATIONS: Final = 50
"""An error travels in gRPC trailers, which are small; the validation call gives all problems."""


class Reason(StrEnum):
    """The stable words of problems."""

    INVALID_JSON = "invalid_json"
    LIMIT_EXCEEDED = "limit_exceeded"
    UNSUPPORTED_SCHEMA = "unsupported_schema"
    UNKNOWN_KEY = "unknown_key"
    MISSING_KEY = "missing_key"
    INVALID_VALUE = "invalid_value"
    UNKNOWN_NODE_TYPE = "unknown_node_type"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNKNOWN_PARAMETER = "unknown_parameter"
    MISSING_PARAMETER = "missing_parameter"
    PARAMETER_TYPE = "parameter_type"
    PARAMETER_RANGE = "parameter_range"
    NOT_ANIMATABLE = "not_animatable"
    INVALID_EXPRESSION = "invalid_expression"
    UNKNOWN_INPUT = "unknown_input"
    MISSING_INPUT = "missing_input"
    UNKNOWN_SOURCE = "unknown_source"
    TYPE_MISMATCH = "type_mismatch"
    CYCLE = "cycle"
    CANNOT_BYPASS = "cannot_bypass"
    CANNOT_MUTE = "cannot_mute"
    NO_OUTPUT = "no_output"
    AMBIGUOUS_OUTPUT = "ambiguous_output"
    ASSET_NOT_FOUND = "asset_not_found"
    NO_STREAM = "no_stream"
    UNKNOWN_DURATION = "unknown_duration"
    NOT_GENERATED = "not_generated"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. `node` is empty when the document as a whole is meant.

    `path` says where: "nodes.grade.inputs.video". `message` is for people and holds the remedy.
    """

    node: str
    path: str
    reason: Reason
    message: str


class GraphInvalid(InvalidArgument):
    """The document cannot be rendered; `problems` holds all that was found."""

    default_reason = "ERROR_REASON_GRAPH_INVALID"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(
            f"the graph cannot be rendered: {first.path or 'document'}: {first.message}{more}",
            metadata={"problems": str(len(problems))},
            violations=[
                Violation(problem.path, problem.message, str(problem.reason)) for problem in problems[:_MAX_VIOLATIONS]
            ],
        )
        self.problems = tuple(problems)
