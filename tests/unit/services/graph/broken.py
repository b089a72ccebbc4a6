"""Documents that cannot be rendered, made by mutating good ones, the same every time."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]

GOOD: dict[str, Any] = {
    "schema": "artifex.graph/1",
    "settings": {"width": 1280, "height": 720, "fps": "24000/1001", "duration": "5/2", "colorspace": "ACEScg"},
    "groups": {
        "look": {
            "nodes": {
                "warm": {"type": "ColorCorrector", "params": {"gain": [1.1, 1.0, 0.9]}, "notes": "두 번째 느낌"},
                "punch": {"type": "ColorCorrector", "inputs": {"video": "warm"}, "params": {"contrast": 1.2}},
            },
            "inputs": {"plate": "warm.video"},
            "outputs": {"video": "punch"},
            "params": {"strength": ["warm.exposure", "punch.saturation"], "pivot": "punch.pivot"},
        },
        "twice": {
            "nodes": {
                "first": {"type": "group:look"},
                "second": {"type": "group:look", "inputs": {"plate": "first"}, "params": {"strength": 0.5}},
            },
            "inputs": {"plate": "first.plate"},
            "outputs": {"video": "second.video"},
            "params": {"strength": "first.strength"},
        },
    },
    "nodes": {
        "plate": {"type": "MediaInput", "version": "1.0.0", "params": {"asset": "assets/plate"}, "position": [0, 40.5]},
        "grade": {
            "type": "ColorCorrector",
            "inputs": {"video": "plate.video"},
            "params": {"exposure": {"keys": [[0, 0.0], ["1001/1000", 0.5, "ease_in_out"], [2, 1.0,
                {"bezier": [0.3, 0, 0.6, 1.2]}]]}},
        },
        "styled": {"type": "group:twice", "inputs": {"plate": "grade"}, "params": {"strength": {"expr": "t / 10"}}},
        "title": {
            "type": "TextInput",
            "params": {"text": "안녕 Artifex", "size": {"expr": "24 + 8 * sin(2 * pi * t)"}, "opacity": 0.75},
        },
        "moved": {"type": "Transform2D", "inputs": {"video": "title"}, "params": {"translate": [12, -4], "rotate": 3}},
        "comp": {
            "type": "Merge",
            "inputs": {"a": "moved", "b": "styled"},
            "params": {"operation": "over", "mix": {"expr": "clamp(t, 0, 1)"}},
        },
        "mix": {
            "type": "AudioMixer",
            "inputs": {"audio": "plate.audio", "audio.1": "plate.audio"},
            "params": {"gain": -3.0, "gain.1": {"keys": [[0, -60], [1, 0]]}},
        },
        "out": {"type": "FileOutput", "inputs": {"video": "comp", "audio": "mix"}, "params": {"path": "out.mp4"}},
    },
}  # fmt: skip

_EXPRESSIONS = (
    "", " ", "t +", "* t", "(t", "t)", "t t", "tt", "__import__('os')", "t.__class__", "().real", "t[0]", "lambda: 1",
    "1 if t else 2", "text", "sin()", "sin(1, 2)", "foo(t)", "t = 1", "1 / 0", "1 / t", "sqrt(-1)", "log(0)",
        "10 ** 400",
    "(" * 50 + "t" + ")" * 50, "-" * 60 + "t", "t" * 2000, "t + " * 300 + "t", "min(t)", "'t'", "t; t", "ｔ",
        "½", "0x10",
    "1_000", "1e9999", "\\t", "size", "if", "if(t)", "t ? 1 : 2",
)  # fmt: skip
_NAMES = (
    "",
    " ",
    "a.b",
    "a/b",
    "1st",
    "plаte",
    "plate ",
    "\u200bplate",
    "x" * 65,
    "플레이트",
    "a\nb",
    "..",
    "$",
    "__proto__.x",
)
_VERSIONS = ("0.9.0", "2.0.0", "1.0", "1", "1.0.0.0", "v1.0.0", "", "1.0.-1", "१.०.०", "99999999.0.0", "1.99.0")
_LINKS = (
    "nowhere",
    "plate.nothing",
    "out",
    "out.video",
    ".video",
    "plate.",
    "plate..video",
    "plate.video.x",
    "plate/video",
    "look",
    "warm",
)
_REQUIRED: tuple[Path, ...] = (
    ("schema",), ("settings",), ("nodes",), ("settings", "width"), ("settings", "height"), ("settings", "fps"),
    ("nodes", "plate"), ("nodes", "grade"), ("nodes", "styled"), ("nodes", "title"), ("nodes", "moved"),
        ("nodes", "comp"),
    ("nodes", "mix"), ("nodes", "out"), ("nodes", "plate", "type"), ("nodes", "plate", "params"),
    ("nodes", "plate", "params", "asset"), ("nodes", "title", "params", "text"), ("nodes", "grade", "inputs"),
    ("nodes", "styled", "inputs", "plate"), ("nodes", "comp", "inputs", "a"), ("nodes", "comp", "inputs", "b"),
    ("nodes", "mix", "inputs", "audio.1"), ("groups", "look"), ("groups", "twice"), ("groups",),
    ("groups", "look", "nodes"), ("groups", "look", "outputs"), ("groups", "look", "inputs"), ("groups",
        "look", "params"),
    ("groups", "look", "nodes", "warm"), ("groups", "look", "nodes", "punch"), ("groups", "twice", "outputs", "video"),
    ("groups", "twice", "inputs", "plate"), ("groups", "twice", "nodes", "first"),
)  # fmt: skip
_VALUES: tuple[tuple[Path, tuple[object, ...]], ...] = (
    (("schema",), ("artifex.graph/2", "artifex.graph", "", "ARTIFEX.GRAPH/1")),
    (("settings", "width"), (0, 1, 1281, -2, 8194, 1280.5, "1280", True, 10**18)),
    (("settings", "fps"), (0, -25, 241, "24000/0", "24/1/1", "fast", "1e3", 1e300, True, "0.5")),
    (("settings", "duration"), (0, -1, "1/0", 86_401, 1e-9, "5s", "0.001")),
    (("settings", "colorspace"), ("sRGB", "acescg", "", "nothing", "../../etc")),
    (("nodes", "plate", "type"), ("Mediainput", "", "group:", "group:nothing", "Node", "MediaInput ", "object",
        "VideoToImage")),
    (("nodes", "plate", "params", "asset"), ("assets/other", "assets/", "clip.mp4", "../plate", "", "assets/PLATE")),
    (("nodes", "plate", "position"), ([0], [0, 0, 0], [0, "1"], ["a", "b"], "0,0", [1e300, 0], [True, False])),
    (("nodes", "plate", "notes"), (5, [], {}, "x" * 10_001)),
    (("nodes", "plate", "bypass"), (True, 1, "true", [])),
    (("nodes", "out", "mute"), (True, "yes", 0)),
    (("nodes", "styled", "bypass"), ("no", 2)),
    (("nodes", "moved", "params", "translate"), ([1], [1, 2, 3], "left", [1, "2"], [1e9, 0], {"keys": [[0, [1,
        2, 3]]]})),
    (("nodes", "comp", "params", "operation"), ("Over", "", 1, {"keys": [[0, "over"], [1, "plus"]]}, {"expr": "1"})),
    (("nodes", "comp", "params", "mix"), (1.01, -0.01, "half", [0.5], {"key": 1}, {"keys": 1}, {"expr": "t",
        "keys": []})),
    (("nodes", "mix", "params", "gain"), (1e6, -1e6, "loud", {"keys": [[0, "a"]]})),
    (("nodes", "grade", "params", "exposure", "keys"),
     ([], {}, [[0]], [[0, 1, 2, 3]], [[0, 1], [0, 2]], [[1, 1], [0, 2]], [[0, 1, "bounce"]], [[0, 99]], [["1/0", 1]],
      [[0, 1, {"bezier": [2, 0, 0, 1]}]], [[0, 1, {"bezier": [0, 0, 0]}]], [[0, 1, {"bezier": "ease"}]], [[0, [1]]],
      [[0, 1, {"bezier": [0, 1e9, 0, 1]}]], [[0, 1, {"curve": []}]], [[None, 1]], [[0, {}]])),
    (("groups", "look", "inputs", "plate"), ("warm", "nobody.video", "warm.nothing", [], ["warm.video",
        "warm.video"], "punch.video")),
    (("groups", "look", "outputs", "video"), ("nobody", "warm.nothing", "", 5, ["warm"])),
    (("groups", "look", "params", "pivot"), ("punch", "punch.nothing", "nobody.pivot", [], "warm.exposure",
        ["x"] * 65)),
    (("groups", "twice", "params", "strength"), ("first.nothing", "first.pivots")),
    (("groups", "look", "nodes", "warm", "type"), ("group:look", "group:twice", "FileOutput", "group:nothing",
        "Nothing")),
    (("nodes", "styled", "params"), ({"nothing": 1}, {"strength": 99}, {"strength": {"expr": "exposure"}},
        {"pivot": 1})),
    (("nodes", "styled", "version"), ("1.0.0",)),
)  # fmt: skip


def broken_documents() -> Iterator[tuple[str, str]]:
    """What was done to the good document, and the text that came out; no two texts are the same."""
    seen: set[str] = {json.dumps(GOOD)}
    for name, text in _all():
        if text not in seen:
            seen.add(text)
            yield name, text


def _all() -> Iterator[tuple[str, str]]:
    for path in _REQUIRED:
        yield f"without {_said(path)}", _dumped(_without(path))
    for path, values in _VALUES:
        for value in values:
            yield f"{_said(path)} = {json.dumps(value)[:40]}", _dumped(_with(path, value))
    for path, value in _places(GOOD, ()):
        if path:
            yield f"{_said(path)} is null", _dumped(_with(path, None))
        if isinstance(value, dict):
            yield f"{_said(path)} is a list", _dumped(_with(path, [value]))
            yield f"{_said(path)} has a strange key", _dumped(_with((*path, "strаnge"), 1))
        elif isinstance(value, str):
            yield f"{_said(path)} is an object", _dumped(_with(path, {"is": value}))
    for source in _EXPRESSIONS:
        yield f"expression {source[:30]!r}", _dumped(_with(("nodes", "comp", "params", "mix"), {"expr": source}))
    for name in _NAMES:
        yield (
            f"a node called {name[:20]!r}",
            _dumped(_with(("nodes", name), {"type": "TextInput", "params": {"text": "x"}})),
        )
        yield f"a group called {name[:20]!r}", _dumped(_with(("groups", name), GOOD["groups"]["look"]))
    for version in _VERSIONS:
        yield f"version {version!r}", _dumped(_with(("nodes", "plate", "version"), version))
    for link in _LINKS:
        for node in ("grade", "comp"):
            name = "video" if node == "grade" else "a"
            yield f"{node} reads {link!r}", _dumped(_with(("nodes", node, "inputs", name), link))
    for node, name in (("grade", "video"), ("styled", "plate"), ("moved", "video"), ("comp", "a"), ("comp", "b")):
        yield f"{node} reads comp", _dumped(_with(("nodes", node, "inputs", name), "comp"))
        yield f"{node} reads sound", _dumped(_with(("nodes", node, "inputs", name), "mix"))
    for node in ("first", "second"):
        yield f"{node} contains itself", _dumped(_with(("groups", "twice", "nodes", node, "type"), "group:twice"))
    yield from _texts()


def _texts() -> Iterator[tuple[str, str]]:
    """What is wrong with the text itself, or too much of something."""
    text = json.dumps(GOOD, ensure_ascii=False)
    for cut in range(1, len(text), len(text) // 25):
        yield f"cut at {cut}", text[:cut]
    for junk in ("\ud800", "\x00", "}", ",", "//", "NaN"):
        yield f"with {junk!r} inside", text[:200] + junk + text[200:]
    yield "a number of a thousand digits", text.replace('"width": 1280', f'"width": {"9" * 1000}')
    yield "a number beyond floats", text.replace('"opacity": 0.75', '"opacity": 1e400')
    yield "not a number", text.replace('"opacity": 0.75', '"opacity": NaN')
    yield "infinity", text.replace('"opacity": 0.75', '"opacity": -Infinity')
    yield "half a character", text.replace("안녕", "\\ud83d")
    yield "a key twice", text.replace('"nodes": {"plate"', '"nodes": {"out": {}, "plate"')
    yield "nested lists", text.replace('"opacity": 0.75', f'"opacity": {"[" * 5000}{"]" * 5000}')
    yield "nested objects", text.replace('"opacity": 0.75', f'"opacity": {{"a":{"[" * 900}{"]" * 900}}}')
    for whole in ("", " ", "null", "true", "[]", "{}", '"graph"', "42", "\ufeff{}", "<svg/>", "{'a': 1}"):
        yield f"only {whole!r}", whole
    many = {
        f"n{index}": {"type": "Nothing", "inputs": {"a": f"m{index}"}, "params": {"q": {"expr": "zz"}}}
        for index in range(5000)
    }
    yield "nothing but mistakes", _dumped(_with(("nodes",), many))
    ring = {
        f"n{index}": {"type": "ColorCorrector", "inputs": {"video": f"n{(index + 1) % 4000}"}} for index in range(4000)
    }
    yield (
        "one great circle",
        _dumped(_with(("nodes",), {**ring, "out": {"type": "FileOutput", "inputs": {"video": "n0"}}})),
    )
    yield "too many nodes", _dumped(_with(("nodes",), {f"n{index}": {"type": "TextInput"} for index in range(20_001)}))
    bomb: dict[str, Any] = {
        "g0": {"nodes": {"t": {"type": "TextInput", "params": {"text": "x"}}}, "outputs": {"v": "t"}}
    }
    for index in range(1, 12):
        bomb[f"g{index}"] = {
            "nodes": {f"n{number}": {"type": f"group:g{index - 1}"} for number in range(40)}, "outputs": {"v": "n0"},
        }  # fmt: skip
    yield "groups of groups of groups", _dumped({**GOOD, "groups": bomb, "nodes": {
        "u": {"type": "group:g11"}, "out": {"type": "FileOutput", "inputs": {"video": "u"}}}})  # fmt: skip
    deep: dict[str, Any] = {"g0": bomb["g0"]}
    for index in range(1, 40):
        deep[f"g{index}"] = {"nodes": {"n": {"type": f"group:g{index - 1}"}}, "outputs": {"v": "n"}}
    yield "groups too deep", _dumped({**GOOD, "groups": deep, "nodes": {
        "u": {"type": "group:g39"}, "out": {"type": "FileOutput", "inputs": {"video": "u"}}}})  # fmt: skip
    outputs = {f"o{index}": {"type": "FileOutput", "inputs": {"video": "t"}} for index in range(5000)}
    yield "nothing but outputs", _dumped(_with(("nodes",), {"t": bomb["g0"]["nodes"]["t"], **outputs}))
    round_about = {
        f"u{index}": {"type": "group:look", "bypass": True, "inputs": {"plate": f"u{(index + 1) % 500}"}}
        for index in range(500)
    }
    yield "bypassed in a circle", _dumped(_with(("nodes",), {
        **round_about, "out": {"type": "FileOutput", "inputs": {"video": "u0"}}}))  # fmt: skip


def _places(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*path, index))


def _with(path: Path, value: object) -> Any:
    if not path:
        return value
    document = copy.deepcopy(GOOD)
    holder: Any = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return document


def _without(path: Path) -> Any:
    document = copy.deepcopy(GOOD)
    holder: Any = document
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    return document


def _said(path: Path) -> str:
    return ".".join(map(str, path)) or "document"


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
