"""What a document becomes: steps in topological order, and what was done to get there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from artifex.generator.v1 import messages_pb2 as generator
from artifex.nodes import MAX_MOMENTS, MediaSource, Node, Output, PortType, Request
from services.graph.domain.compile.runs import RunSources
from services.graph.domain.compile.signals import Signal
from services.graph.domain.documents.model import Settings


class Edge(NamedTuple):
    """Where an input of a step comes from."""

    step: int
    output: Output


@dataclass(frozen=True, slots=True)
class Analysed:
    """What an analysis found."""

    value: Any
    """As JSON has it."""
    digest: str
    """Of the value: tells results apart that were made with it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One node of the plan. Its inputs are steps of lower index."""

    index: int
    node: str
    """Node id; of merged nodes, the first."""
    type: type[Node]
    signals: Mapping[str, Signal]
    inputs: Mapping[str, Edge]
    """By name of the connection."""
    static: bool
    """Whether nothing in it or before it changes with time."""
    digest: bytes
    """Of type, parameters and everything before it."""
    analysed: Analysed | None = None
    """What the node's analysis of the whole clip found, once that is known; see `analyses`."""

    def at(self, time: Fraction) -> Node:
        """The node with its parameters' values at `time`."""
        node = self.type({name: signal.at(time) for name, signal in self.signals.items()})
        if self.analysed is not None:
            node.analysed = self.analysed.value
        return node

    def asked(self, request: Request) -> Node:
        """The node at the request's time, with what it wants to know of itself at other times."""
        node = self.at(request.time)
        if self.has_moments:
            moments = node.moments(request)
            if len(moments) > MAX_MOMENTS:
                raise ValueError(f"it asks for {len(moments)} moments; it may ask for {MAX_MOMENTS}")
            node.then = tuple([self.at(moment) for moment in moments])
        return node

    @property
    def has_moments(self) -> bool:
        """Whether the node may ask for its parameters at other times."""
        return self.type.moments is not Node.moments

    def source(self, sources: Mapping[str, MediaSource]) -> MediaSource | None:
        """What the node is given as its source, of all that are open, by node."""
        return sources.get(self.node)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that the step does, first to last."""
        return (self.node,)


@dataclass(frozen=True, slots=True)
class RunStep(Step):
    """Several nodes in a row that are done as one; `type` is a `Run`.

    `signals` are all of the members', as "node.parameter"; errors and explanations name the members.
    """

    members: tuple[Step, ...] = ()
    """First to last. Their indices and inputs are those that they had on their own: of no use any more."""

    def at(self, time: Fraction) -> Node:
        """The run with each member's parameters' values at `time`."""
        return self.type({member.node: member.at(time) for member in self.members})

    def asked(self, request: Request) -> Node:
        """The run with each member as it is when asked alone."""
        return self.type(
            {member.node: member.asked(request._replace(source=self._own(member, request))) for member in self.members}
        )

    @property
    def has_moments(self) -> bool:
        return any(member.has_moments for member in self.members)

    def source(self, sources: Mapping[str, MediaSource]) -> MediaSource | None:
        """Those of all members, told apart by the run."""
        found = {member.node: source for member in self.members if (source := member.source(sources)) is not None}
        return RunSources(found) if found else None

    def _own(self, member: Step, request: Request) -> MediaSource | None:
        return request.source.of(member.node) if isinstance(request.source, RunSources) else None

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(member.node for member in self.members)


@dataclass(frozen=True, slots=True)
class Converter:
    """A conversion inserted before an input."""

    node: str
    input: str
    source: PortType
    target: PortType


@dataclass(frozen=True, slots=True)
class Simplified:
    """Nodes of the document that have no step of their own, and why."""

    unused: tuple[str, ...] = ()
    """Nodes that reach no output of the document."""
    dropped: tuple[str, ...] = ()
    """Nodes that reach this output, but only through what passes them by."""
    merged: Mapping[str, str] = field(default_factory=dict)
    """Nodes that do what another does; by node, the one that does it for both."""
    identities: Mapping[str, str] = field(default_factory=dict)
    """Nodes that change nothing, whatever is asked of them; by node, the one whose result passes through."""
    bypassed: tuple[str, ...] = ()
    """Nodes, and the document's uses of groups."""
    muted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compiled:
    """A document made ready to render one of its outputs."""

    settings: Settings
    frame_count: int
    output_node: str
    sink: Node
    """The output node with its parameters: path, codec…"""
    picture: Edge | None
    sound: Edge | None
    steps: tuple[Step, ...]
    converters: tuple[Converter, ...]
    assets: Mapping[str, str]
    """Asset name by node, for every step that reads one."""
    generations: Mapping[str, generator.GenerationSpec]
    """What to generate, by node, before rendering."""
    simplified: Simplified

    @property
    def unused(self) -> tuple[str, ...]:
        """Nodes that reach no output of the document."""
        return self.simplified.unused

    @property
    def width(self) -> int:
        return self.settings.width

    @property
    def height(self) -> int:
        return self.settings.height

    @property
    def fps(self) -> Fraction:
        return self.settings.fps

    @property
    def has_audio(self) -> bool:
        return self.sound is not None

    @property
    def path(self) -> str:
        return str(self.sink.values["path"])

    @property
    def codec(self) -> str:
        return str(self.sink.values["codec"])
