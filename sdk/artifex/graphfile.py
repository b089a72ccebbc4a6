"""Graph documents as files on disk, where assets are names of local files and of image sequences: they are uploaded,
once by content."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artifex.assets import Progress
from artifex.client import Client
from artifex.errors import FileProblem
from artifex.stills import find_stills

ASSET_PREFIX = "assets/"
GROUP_PREFIX = "group:"
_MOST_GROUPS = 200
"""Groups of one document whose exposed files are looked for; the recursion ends there."""


@dataclass(frozen=True)
class LocalAsset:
    """A parameter that names a local file."""

    keys: tuple[str, ...]
    """Where it stands in the document: ("nodes", "plate", "params", "asset")."""
    path: Path

    @property
    def node(self) -> str:
        return self.keys[-3]

    @property
    def place(self) -> str:
        return ".".join(self.keys)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's keys and values; of two equal keys JSON's readers keep one, and nobody would know which."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} is there twice in one object; remove one")
    return found


class GraphFile:
    """A document read from a file. Only what is needed to find its local files is looked at here: whether the document
    makes sense is the service's to say."""

    def __init__(self, path: Path) -> None:
        """Raises FileProblem for a file that is missing or holds no JSON object."""
        self.path = path
        try:
            # Editors on Windows begin UTF-8 with a mark.
            text = path.read_text(encoding="utf-8-sig")
            loaded = json.loads(text, object_pairs_hook=_no_key_twice)
            json.dumps(loaded, ensure_ascii=False).encode()
        except OSError as error:
            raise FileProblem(f"{path}: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise FileProblem(f"{path}: not text in UTF-8") from None
        except UnicodeEncodeError:
            raise FileProblem(f"{path}: holds text that is not valid Unicode") from None
        except RecursionError:
            raise FileProblem(f"{path}: nested too deeply") from None
        except json.JSONDecodeError as error:
            raise FileProblem(f"{path}, line {error.lineno}, column {error.colno}: {error.msg}") from None
        except ValueError as error:
            # A key that is there twice, or a number of thousands of digits.
            raise FileProblem(f"{path}: {error}") from None
        if not isinstance(loaded, dict):
            raise FileProblem(f"{path}: a graph document is a JSON object")
        self.document: dict[str, Any] = loaded

    def set_parameter(self, assignment: str) -> None:
        """Apply "node.param=value"; the value is JSON where it can be read as such, else text."""
        place, equals, text = assignment.partition("=")
        node, dot, parameter = place.partition(".")
        if not (equals and dot and node and parameter):
            raise FileProblem(f"--set {assignment!r}: write it as node.param=value")
        nodes = self._nodes()
        if node not in nodes:
            known = ", ".join(sorted(nodes)) or "none"
            raise FileProblem(f"--set {assignment!r}: there is no node {node!r}; the nodes are {known}")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = text
        parameters = nodes[node].setdefault("params", {})
        if not isinstance(parameters, dict):
            raise FileProblem(f"{self.path}: nodes.{node}.params is not an object")
        parameters[parameter] = value

    def _nodes(self) -> dict[str, dict[str, Any]]:
        return _objects(self.document.get("nodes"))

    def local_assets(self) -> list[LocalAsset]:
        """The local files, and sequences of stills, that nodes name, also those in groups and given to them; relative
        names are taken from the document's folder. Raises FileProblem that names every one that is missing."""
        found, missing = [], []
        for keys, value in self._named():
            if not isinstance(value, str) or not value or value.startswith(ASSET_PREFIX):
                continue
            asset = LocalAsset(keys, self.path.parent / _expanded(value))
            found.append(asset)
            try:
                if find_stills(asset.path) is None and not asset.path.is_file():
                    missing.append(f"{asset.place}: {asset.path} does not exist or is no file")
            except FileProblem as problem:
                missing.append(f"{asset.place}: {problem}")
        if missing:
            raise FileProblem("; ".join(missing))
        return found

    def _named(self) -> Iterator[tuple[tuple[str, ...], object]]:
        """Every parameter that names an asset: where it stands, and its value."""
        groups = _objects(self.document.get("groups"))
        known: dict[str, frozenset[str]] = {}
        scopes: list[tuple[tuple[str, ...], dict[str, dict[str, Any]]]] = [(("nodes",), self._nodes())]
        scopes += [(("groups", name, "nodes"), _objects(group.get("nodes"))) for name, group in groups.items()]
        for path, nodes in scopes:
            for name, node in nodes.items():
                parameters = node.get("params")
                if isinstance(parameters, dict):
                    for parameter in _asset_parameters(node.get("type"), groups, known) & parameters.keys():
                        yield (*path, name, "params", parameter), parameters[parameter]

    def output_name(self) -> str:
        """The file name that the document's first FileOutput gives its movie; empty when it gives none."""
        for node in self._nodes().values():
            if node.get("type") == "FileOutput":
                parameters = node.get("params")
                value = parameters.get("path") if isinstance(parameters, dict) else None
                return value if isinstance(value, str) else ""
        return ""

    def text(self, assets: Mapping[LocalAsset, str]) -> str:
        """The document as JSON, with the given local files replaced by asset names."""
        document = json.loads(json.dumps(self.document))
        for local, asset in assets.items():
            holder = document
            for key in local.keys[:-1]:
                holder = holder[key]
            holder[local.keys[-1]] = asset
        return json.dumps(document, ensure_ascii=False)

    async def upload(self, studio: Client, on_progress: Progress | None = None) -> str:
        """Upload every local file and return the document's text with the assets' names. Files that the studio already
        holds do not travel, and one that several nodes name is sent once."""
        local = self.local_assets()
        names: dict[Path, str] = {}
        for asset in local:
            if asset.path not in names:
                names[asset.path] = (await studio.assets.upload(asset.path, on_progress=on_progress)).name
        return self.text({asset: names[asset.path] for asset in local})


def _expanded(name: str) -> Path:
    """A file's name with its "~" as a home; as it is where there is no such."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def _objects(value: object) -> dict[str, dict[str, Any]]:
    """The entries of a JSON object that are objects themselves; whether it is one at all, the service will say."""
    if not isinstance(value, dict):
        return {}
    return {name: item for name, item in value.items() if isinstance(item, dict)}


def _asset_parameters(
    node_type: object, groups: Mapping[str, dict[str, Any]], known: dict[str, frozenset[str]]
) -> frozenset[str]:
    """The parameters of a type that name an asset: "asset", and of a group whatever it exposes of such.

    `known` keeps those of groups. Recurses as deep as groups are nested.
    """
    if not isinstance(node_type, str) or not node_type.startswith(GROUP_PREFIX):
        return frozenset({"asset"})
    name = node_type.removeprefix(GROUP_PREFIX)
    exposed = groups.get(name, {}).get("params")
    if name in known or len(known) > _MOST_GROUPS or not isinstance(exposed, dict):
        return known.get(name, frozenset())
    # A group that contains itself exposes nothing this way; that it does, the service will say.
    known[name] = frozenset()
    nodes = _objects(groups[name].get("nodes"))
    found = set()
    for public, targets in exposed.items():
        for target in targets if isinstance(targets, list) else [targets]:
            node, _, parameter = target.partition(".") if isinstance(target, str) else ("", "", "")
            if node in nodes and parameter in _asset_parameters(nodes[node].get("type"), groups, known):
                found.add(public)
    known[name] = frozenset(found)
    return known[name]
