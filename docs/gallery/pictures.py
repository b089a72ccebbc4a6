"""Pictures of the gallery's examples, by the engine itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import (
    AUDIO,
    MASK,
    VIDEO,
    Frame,
    Input,
    Node,
    NodeSchema,
    Output,
    PortType,
    RenderContext,
    Request,
    Window,
)
from docs.gallery.files import Files
from docs.gallery.generated import write_middle
from libs.frames.stills import write_png
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import Compiled, compile, validate
from services.graph.domain.documents.document import parse_document
from services.graph.domain.documents.model import SAMPLE_RATE, Document
from services.graph.domain.evaluate.colour import working_colour
from services.graph.domain.evaluate.mixdown import SoundPuller
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.domain.evaluate.shelf import SourceShelf
from services.graph.domain.evaluate.sources import SourceFile
from services.graph.nodes import BUILTIN
from services.graph.nodes.output.viewer import Viewer

BEFORE, SHOWN = "before", "shown"
_EYE = "eye"
_WAVE_HEIGHT = 240
_SQUARE = 16


class MaskPicture(Node):
    """Shows a mask as grey."""

    category = "Gallery"

    mask = Input(MASK, "The mask.")
    video = Output(VIDEO, "Grey, where it is.")

    def pointwise(self, request: Request) -> bool:
        return True

    def render(self, context: RenderContext) -> Frame:
        window = context.request.region.intersect(context.request.format)
        pixels = np.ones((window.height, window.width, 4), np.float32)
        pixels[..., :3] = context.read(self.mask).filled(window)
        return Frame(pixels, window.x, window.y, opaque=True)


CATALOGUE = Catalogue([*BUILTIN, MaskPicture])
_TYPES: dict[str, NodeSchema] = {node.schema.type: node.schema for node in BUILTIN}


class Studio:
    """Renders examples; keeps the footage open between them."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where the files that the examples name lie, but for the footage."""
        self._folder = folder
        self._files = Files(folder)
        self._open = ExitStack()
        self._shelf = SourceShelf(8)
        self._copied: set[tuple[Path, str]] = set()

    def __enter__(self) -> Self:
        self._open.enter_context(self._files)
        self._open.callback(self._shelf.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def pictures(self, name: str, document: dict[str, Any], target: Path) -> list[tuple[str, str]]:
        """Writes what the nodes "before" and "shown" of an example give in the middle of it: captions and files."""
        types = {CATALOGUE.get(node["type"]) for node in document["nodes"].values()}
        if any(found is not None and found.materialise is not Node.materialise for found in types):
            write_middle(json.dumps(document), target / f"{name}.{SHOWN}.png")
            return [("", f"{name}.{SHOWN}.png")]
        written = []
        for node, caption in ((BEFORE, "before"), (SHOWN, "after")):
            if node not in document["nodes"]:
                continue
            file = f"{name}.{node}.png"
            write_png(target / file, self._picture(document, node))
            written.append((caption if BEFORE in document["nodes"] else "", file))
        return written

    def copy_files(self, file: str, document: dict[str, Any], target: Path) -> None:
        """Puts an example and the files that it names into `target`."""
        shutil.copyfile(self._folder / file, target / file)
        for node in document["nodes"].values():
            asset = node.get("params", {}).get("asset")
            if asset is not None and (target, asset) not in self._copied:
                self._files.copy(asset, target)
                self._copied.add((target, asset))

    def _picture(self, document: dict[str, Any], node: str) -> NDArray[np.float32]:
        """Display-encoded [height, width, 3] of what a node puts out."""
        nodes = dict(document["nodes"])
        schema = _TYPES[nodes[node]["type"]]
        if nodes[node]["type"] == "Viewer":
            nodes[_EYE] = nodes.pop(node)
            kinds = {VIDEO: "video"}
        elif not schema.outputs:
            # A sink shows what it is given.
            link = nodes[node]["inputs"].get("video") or nodes[node]["inputs"]["audio"]
            return self._picture(document, link.partition(".")[0])
        else:
            kinds = {output.kind: output.name for output in reversed(list(schema.outputs.values()))}
            nodes |= _watched(node, kinds)
        compiled, sources = self._compiled({**document, "nodes": nodes})
        colour = working_colour(compiled.settings.colorspace)
        with self._shelf.open(sources, colour, 2) as opened:
            if not kinds.keys() & {VIDEO, MASK}:
                return _wave(SoundPuller(compiled, {**opened}).block(0, 4 * SAMPLE_RATE).samples)
            frame = FramePuller(compiled, opened, colour).frame(compiled.frame_count // 2)
        window = Window(0, 0, compiled.settings.width, compiled.settings.height)
        viewer = compiled.sink
        assert isinstance(viewer, Viewer)
        return viewer.show(_over_squares(frame, window), window, colour)

    def problems(self, document: dict[str, Any]) -> list[str]:
        """What keeps an example from being rendered."""
        parsed, infos, _ = self._read(document)
        assets = {str(parsed.nodes[node].params["asset"]): info for node, info in infos.items()}
        return [problem.message for problem in validate(parsed, CATALOGUE, assets)]

    def _compiled(self, document: dict[str, Any]) -> tuple[Compiled, dict[str, SourceFile]]:
        parsed, infos, sources = self._read(document)
        compiled = compile(parsed, CATALOGUE, _EYE, infos)
        return compiled, {node: source for node, source in sources.items() if node in compiled.assets}

    def _read(self, document: dict[str, Any]) -> tuple[Document, dict[str, media.MediaInfo], dict[str, SourceFile]]:
        """The document with its files as assets, and these files, by node."""
        nodes = {}
        infos: dict[str, media.MediaInfo] = {}
        sources: dict[str, SourceFile] = {}
        for name, node in document["nodes"].items():
            asset = node.get("params", {}).get("asset")
            if asset is None:
                nodes[name] = node
                continue
            path, infos[name] = self._files.described(asset)
            sources[name] = SourceFile(path, infos[name], asset)
            nodes[name] = {**node, "params": {**node["params"], "asset": "assets/" + _slug(asset)}}
        return parse_document(json.dumps({**document, "nodes": nodes})), infos, sources


def _watched(node: str, kinds: Mapping[PortType, str]) -> dict[str, Any]:
    """The nodes that show the first picture, or else the first mask or sound, that a node puts out."""
    if VIDEO in kinds:
        return {_EYE: {"type": "Viewer", "inputs": {"video": f"{node}.{kinds[VIDEO]}"}}}
    if MASK in kinds:
        grey = {"type": "MaskPicture", "inputs": {"mask": f"{node}.{kinds[MASK]}"}}
        return {"grey": grey, _EYE: {"type": "Viewer", "inputs": {"video": "grey"}}}
    nothing = {"type": "TextInput", "params": {"text": ""}}
    eye = {"type": "Viewer", "inputs": {"video": "nothing", "audio": f"{node}.{kinds[AUDIO]}"}}
    return {"nothing": nothing, _EYE: eye}


def _over_squares(frame: Frame, window: Window) -> Frame:
    """The picture over the squares that stand for what is transparent."""
    pixels = frame.filled(window).copy()
    rows, columns = np.indices(pixels.shape[:2]) // _SQUARE
    light = np.where((rows + columns) % 2, np.float32(0.12), np.float32(0.07))
    pixels[..., :3] += light[..., None] * (1.0 - pixels[..., 3:])
    pixels[..., 3] = 1.0
    return Frame(pixels, window.x, window.y)


def _slug(asset: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in asset.lower())


def _wave(samples: NDArray[np.float32], columns: int = 1280) -> NDArray[np.float32]:
    """Sound as people draw it: for each column the range of its samples, channel above channel."""
    rows = []
    for channel in samples:
        parts = np.array_split(channel, columns)
        low = np.array([part.min() for part in parts])
        high = np.array([part.max() for part in parts])
        at = np.linspace(1.0, -1.0, _WAVE_HEIGHT)[:, None]
        inside = (at >= low - 1.0 / _WAVE_HEIGHT) & (at <= high + 1.0 / _WAVE_HEIGHT)
        rows.append(np.where(inside[..., None], np.array([0.35, 0.8, 0.55]), np.array([0.09, 0.09, 0.1])))
    return np.concatenate(rows).astype(np.float32)
