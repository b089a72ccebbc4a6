"""Reading JSON without guessing: no key twice, no number that cannot be kept, no text that cannot be shown."""

import json
import math
import re
from typing import Final

from services.graph.domain.documents.problems import GraphInvalid, Problem, Reason

MAX_BYTES: Final = 16 * 1024 * 1024
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
"""Half a character as an escape; two of them in a row may be a whole one."""


class _Refused(Exception):
    """JSON that is well formed and yet not taken; the message says why."""


def load(text: str | bytes) -> object:
    """The JSON value of a text. Raises GraphInvalid with one problem for what is no JSON, or could not be stored."""
    if len(text) > MAX_BYTES:
        raise GraphInvalid([Problem("", "", Reason.LIMIT_EXCEEDED, f"the document is larger than {MAX_BYTES} bytes")])
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        # A lone surrogate, written as an escape or not, cannot be stored or shown.
        loaded = json.loads(
            decoded, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
        )
        decoded.encode()
        if _SURROGATE.search(decoded):
            json.dumps(loaded, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        message = f"{error.msg} in line {error.lineno}, column {error.colno}"
    except _Refused as error:
        message = str(error)
    except UnicodeError:
        message = "text that is not valid Unicode; save the file as UTF-8"
    except RecursionError:
        message = "nested too deeply"
    else:
        return loaded
    raise GraphInvalid([Problem("", "", Reason.INVALID_JSON, message)])


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Refused(f'the key "{key[:80]}" is there twice in one object; remove one')
            seen.add(key)
    return result


def _constant(name: str) -> object:
    raise _Refused(f"{name} is no JSON number")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Refused(f"the number {text[:40]} is too large")
    return number


def _integer(text: str) -> int:
    if len(text) > 20:
        raise _Refused(f"the number {text[:40]}… is too large")
    return int(text)
