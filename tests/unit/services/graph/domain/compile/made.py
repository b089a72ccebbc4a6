"""Node types and shorthands that tests of the compiler share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import PyOpenColorIO as ocio

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import (
    VIDEO,
    Colour,
    Float,
    Frame,
    Input,
    MediaSource,
    Motion,
    Node,
    Output,
    RenderContext,
    Request,
    Window,
)
from services.graph.domain.compile.catalogue import Catalogue, catalogue
from services.graph.domain.compile.compiler import Compiled, compile, validate
from services.graph.domain.documents.document import parse_document
from services.graph.domain.documents.model import Document
from services.graph.domain.documents.problems import Problem
from tests.unit.services.graph.support import output, text_of

TEXT: dict[str, Any] = {"type": "TextInput", "params": {"text": "x"}}
CLIP: dict[str, Any] = {"type": "MediaInput", "params": {"asset": "assets/a"}}


class Gain(Node):
    """Multiplies colour, by OCIO."""

    category = "Test"
    video = Input(VIDEO, "In.")
    gained = Output(VIDEO, "Out.", name="video")
    factor = Float(1.0, doc="The factor.")

    def identity(self, request: Request) -> str | None:
        return "video" if self.factor == 1.0 else None

    def grade(self, colour: Colour, source: MediaSource | None) -> Sequence[ocio.Transform]:
        return [ocio.MatrixTransform.Scale([self.factor, self.factor, self.factor, 1.0])]


class HalfGain(Node):
    """Multiplies colour, by OCIO where the whole of it is wanted."""

    category = "Test"
    video = Input(VIDEO, "In.")
    gained = Output(VIDEO, "Out.", name="video")
    mix = Float(1.0, doc="How much.")

    def grade(self, colour: Colour, source: MediaSource | None) -> Sequence[ocio.Transform] | None:
        return [ocio.MatrixTransform.Scale([2.0, 2.0, 2.0, 1.0])] if self.mix == 1.0 else None

    def render(self, context: RenderContext) -> Frame:
        frame = context.take(self.video)
        frame.pixels[..., :3] *= np.float32(1.0 + self.mix)
        return frame


class Shift(Node):
    """Moves a picture to the right."""

    category = "Test"
    video = Input(VIDEO, "In.")
    moved = Output(VIDEO, "Out.", name="video")
    by = Float(1.0, doc="Pixels.")

    def motion(self, window: Window, request: Request) -> Motion:
        matrix = np.eye(3)
        matrix[0, 2] = self.by
        return Motion(matrix, "cubic")


class Grow(Node):
    """Makes a picture larger around its middle."""

    category = "Test"
    video = Input(VIDEO, "In.")
    grown = Output(VIDEO, "Out.", name="video")
    by = Float(2.0, doc="Times.")

    def motion(self, window: Window, request: Request) -> Motion:
        x, y = window.x + window.width / 2, window.y + window.height / 2
        matrix = np.array([[self.by, 0.0, x - self.by * x], [0.0, self.by, y - self.by * y], [0.0, 0.0, 1.0]])
        return Motion(matrix, "lanczos4")


TYPES = Catalogue([*catalogue().values(), Gain, HalfGain, Shift, Grow])


def one(node_type: str, source: str, **params: Any) -> dict[str, Any]:
    """A node with one picture input."""
    return {"type": node_type, "inputs": {"video": source}, "params": params}


def merge(a: str, b: str, **params: Any) -> dict[str, Any]:
    return {"type": "Merge", "inputs": {"a": a, "b": b}, "params": params}


def build(
    nodes: Mapping[str, Any],
    last: str,
    *,
    optimise: bool = True,
    groups: Mapping[str, Any] | None = None,
    sources: Mapping[str, media.MediaInfo] | None = None,
    **settings: Any,
) -> Compiled:
    """Compiles nodes whose `last` is written to a file."""
    parsed = grouped({**nodes, "out": output(last)}, groups or {}, **settings)
    return compile(parsed, TYPES, "", sources or {}, optimise=optimise)


def grouped(nodes: Mapping[str, Any], groups: Mapping[str, Any], **settings: Any) -> Document:
    """A document with groups."""
    return parse_document(json.dumps({**json.loads(text_of(nodes, **settings)), "groups": groups}))


def problems(nodes: Mapping[str, Any], groups: Mapping[str, Any], types: Catalogue = TYPES) -> list[Problem]:
    """What is wrong with a document that needs no media."""
    return validate(grouped(nodes, groups), types, {})


def animated(start: float, end: float) -> dict[str, Any]:
    return {"keys": [[0, start], [1, end]]}
