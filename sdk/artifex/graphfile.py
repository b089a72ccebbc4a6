"""Graph documents as files on disk, where assets are names of local files: they are uploaded, once by content."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artifex.assets import Progress
from artifex.client import Client
from artifex.errors import FileProblem

ASSET_PREFIX = "assets/"


@dataclass(frozen=True)
class LocalAsset:
    """A parameter that names a local file."""

    node: str
    path: Path

    @property
    def place(self) -> str:
        return f"nodes.{self.node}.params.asset"


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
        nodes = self.document.get("nodes")
        if not isinstance(nodes, dict):
            return {}
        return {name: node for name, node in nodes.items() if isinstance(node, dict)}

    def local_assets(self) -> list[LocalAsset]:
        """The local files that nodes name, relative names taken from the document's folder. Raises FileProblem that
        names every one that is missing."""
        found, missing = [], []
        for name, node in self._nodes().items():
            parameters = node.get("params")
            value = parameters.get("asset") if isinstance(parameters, dict) else None
            if not isinstance(value, str) or not value or value.startswith(ASSET_PREFIX):
                continue
            asset = LocalAsset(name, self.path.parent / Path(value).expanduser())
            found.append(asset)
            if not asset.path.is_file():
                missing.append(f"{asset.place}: {asset.path} does not exist or is no file")
        if missing:
            raise FileProblem("; ".join(missing))
        return found

    def output_name(self) -> str:
        """The file name that the document's first FileOutput gives its movie; empty when it gives none."""
        for node in self._nodes().values():
            if node.get("type") == "FileOutput":
                parameters = node.get("params")
                value = parameters.get("path") if isinstance(parameters, dict) else None
                return value if isinstance(value, str) else ""
        return ""

    def text(self, assets: Mapping[str, str]) -> str:
        """The document as JSON, with the given nodes' local files replaced by asset names."""
        document = json.loads(json.dumps(self.document))
        for node, asset in assets.items():
            document["nodes"][node]["params"]["asset"] = asset
        return json.dumps(document, ensure_ascii=False)

    async def upload(self, studio: Client, on_progress: Progress | None = None) -> str:
        """Upload every local file and return the document's text with the assets' names. Files that the studio already
        holds do not travel, and one that several nodes name is sent once."""
        local = self.local_assets()
        names: dict[Path, str] = {}
        for asset in local:
            if asset.path not in names:
                names[asset.path] = (await studio.assets.upload(asset.path, on_progress=on_progress)).name
        return self.text({asset.node: names[asset.path] for asset in local})
