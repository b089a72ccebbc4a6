"""The strict parser of documents: every mistake is reported, with its place, and nothing is guessed.

It walks the JSON once, shape by shape, so nesting beyond what the schema knows is refused and never followed.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from fractions import Fraction
from typing import Final, TypeVar

from artifex.nodes import EASES, Ease, parse_rational
from services.graph.domain.documents.model import (
    DEFAULT_COLORSPACE,
    SCHEMA,
    Animation,
    Document,
    Expression,
    Keyframe,
    Link,
    NodeSpec,
    ParameterValue,
    Settings,
)
from services.graph.domain.documents.problems import GraphInvalid, Problem, Reason
from services.graph.domain.evaluate import colour

T = TypeVar("T")

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_NODES: Final = 20_000
MAX_KEYS: Final = 10_000
MAX_LIST: Final = 64
MAX_SIZE: Final = 8192
MAX_DURATION: Final = 86_400

_NODE_ID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_PORT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}(?:\.[1-9][0-9]{0,3})?")
_VERSION: Final = re.compile(r"\d{1,6}\.\d{1,6}\.\d{1,6}", re.ASCII)


class _Refused(Exception):
    """JSON that is well formed and yet not taken; the message says why."""


def parse(text: str | bytes) -> Document:
    """See `document.parse_document`."""
    return _Parser().document(_load(text))


def _load(text: str | bytes) -> object:
    if len(text) > MAX_BYTES:
        raise GraphInvalid([Problem("", "", Reason.LIMIT_EXCEEDED, f"the document is larger than {MAX_BYTES} bytes")])
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        # A lone surrogate, written as an escape or not, cannot be stored or shown.
        loaded = json.loads(
            decoded, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
        )
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


class _Parser:
    """Collects problems while it builds the document; `node` is the id that problems are put down to."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.node = ""

    def problem(self, path: str, reason: Reason, message: str) -> None:
        self.problems.append(Problem(self.node, path, reason, message))

    def document(self, loaded: object) -> Document:
        if not isinstance(loaded, dict):
            raise GraphInvalid([Problem("", "", Reason.INVALID_JSON, "the document must be a JSON object")])
        self.keys(loaded, "", required=("schema", "settings", "nodes"))
        if "schema" in loaded and loaded["schema"] != SCHEMA:
            self.problem("schema", Reason.UNSUPPORTED_SCHEMA, f'only schema "{SCHEMA}" is understood')
        settings = self.settings(loaded.get("settings", {}))
        nodes = self.nodes(loaded.get("nodes", {}))
        if self.problems or settings is None:
            raise GraphInvalid(self.problems)
        return Document(settings, nodes)

    def keys(
        self, value: Mapping[str, object], path: str, *, required: Iterable[str], optional: Iterable[str] = ()
    ) -> None:
        """Reports keys that are unknown or missing."""
        required, known = tuple(required), [*required, *optional]
        for key in value:
            if key not in known:
                close = get_close_matches(key, known, 1)
                hint = f'; did you mean "{close[0]}"?' if close else f"; known are {', '.join(known)}"
                self.problem(_join(path, key[:80]), Reason.UNKNOWN_KEY, f'the key "{key[:80]}" is not known here{hint}')
        for key in required:
            if key not in value:
                self.problem(_join(path, key), Reason.MISSING_KEY, f'the key "{key}" is missing')

    def settings(self, value: object) -> Settings | None:
        if not isinstance(value, dict):
            self.problem("settings", Reason.INVALID_VALUE, "must be an object")
            return None
        self.keys(value, "settings", required=("width", "height", "fps"), optional=("duration", "colorspace"))
        width, height = (self._size(value, name) for name in ("width", "height"))
        fps = self._rational(value, "fps", Fraction(1), Fraction(240), 'frames a second, as 25 or "24000/1001"')
        duration = self._rational(
            value, "duration", Fraction(0), Fraction(MAX_DURATION), 'seconds, as 5.28 or "132/25"', exclusive=True
        )
        space = value.get("colorspace", DEFAULT_COLORSPACE)
        if not isinstance(space, str) or space not in colour.working_spaces():
            known = ", ".join(colour.working_spaces())
            self.problem("settings.colorspace", Reason.INVALID_VALUE, f"must be a scene-linear space, one of: {known}")
            return None
        if width is None or height is None or fps is None:
            return None
        settings = Settings(width, height, fps, duration, space)
        if duration is not None and settings.frame_count(duration) < 1:
            self.problem("settings.duration", Reason.INVALID_VALUE, "is shorter than half a frame")
        return settings

    def _size(self, value: Mapping[str, object], name: str) -> int | None:
        size = value.get(name)
        if isinstance(size, int) and not isinstance(size, bool) and 2 <= size <= MAX_SIZE and size % 2 == 0:
            return size
        if name in value:
            self.problem(f"settings.{name}", Reason.INVALID_VALUE, f"must be an even number of pixels, 2 to {MAX_SIZE}")
        return None

    def _rational(
        self, value: Mapping[str, object], name: str, low: Fraction, high: Fraction, what: str, exclusive: bool = False
    ) -> Fraction | None:
        if name not in value:
            return None
        number = parse_rational(value[name])
        if number is not None and low <= number <= high and not (exclusive and number == low):
            return number
        bounds = f"more than {low} and at most {high}" if exclusive else f"{low} to {high}"
        self.problem(f"settings.{name}", Reason.INVALID_VALUE, f"must be {what}, {bounds}")
        return None

    def nodes(self, value: object) -> dict[str, NodeSpec]:
        if not isinstance(value, dict):
            self.problem("nodes", Reason.INVALID_VALUE, 'must be an object of nodes by id, as {"plate": {…}}')
            return {}
        if len(value) > MAX_NODES:
            self.problem("nodes", Reason.LIMIT_EXCEEDED, f"there are {len(value)} nodes; the most is {MAX_NODES}")
            return {}
        result = {}
        for node_id, node in value.items():
            self.node = node_id[:80]
            result[node_id] = self.parse_node(node_id, node)
        self.node = ""
        return result

    def parse_node(self, node_id: str, value: object) -> NodeSpec:
        path = f"nodes.{self.node}"
        if not _NODE_ID.fullmatch(node_id):
            message = "a node id has up to 64 letters, digits, - and _, and begins with a letter or _"
            self.problem(path, Reason.INVALID_VALUE, message)
        if not isinstance(value, dict):
            self.problem(path, Reason.INVALID_VALUE, "a node must be an object")
            return NodeSpec(node_id, "", {}, {})
        self.keys(value, path, required=("type",), optional=("version", "inputs", "params"))
        node_type, version = value.get("type", ""), value.get("version", "")
        if not isinstance(node_type, str) or ("type" in value and not node_type):
            self.problem(f"{path}.type", Reason.INVALID_VALUE, "must be the name of a node type")
            node_type = ""
        if not isinstance(version, str) or (version and not _VERSION.fullmatch(version)):
            self.problem(f"{path}.version", Reason.INVALID_VALUE, 'must be a version, as "1.0.0"')
            version = ""
        inputs = self._entries(value.get("inputs", {}), f"{path}.inputs", self.link)
        params = self._entries(value.get("params", {}), f"{path}.params", self.parameter)
        return NodeSpec(node_id, node_type, inputs, params, version)

    def _entries(self, value: object, path: str, parse_one: Callable[[object, str], T | None]) -> dict[str, T]:
        if not isinstance(value, dict):
            self.problem(path, Reason.INVALID_VALUE, "must be an object")
            return {}
        result = {}
        for name, item in value.items():
            if not _PORT.fullmatch(name):
                self.problem(f"{path}.{name[:80]}", Reason.INVALID_VALUE, "is no name of an input or parameter")
            elif (parsed := parse_one(item, f"{path}.{name}")) is not None:
                result[name] = parsed
        return result

    def link(self, value: object, path: str) -> Link | None:
        if isinstance(value, str):
            node, dot, output = value.partition(".")
            if _NODE_ID.fullmatch(node) and (not dot or _PORT.fullmatch(output)):
                return Link(node, output)
        self.problem(path, Reason.INVALID_VALUE, 'must name a node, or a node and its output: "plate.audio"')
        return None

    def parameter(self, value: object, path: str) -> ParameterValue | None:
        if isinstance(value, dict):
            if value.keys() == {"keys"}:
                return self.animation(value["keys"], f"{path}.keys")
            if value.keys() == {"expr"} and isinstance(value["expr"], str):
                return Expression(value["expr"])
            message = 'must be a value, {"keys": [[seconds, value, ease?], …]} or {"expr": "…"}'
            self.problem(path, Reason.INVALID_VALUE, message)
            return None
        return self.plain(value, path)

    def plain(self, value: object, path: str) -> object | None:
        """A scalar or a flat list of scalars."""
        if isinstance(value, list):
            if len(value) <= MAX_LIST and all(isinstance(item, str | int | float | bool) for item in value):
                return value
            self.problem(path, Reason.INVALID_VALUE, f"a list holds up to {MAX_LIST} numbers or words")
        elif value is None or isinstance(value, dict):
            self.problem(path, Reason.INVALID_VALUE, "must be a number, a word, true, false or a list")
        else:
            return value
        return None

    def animation(self, value: object, path: str) -> Animation | None:
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_KEYS:
            self.problem(path, Reason.INVALID_VALUE, f"must be a list of 1 to {MAX_KEYS} keys [seconds, value, ease?]")
            return None
        keys: list[Keyframe] = []
        for index, item in enumerate(value):
            where = f"{path}.{index}"
            time = parse_rational(item[0]) if isinstance(item, list) and len(item) in (2, 3) else None
            if time is None:
                self.problem(where, Reason.INVALID_VALUE, "a key is [seconds, value] or [seconds, value, ease]")
                continue
            ease = item[2] if len(item) == 3 else Ease.LINEAR
            if ease not in EASES:
                self.problem(f"{where}.2", Reason.INVALID_VALUE, f"the ease must be one of {', '.join(EASES)}")
                continue
            if keys and time <= keys[-1].time:
                self.problem(f"{where}.0", Reason.INVALID_VALUE, "keys must be in order of time, no two at the same")
            plain = self.plain(item[1], f"{where}.1")
            if plain is not None:
                keys.append(Keyframe(time, plain, Ease(ease)))
        return Animation(tuple(keys)) if len(keys) == len(value) else None


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
