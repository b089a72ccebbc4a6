"""Reading JSON without guessing: no key twice, no number that cannot be kept, no text that cannot be shown."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

MOST_DIGITS: Final = 20
"""Of a whole number."""
_SHOWN: Final = 40
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
"""Half a character as an escape; two of them in a row may be a whole one."""

Why = Literal["not_json", "too_deep", "no_text", "number", "duplicate_key"]
Keys = tuple[str | int, ...]
"""Where a value stands: ("nodes", "grade", "params", "exposure"), with the places in lists as numbers."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is not taken, where it stands and why; `message` is for people. No keys: the text as a whole."""

    keys: Keys
    why: Why
    message: str


class NotTaken(ValueError):
    """The text is no JSON, or holds what could not be kept; `faults` tells all of it, and is never empty."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults[0].message)
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class _Refused:
    """Stands in the place of what is well formed and yet not taken."""

    why: Why
    message: str
    keys: Keys = ()


def load(text: str | bytes) -> Any:
    """The value of a text, UTF-8 where it is bytes. Raises NotTaken."""
    refused: list[_Refused] = []

    def refuse(why: Why, message: str, *keys: str) -> _Refused:
        refused.append(_Refused(why, message, keys))
        return refused[-1]

    def constant(name: str) -> object:
        return refuse("number", f"{name} is no JSON number")

    def decimal(digits: str) -> object:
        number = float(digits)
        return number if math.isfinite(number) else refuse("number", f"the number {_cut(digits)} is too large")

    def whole(digits: str) -> object:
        if len(digits.lstrip("-")) > MOST_DIGITS:
            return refuse("number", f"the number {_cut(digits)} is too large")
        return int(digits)

    def members(pairs: list[tuple[str, object]]) -> object:
        result = dict(pairs)
        if len(result) == len(pairs):
            return result
        key = _twice(pairs)
        return refuse("duplicate_key", f'the key "{key[:80]}" is there twice in one object; remove one', key)

    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        loaded = json.loads(
            decoded, object_pairs_hook=members, parse_constant=constant, parse_float=decimal, parse_int=whole
        )
        # A lone surrogate, written as an escape or not, cannot be stored or shown.
        decoded.encode()
        if not refused and _SURROGATE.search(decoded):
            json.dumps(loaded, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise _whole("not_json", f"{error.msg} in line {error.lineno}, column {error.colno}") from None
    except UnicodeError:
        raise _whole("no_text", "text that is not valid Unicode; save the file as UTF-8") from None
    except RecursionError:
        raise _whole("too_deep", "nested too deeply") from None
    if refused:
        raise NotTaken(list(_placed(loaded)))
    return loaded


def _whole(why: Why, message: str) -> NotTaken:
    return NotTaken([Fault((), why, message)])


def _cut(digits: str) -> str:
    return digits if len(digits) <= _SHOWN else f"{digits[:_SHOWN]}…"


def _twice(pairs: list[tuple[str, object]]) -> str:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    raise AssertionError("no key is there twice")


def _placed(loaded: object) -> Iterator[Fault]:
    """All that was refused, in the order of the text. Without recursion: documents are strangers'."""
    waiting: list[tuple[Keys, object]] = [((), loaded)]
    while waiting:
        keys, value = waiting.pop()
        if isinstance(value, _Refused):
            yield Fault((*keys, *value.keys), value.why, value.message)
        elif isinstance(value, dict):
            waiting += [((*keys, key), item) for key, item in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [((*keys, number), item) for number, item in reversed(list(enumerate(value)))]
