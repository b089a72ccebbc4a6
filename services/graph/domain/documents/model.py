"""The model of documents of schema `artifex.graph/1`.

What there is thousands of in one document is a named tuple: made in a fraction of the time of a frozen dataclass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, NamedTuple

from artifex.nodes import Bezier, Ease, round_half_up

SCHEMA: Final = "artifex.graph/1"
DEFAULT_COLORSPACE: Final = "ACEScg"
SAMPLE_RATE: Final = 48_000
"""Of every document's sound, in samples a second."""
CHANNELS: Final = 2
"""Of every document's sound: left and right."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for the whole document."""

    width: int
    height: int
    fps: Fraction
    duration: Fraction | None
    """Seconds; None when it follows from the media."""
    colorspace: str

    def frame_count(self, duration: Fraction) -> int:
        """Frames in `duration` seconds: the nearest whole number, a half counting as one more."""
        return round_half_up(duration * self.fps)


class Keyframe(NamedTuple):
    """One key of an animated parameter; `value` is as it stands in the JSON."""

    time: Fraction
    value: object
    ease: Ease | Bezier


@dataclass(frozen=True, slots=True)
class Animation:
    """A parameter given as `{"keys": [[t, v, ease?]…]}`; keys are in order of time.

    An ease is a word, or `{"bezier": [x1, y1, x2, y2]}`.
    """

    keys: tuple[Keyframe, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """A parameter given as `{"expr": "…"}`, or as `{"expr": ["…", "…"]}`: one for each of its numbers."""

    source: str
    others: tuple[str, ...] = ()
    """Of the second number and those after it; without them, the first is for all."""

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source, *self.others)


ParameterValue = object | Animation | Expression
"""A JSON value that stands for itself, or one of the other two."""


class Link(NamedTuple):
    """Where an input comes from: a node and one of its outputs; an empty output is the node's first."""

    node: str
    output: str = ""

    def __str__(self) -> str:
        return f"{self.node}.{self.output}" if self.output else self.node


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a node that a group put into the document is written."""

    path: str
    """"groups.look.nodes.grade"."""
    given: Mapping[str, str]
    """What the use of the group sets, and where: "params.exposure" is "nodes.first.params.strength"."""


class NodeSpec(NamedTuple):
    """One node as it stands in the document."""

    id: str
    type: str
    inputs: Mapping[str, Link]
    params: Mapping[str, ParameterValue]
    version: str = ""
    """The version of the type that it was written for; empty for the current one."""
    bypass: bool = False
    """Its first input of each output's kind passes through unchanged."""
    mute: bool = False
    """Its outputs are transparent black, or silence."""
    notes: str = ""
    """For people; means nothing."""
    position: tuple[float, float] | None = None
    """Where editors draw it; means nothing."""
    origin: Origin | None = None
    """None for a node of the document itself."""

    def place(self, path: str) -> str:
        """Where in the document `path` of this node ("params.exposure.keys.0") is written."""
        if self.origin is None:
            return f"nodes.{self.id}.{path}"
        for own, given in self.origin.given.items():
            if path == own or path.startswith(f"{own}."):
                return given + path[len(own) :]
        return f"{self.origin.path}.{path}"


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes under one name, to be used as one node of type `group:name` any number of times."""

    nodes: Mapping[str, NodeSpec]
    inputs: Mapping[str, tuple[Link, ...]]
    """What each exposed input feeds: inner nodes and their inputs."""
    outputs: Mapping[str, Link]
    """Which inner node's output each exposed output is."""
    params: Mapping[str, tuple[Link, ...]]
    """What each exposed parameter sets: inner nodes and their parameters."""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document. Nodes are in the order of the file."""

    settings: Settings
    nodes: Mapping[str, NodeSpec]
    groups: Mapping[str, Group] = field(default_factory=dict)
