"""Requests of every shape that the wire allows, drawn by Hypothesis from the descriptors."""

from __future__ import annotations

import random
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

_AWKWARD = (
    "",
    "\x00",
    "a\x00b",
    "'; DROP TABLE users; --",
    "../../etc/passwd",
    "제목 \u202e\U0001f3ac",
    "x" * 300,
    "%s%n",
    "{}",
    "-",
    "*",
)
_NUMBERS = (0, 1, -1, 2, 999, 1000, 1001, 2**31 - 1, -(2**31))
_WIDE = (*_NUMBERS, 2**53 + 1, 2**63 - 1, -(2**63))
_FLOATS = (0.0, -0.0, 1.5, -1.5, float("inf"), float("-inf"), float("nan"), 1e308, 5e-324)


class Fuzzer:
    """Makes messages; most texts are drawn from `known`, names that exist, so that some requests get far."""

    def __init__(self, seed: int, known: tuple[str, ...]) -> None:
        self._random = random.Random(seed)
        self._known = known

    def message(self, kind: Descriptor | None, depth: int = 0) -> Message:
        assert kind is not None
        message: Message = message_factory.GetMessageClass(kind)()
        for field in kind.fields:
            if self._random.random() < 0.25 or (field.message_type and depth > 3):
                continue
            self._fill(message, field, depth)
        return message

    def _fill(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            return
        if field.is_repeated:
            values = [self._value(field, depth) for _ in range(self._random.randrange(3))]
            getattr(message, field.name).extend(values)
        elif entry is not None:
            getattr(message, field.name).CopyFrom(self._value(field, depth))
        else:
            setattr(message, field.name, self._value(field, depth))

    def _value(self, field: FieldDescriptor, depth: int) -> Any:
        choose = self._random.choice
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_MESSAGE:
                return self.message(field.message_type, depth + 1)
            case FieldDescriptor.CPPTYPE_ENUM:
                numbers = [value.number for value in field.enum_type.values] if field.enum_type else []
                return choose([*numbers, 99])
            case FieldDescriptor.CPPTYPE_BOOL:
                return choose((True, False))
            case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
                return choose(_FLOATS)
            case FieldDescriptor.CPPTYPE_INT32:
                return choose(_NUMBERS)
            case FieldDescriptor.CPPTYPE_INT64:
                return choose(_WIDE)
            case FieldDescriptor.CPPTYPE_UINT32 | FieldDescriptor.CPPTYPE_UINT64:
                return abs(choose(_NUMBERS))
        text = choose(self._known if self._random.random() < 0.8 else _AWKWARD)
        return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
