"""The strict parser of documents: every mistake is reported, with its place, and nothing is guessed.

It walks the JSON once, shape by shape, so nesting beyond what the schema knows is refused and never followed.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Final, TypeVar

from artifex.nodes import EASES, Bezier, Ease, parse_rational
from services.graph.domain.documents.hints import Hints
from services.graph.domain.documents.loading import load
from services.graph.domain.documents.model import (
    DEFAULT_COLORSPACE,
    SCHEMA,
    Animation,
    Document,
    Expression,
    Group,
    Keyframe,
    Link,
    NodeSpec,
    ParameterValue,
    Settings,
)
from services.graph.domain.documents.problems import GraphInvalid, Problem, Reason
from services.graph.domain.evaluate import colour

T = TypeVar("T")

MAX_NODES: Final = 20_000
MAX_KEYS: Final = 10_000
MAX_LIST: Final = 1024
"""Of a parameter's numbers, words or points."""
MAX_POINT: Final = 16
"""Numbers of one point."""
MAX_SIZE: Final = 8192
MAX_DURATION: Final = 86_400
MAX_NOTES: Final = 10_000
MAX_TARGETS: Final = 64
MAX_NUMBERS: Final = 4
"""Of one parameter: a colour has four."""
MAX_POSITION: Final = 1e7
MAX_HANDLE: Final = 1e3

_NODE_ID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_PORT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}(?:\.[1-9][0-9]{0,3})?")
_LINK: Final = re.compile(rf"({_NODE_ID.pattern})(?:\.({_PORT.pattern}))?")
_EXPOSED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_VERSION: Final = re.compile(r"\d{1,6}\.\d{1,6}\.\d{1,6}", re.ASCII)


_OPTIONAL_KEYS: Final = ("version", "inputs", "params", "bypass", "mute", "notes", "position")
NODE_KEYS: Final = frozenset(("type", *_OPTIONAL_KEYS))
_SCALARS: Final = (float, int, str, bool)
"""Of JSON: what a parameter takes as it is."""
_MEANING_KEYS: Final = frozenset(("type", "version", "inputs", "params"))


def parse(text: str | bytes) -> Document:
    """See `document.parse_document`."""
    return _Parser().document(load(text))


def reread_node(spec: NodeSpec, value: Mapping[str, object]) -> tuple[NodeSpec, list[Problem]]:
    """A node whose type, version, inputs and parameters have become those of the JSON object `value`, and its problems.

    All that means nothing for what is rendered stays as it was.
    """
    parser = _Parser()
    parser.node = spec.id
    found = parser.parse_node(spec.id.rpartition("/")[2], value, f"nodes.{spec.id}")
    again = spec._replace(type=found.type, version=found.version, inputs=found.inputs, params=found.params)
    return again, parser.problems


class _Parser:
    """Collects problems while it builds the document; `node` is the id that problems are put down to."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.hints = Hints()
        self.node = ""
        self.count = 0
        """Nodes seen, of the document and its groups."""

    def problem(self, path: str, reason: Reason, message: str) -> None:
        self.problems.append(Problem(self.node, path, reason, message))

    def document(self, loaded: object) -> Document:
        if not isinstance(loaded, dict):
            raise GraphInvalid([Problem("", "", Reason.INVALID_JSON, "the document must be a JSON object")])
        self.keys(loaded, "", required=("schema", "settings", "nodes"), optional=("groups",))
        if "schema" in loaded and loaded["schema"] != SCHEMA:
            self.problem("schema", Reason.UNSUPPORTED_SCHEMA, f'only schema "{SCHEMA}" is understood')
        settings = self.settings(loaded.get("settings", {}))
        nodes = self.nodes(loaded.get("nodes", {}), "nodes")
        groups = self.groups(loaded.get("groups", {}))
        if self.problems or settings is None:
            raise GraphInvalid(self.problems)
        return Document(settings, nodes, groups)

    def keys(
        self, value: Mapping[str, object], path: str, *, required: Iterable[str], optional: Iterable[str] = ()
    ) -> None:
        """Reports keys that are unknown or missing."""
        required, known = tuple(required), [*required, *optional]
        for key in value:
            if key not in known:
                close = self.hints.closest(key, known)
                hint = f'; did you mean "{close}"?' if close else f"; known are {', '.join(known)}"
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

    def groups(self, value: object) -> dict[str, Group]:
        if not isinstance(value, dict):
            self.problem("groups", Reason.INVALID_VALUE, 'must be an object of groups by name, as {"look": {…}}')
            return {}
        result = {}
        for name, group in value.items():
            self.node = f"group:{name[:80]}"
            path = f"groups.{name[:80]}"
            if not _NODE_ID.fullmatch(name):
                message = "a group's name has up to 64 letters, digits, - and _, and begins with a letter or _"
                self.problem(path, Reason.INVALID_VALUE, message)
            result[name] = self.group(group, path)
        self.node = ""
        return result

    def group(self, value: object, path: str) -> Group:
        if not isinstance(value, dict):
            self.problem(path, Reason.INVALID_VALUE, "a group must be an object")
            return Group({}, {}, {}, {})
        self.keys(value, path, required=("nodes", "outputs"), optional=("inputs", "params"))
        inputs = self._entries(value.get("inputs", {}), f"{path}.inputs", self.targets, _EXPOSED)
        outputs = self._entries(value.get("outputs", {}), f"{path}.outputs", self.link, _EXPOSED)
        params = self._entries(value.get("params", {}), f"{path}.params", self.targets, _EXPOSED)
        if "outputs" in value and value["outputs"] == {}:
            self.problem(f"{path}.outputs", Reason.INVALID_VALUE, "a group must have an output")
        return Group(self.nodes(value.get("nodes", {}), f"{path}.nodes"), inputs, outputs, params)

    def targets(self, value: object, path: str) -> tuple[Link, ...] | None:
        """What an exposed input or parameter stands for: one "node.name", or a list of them."""
        items = value if isinstance(value, list) else [value]
        found = [self._link(item) for item in items[:MAX_TARGETS]]
        if 1 <= len(items) <= MAX_TARGETS and all(link is not None and link.output for link in found):
            return tuple(link for link in found if link is not None)
        message = (
            f'must name a node of the group and what is meant of it, "blur.video", or a list of up to {MAX_TARGETS}'
        )
        self.problem(path, Reason.INVALID_VALUE, message)
        return None

    def nodes(self, value: object, path: str) -> dict[str, NodeSpec]:
        if not isinstance(value, dict):
            self.problem(path, Reason.INVALID_VALUE, 'must be an object of nodes by id, as {"plate": {…}}')
            return {}
        self.count += len(value)
        if self.count > MAX_NODES:
            self.problem(path, Reason.LIMIT_EXCEEDED, f"there are {self.count} nodes; the most is {MAX_NODES}")
            return {}
        owner, result = self.node, {}
        for node_id, node in value.items():
            self.node = f"{owner}/{node_id[:80]}" if owner else node_id[:80]
            result[node_id] = self.parse_node(node_id, node, f"{path}.{node_id[:80]}")
        self.node = owner
        return result

    def parse_node(self, node_id: str, value: object, path: str) -> NodeSpec:
        if not _NODE_ID.fullmatch(node_id):
            message = "a node id has up to 64 letters, digits, - and _, and begins with a letter or _"
            self.problem(path, Reason.INVALID_VALUE, message)
        if not isinstance(value, dict):
            self.problem(path, Reason.INVALID_VALUE, "a node must be an object")
            return NodeSpec(node_id, "", {}, {})
        if not value.keys() <= NODE_KEYS or "type" not in value:
            self.keys(value, path, required=("type",), optional=_OPTIONAL_KEYS)
        node_type, version = value.get("type", ""), value.get("version", "")
        if not isinstance(node_type, str) or ("type" in value and not node_type):
            self.problem(f"{path}.type", Reason.INVALID_VALUE, "must be the name of a node type")
            node_type = ""
        if not isinstance(version, str) or ("version" in value and not _VERSION.fullmatch(version)):
            self.problem(f"{path}.version", Reason.INVALID_VALUE, 'must be a version, as "1.0.0"')
            version = ""
        inputs = self._entries(value.get("inputs", {}), f"{path}.inputs", self.link)
        params = self._entries(value.get("params", {}), f"{path}.params", self.parameter)
        if value.keys() <= _MEANING_KEYS:
            return NodeSpec(node_id, node_type, inputs, params, version)
        return NodeSpec(
            node_id,
            node_type,
            inputs,
            params,
            version,
            bypass=self.switch(value, "bypass", path),
            mute=self.switch(value, "mute", path),
            notes=self.notes(value.get("notes", ""), f"{path}.notes"),
            position=self.position(value["position"], f"{path}.position") if "position" in value else None,
        )

    def switch(self, value: Mapping[str, object], name: str, path: str) -> bool:
        given = value.get(name, False)
        if not isinstance(given, bool):
            self.problem(f"{path}.{name}", Reason.INVALID_VALUE, "must be true or false")
        return given is True

    def notes(self, value: object, path: str) -> str:
        if isinstance(value, str) and len(value) <= MAX_NOTES:
            return value
        self.problem(path, Reason.INVALID_VALUE, f"must be text of up to {MAX_NOTES} characters")
        return ""

    def position(self, value: object, path: str) -> tuple[float, float] | None:
        if isinstance(value, list) and len(value) == 2 and all(_within(item, MAX_POSITION) for item in value):
            return (float(value[0]), float(value[1]))
        self.problem(
            path, Reason.INVALID_VALUE, f"must be [x, y], two numbers from {-MAX_POSITION:g} to {MAX_POSITION:g}"
        )
        return None

    def _entries(
        self, value: object, path: str, parse_one: Callable[[object, str], T | None], names: re.Pattern[str] = _PORT
    ) -> dict[str, T]:
        if not isinstance(value, dict):
            self.problem(path, Reason.INVALID_VALUE, "must be an object")
            return {}
        result = {}
        for name, item in value.items():
            if not names.fullmatch(name):
                self.problem(f"{path}.{name[:80]}", Reason.INVALID_VALUE, "is no name of an input or parameter")
            elif (parsed := parse_one(item, f"{path}.{name}")) is not None:
                result[name] = parsed
        return result

    def link(self, value: object, path: str) -> Link | None:
        link = self._link(value)
        if link is None:
            self.problem(path, Reason.INVALID_VALUE, 'must name a node, or a node and its output: "plate.audio"')
        return link

    def _link(self, value: object) -> Link | None:
        if isinstance(value, str) and (match := _LINK.fullmatch(value)) is not None:
            return Link(match[1], match[2] or "")
        return None

    def parameter(self, value: object, path: str) -> ParameterValue | None:
        if isinstance(value, dict):
            if value.keys() == {"keys"}:
                return self.animation(value["keys"], f"{path}.keys")
            if value.keys() == {"expr"} and (expression := _expression(value["expr"])) is not None:
                return expression
            message = 'must be a value, {"keys": [[seconds, value, ease?], …]} or {"expr": "…"}'
            self.problem(path, Reason.INVALID_VALUE, message)
            return None
        return self.plain(value, path)

    def plain(self, value: object, path: str) -> object | None:
        """A scalar, a flat list of scalars or a list of points."""
        if isinstance(value, list):
            if len(value) <= MAX_LIST and all(type(item) in _SCALARS or _point(item) for item in value):
                return value
            self.problem(path, Reason.INVALID_VALUE, f"a list holds up to {MAX_LIST} numbers, words or points")
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
            time = parse_rational(item[0]) if isinstance(item, list) and len(item) in (2, 3) else None
            if time is None:
                message = "a key is [seconds, value] or [seconds, value, ease]"
                self.problem(f"{path}.{index}", Reason.INVALID_VALUE, message)
                continue
            ease = self.ease(item[2], f"{path}.{index}.2") if len(item) == 3 else Ease.LINEAR
            if ease is None:
                continue
            if keys and time <= keys[-1].time:
                message = "keys must be in order of time, no two at the same"
                self.problem(f"{path}.{index}.0", Reason.INVALID_VALUE, message)
            plain = item[1]
            if type(plain) not in _SCALARS:
                plain = self.plain(plain, f"{path}.{index}.1")
            if plain is not None:
                keys.append(Keyframe(time, plain, ease))
        return Animation(tuple(keys)) if len(keys) == len(value) else None

    def ease(self, value: object, path: str) -> Ease | Bezier | None:
        if isinstance(value, str) and value in EASES:
            return Ease(value)
        if isinstance(value, dict) and value.keys() == {"bezier"}:
            handles = value["bezier"]
            if (
                isinstance(handles, list)
                and len(handles) == 4
                and all(_within(handle, MAX_HANDLE) for handle in handles)
                and all(0.0 <= handle <= 1.0 for handle in handles[::2])
            ):
                return Bezier(*map(float, handles))
            message = f"must be [x1, y1, x2, y2]: x from 0 to 1, y from {-MAX_HANDLE:g} to {MAX_HANDLE:g}"
            self.problem(f"{path}.bezier", Reason.INVALID_VALUE, message)
            return None
        message = f'the ease must be one of {", ".join(EASES)}, or {{"bezier": [x1, y1, x2, y2]}}'
        self.problem(path, Reason.INVALID_VALUE, message)
        return None


def _expression(value: object) -> Expression | None:
    if isinstance(value, str):
        return Expression(value)
    if isinstance(value, list) and 2 <= len(value) <= MAX_NUMBERS and all(isinstance(item, str) for item in value):
        return Expression(value[0], tuple(value[1:]))
    return None


def _point(value: object) -> bool:
    """Whether it is a list of a point's numbers."""
    return isinstance(value, list) and len(value) <= MAX_POINT and all(type(item) in (int, float) for item in value)


def _within(value: object, limit: float) -> bool:
    """Whether it is a JSON number of at most that size."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -limit <= value <= limit


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
