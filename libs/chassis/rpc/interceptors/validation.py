"""Requests are checked against the constraints that the protos declare, before a servicer sees them."""

from __future__ import annotations

import json
from typing import Any

import protovalidate

from libs.chassis.errors import InvalidArgument, Violation
from libs.chassis.rpc.interceptors.around import AroundInterceptor, Call


class ValidationInterceptor(AroundInterceptor):
    """Each message of a client stream is checked when the servicer takes it."""

    def check(self, call: Call, request: Any) -> Any:
        check_message(request)
        return request


def check_message(message: Any) -> None:
    """Raises InvalidArgument with a violation for every field that breaks a constraint."""
    found = protovalidate.collect_violations(message)
    if not found:
        return
    violations = [
        Violation(_path(violation.proto.field), violation.proto.message, violation.proto.rule_id) for violation in found
    ]
    first = violations[0]
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    raise InvalidArgument(f"{first.field or 'request'}: {first.description}{more}", violations=violations)


def _path(path: protovalidate.FieldPathPb | None) -> str:
    """`user.tags[2].labels["key"]`; empty for a rule on the whole message."""
    words: list[str] = []
    for element in path.elements if path is not None else ():
        words.append(("." if words else "") + element.field_name)
        if (subscript := element.subscript) is not None:
            words.append(f"[{json.dumps(subscript.value, ensure_ascii=False)}]")
    return "".join(words)
