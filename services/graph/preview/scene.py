"""The document of a session as the child holds it: edited, compiled, and with its media open."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from artifex.graph.v1 import preview_pb2
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import Compiled, check, compile_checked, validate_checked
from services.graph.domain.documents.document import parse_document
from services.graph.domain.documents.loading import node_of
from services.graph.domain.documents.model import NodeSpec
from services.graph.domain.documents.problems import GraphInvalid, Problem, Reason
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.sources import FileSource, SourceFile
from services.graph.nodes.output.viewer import Viewer
from services.graph.preview.edits import EditRefused, Json, apply_edit, load_document

_EYE: Final = "preview"
"""What the Viewer is called that looks at a node in the middle of the graph; with a number where there is one."""


@dataclass(frozen=True)
class Ready:
    """A revision that can be rendered."""

    revision: int
    compiled: Compiled
    viewer: Viewer
    """How the picture is shown."""
    colour: WorkingColour
    sources: Mapping[str, FileSource]

    def frame(self, wanted: int) -> int:
        """The frame itself, or the last one where the movie ends before it."""
        return min(wanted, self.compiled.frame_count - 1)


class AssetsNeeded(Exception):
    """Nobody has told yet what these assets are."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


class Scene:
    """Keeps the document by the same edits as the session does, and the media open from one revision to the next."""

    def __init__(self, catalogue: Catalogue, threads: int, decoded_bytes: int) -> None:
        """`decoded_bytes`: of all media together, for decoded pictures that a playback has left behind."""
        self._catalogue = catalogue
        self._threads = threads
        self._decoded_bytes = decoded_bytes
        self._document: Json = {}
        self._node = ""
        self._assets: dict[str, SourceFile | None] = {}
        self._open: dict[tuple[str, str], FileSource] = {}
        self._colour: WorkingColour | None = None
        self.revision = 0
        self.changed = False
        """Whether `prepare` has something to do."""

    def begin(self, text: str, revision: int, node: str) -> None:
        """The document, of which it is known that it is a JSON object, and what of it is looked at."""
        self._document, self.revision, self._node = load_document(text), revision, node
        self.changed = True

    def edit(self, edit: preview_pb2.PreviewEdit) -> list[Problem]:
        """Changes the document; what is wrong with the change itself, which then is not made."""
        self.revision += 1
        try:
            self._document = apply_edit(self._document, edit)
        except EditRefused as refusal:
            node = node_of(tuple(refusal.path.split(".")))
            return [Problem(node, refusal.path, Reason.INVALID_VALUE, refusal.message)]
        self.changed = True
        return []

    def look_at(self, node: str) -> None:
        """From now on `node`, or one of its outputs, is what is shown."""
        if node != self._node:
            self._node = node
            self.changed = True

    def learn(self, assets: Mapping[str, SourceFile | None]) -> None:
        """What assets are, by name; None for those that the caller does not have."""
        self._assets.update(assets)

    def prepare(self) -> Ready:
        """The document made ready. Raises GraphInvalid, and AssetsNeeded when some must be learnt of first."""
        document = parse_document(json.dumps(self._looked_at(), ensure_ascii=False))
        checked = check(document, self._catalogue)
        unknown = sorted({name for name in checked.assets.values() if name not in self._assets})
        if unknown:
            raise AssetsNeeded(unknown)
        self.changed = False
        files = {name: file for name in checked.assets.values() if (file := self._assets[name]) is not None}
        if problems := validate_checked(checked, {name: file.info for name, file in files.items()}):
            raise GraphInvalid(problems)
        infos = {node: files[name].info for node, name in checked.assets.items()}
        output = self._node if self._node in checked.outputs else self._output(checked.outputs, document.nodes)
        compiled = compile_checked(checked, output, infos)
        if compiled.generations:
            raise GraphInvalid([_not_generated(node) for node in compiled.generations])
        if compiled.picture is None:
            message = f'"{compiled.output_node}" has no picture to show'
            raise GraphInvalid([Problem("", "look.node", Reason.MISSING_INPUT, message)])
        colour = self._colour_of(document.settings.colorspace)
        sources = self._sources({node: files[name] for node, name in compiled.assets.items()}, colour)
        sink = compiled.sink
        viewer = sink if isinstance(sink, Viewer) else Viewer(_VIEWER_DEFAULTS)
        return Ready(self.revision, compiled, viewer, colour, sources)

    def close(self) -> None:
        """Closes all media."""
        for source in self._open.values():
            source.close()
        self._open.clear()

    def _looked_at(self) -> Json:
        """The document, with a Viewer of our own where a node in the middle of the graph is looked at."""
        nodes = self._document.get("nodes")
        node, _, _ = self._node.partition(".")
        if not node or not isinstance(nodes, dict):
            return self._document
        if node not in nodes:
            message = f'there is no node "{node[:80]}" to look at'
            raise GraphInvalid([Problem("", "look.node", Reason.UNKNOWN_SOURCE, message)])
        kind = nodes[node].get("type") if isinstance(nodes[node], dict) else None
        if isinstance(kind, str) and kind in self._catalogue and not self._catalogue[kind].schema.outputs:
            return self._document
        eye = {"type": Viewer.schema.type, "inputs": {"video": self._node}}
        return {**self._document, "nodes": {**nodes, self._eye(nodes): eye}}

    def _output(self, outputs: Sequence[str], nodes: Mapping[str, NodeSpec]) -> str:
        """Our own Viewer, or the document's first; else empty, so that the compiler takes the only output."""
        viewers = [node for node in outputs if nodes[node].type == Viewer.schema.type]
        if not viewers:
            return ""
        return viewers[-1] if self._node else viewers[0]

    def _eye(self, nodes: Mapping[str, object]) -> str:
        names = (f"{_EYE}{number or ''}" for number in range(len(nodes) + 1))
        return next(name for name in names if name not in nodes)

    def _colour_of(self, space: str) -> WorkingColour:
        if self._colour is None or self._colour.working_space != space:
            # Sources convert into the working space: those of another one are of no use.
            self.close()
            self._colour = WorkingColour(space)
        return self._colour

    def _sources(self, files: Mapping[str, SourceFile], colour: WorkingColour) -> dict[str, FileSource]:
        """A reader for each node, kept while the node reads the same file: two that share one would seek to and fro."""
        wanted = {(node, str(file.path)): file for node, file in files.items()}
        for key in self._open.keys() - wanted.keys():
            self._open.pop(key).close()
        movies = sum(bool(file.info.video_streams) for file in wanted.values())
        behind = self._decoded_bytes // max(1, movies)
        for key, file in wanted.items():
            if key not in self._open:
                self._open[key] = FileSource(file, colour, self._threads, behind=behind)
        return {node: self._open[node, path] for node, path in wanted}


_VIEWER_DEFAULTS: Final = {name: parameter.default for name, parameter in Viewer.schema.parameters.items()}


def _not_generated(node: str) -> Problem:
    message = f'the shot of "{node}" is generated when the document is rendered; mute it to look at the rest'
    return Problem(node, f"nodes.{node}", Reason.NOT_GENERATED, message)
