"""Requests are checked against the constraints that the protos declare, before a servicer sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import protovalidate
from google.protobuf.message import Message

from libs.chassis.errors import InvalidArgument, Violation
from libs.chassis.rpc.interceptors.around import AroundInterceptor, Call


class ValidationInterceptor(AroundInterceptor):
    """Each message of a client stream is checked when the servicer takes it."""

    def check(self, call: Call, request: Any) -> Any:
        check_message(request)
        return request


def check_message(message: Any) -> None:
    """Raises InvalidArgument with a violation for every field that breaks a constraint."""
    violations = [
        Violation(_path(violation.proto.field), violation.proto.message, violation.proto.rule_id)
        for violation in protovalidate.collect_violations(message)
    ]
    violations += [Violation(field, "must not contain a NUL character", "string.nul") for field in _with_nul(message)]
    if not violations:
        return
    first = violations[0]
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    raise InvalidArgument(f"{first.field or 'request'}: {first.description}{more}", violations=violations)


def _with_nul(message: Message, prefix: str = "") -> Iterator[str]:
    """The paths of texts that hold U+0000: PostgreSQL stores none, file names and C libraries end at it."""
    for field, value in message.ListFields():
        name = f"{prefix}{field.name}"
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            if any("\0" in part for item in value.items() for part in item if isinstance(part, str)):
                yield name
            continue
        for item in value if field.is_repeated else (value,):
            if isinstance(item, str):
                if "\0" in item:
                    yield name
            elif isinstance(item, Message):
                yield from _with_nul(item, f"{name}.")


def _path(path: protovalidate.FieldPathPb | None) -> str:
    """`user.tags[2].labels["key"]`; empty for a rule on the whole message."""
    words: list[str] = []
    for element in path.elements if path is not None else ():
        words.append(("." if words else "") + element.field_name)
        if (subscript := element.subscript) is not None:
            words.append(f"[{json.dumps(subscript.value, ensure_ascii=False)}]")
    return "".join(words)
