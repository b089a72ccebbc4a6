"""The built-in nodes, one file each, written with the public authoring API."""

from typing import Final

from artifex.nodes import Node

from services.graph.nodes.generator.t2v_generator import T2VGenerator
from services.graph.nodes.input.media_input import MediaInput
from services.graph.nodes.output.file_output import FileOutput

BUILTIN: Final[tuple[type[Node], ...]] = (
    FileOutput,
    MediaInput,
    T2VGenerator,
)
