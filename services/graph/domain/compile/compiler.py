"""From a document to what is evaluated: checked, without dead branches, equal subgraphs merged, in topological order.

No walk recurses, so depth is no limit; every step's digest is made from its inputs' digests, so time is linear.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from artifex.generator.v1 import messages_pb2 as generator
from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import AUDIO, Node, Output, PortType
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.converters import CONVERTERS, VideoToImage
from services.graph.domain.compile.resolver import Connection, Resolved, default_signals, resolve
from services.graph.domain.compile.signals import Constant, Signal
from services.graph.domain.compile.walks import find_cycles, post_order
from services.graph.domain.documents.model import Document, Settings
from services.graph.domain.documents.parser import MAX_DURATION
from services.graph.domain.documents.problems import GraphInvalid, Problem, Reason


@dataclass(frozen=True, slots=True)
class Edge:
    """Where an input of a step comes from."""

    step: int
    output: Output


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

    def at(self, time: Fraction) -> Node:
        """The node with its parameters' values at `time`."""
        return self.type({name: signal.at(time) for name, signal in self.signals.items()})


@dataclass(frozen=True, slots=True)
class Converter:
    """A conversion inserted before an input."""

    node: str
    input: str
    source: PortType
    target: PortType


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
    unused: tuple[str, ...]
    """Nodes that reach no output of the document."""
    assets: Mapping[str, str]
    """Asset name by node, for every step that reads one."""
    generations: Mapping[str, generator.GenerationSpec]
    """What to generate, by node, before rendering."""

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


def asset_references(document: Document, catalogue: Catalogue) -> dict[str, str]:
    """The well-formed asset names in a document, `assets/{asset}`, by node. Needs no valid document."""
    resolved, _ = resolve(document, catalogue)
    return {node: asset for node, item in resolved.items() if (asset := _asset(item)) is not None}


def output_nodes(document: Document, catalogue: Catalogue) -> list[str]:
    """The nodes that end the graph, in the document's order."""
    return [spec.id for spec in document.nodes.values() if spec.type in catalogue and _is_sink(catalogue[spec.type])]


def validate(document: Document, catalogue: Catalogue, assets: Mapping[str, media.MediaInfo]) -> list[Problem]:
    """Every problem that keeps the document from being rendered; none means it can be.

    `assets`: what is known of each asset, by name; one that is not there does not exist.
    """
    resolved, problems = _check(document, catalogue)
    infos: dict[str, media.MediaInfo] = {}
    for node, item in resolved.items():
        asset = _asset(item)
        if asset is None:
            continue
        if asset in assets:
            infos[node] = assets[asset]
        else:
            path = f"nodes.{node}.params.{item.schema.asset_parameter}"
            message = f'there is no asset "{asset}"; upload it first, or check the name'
            problems.append(Problem(node, path, Reason.ASSET_NOT_FOUND, message))
    problems.extend(_check_streams(resolved, infos))
    if not problems and document.settings.duration is None:
        for node in output_nodes(document, catalogue):
            problems.extend(_frame_count(document.settings, resolved, _upstream(resolved, node), infos)[1])
    return problems


def compile(
    document: Document, catalogue: Catalogue, output_node: str, sources: Mapping[str, media.MediaInfo]
) -> Compiled:
    """The plan for rendering `output_node`, or the only output when it is empty.

    `sources`: what is known of each node's media; needed for nodes with an asset. Raises GraphInvalid.
    """
    resolved, problems = _check(document, catalogue)
    problems.extend(_check_streams(resolved, sources))
    outputs = output_nodes(document, catalogue)
    if output_node and output_node not in outputs:
        message = f'"{output_node[:80]}" is no output node; the outputs: {", ".join(outputs) or "none"}'
        problems.append(Problem("", "nodes", Reason.NO_OUTPUT, message))
    elif not output_node and len(outputs) > 1:
        message = f"there are several outputs, say which to render: {', '.join(outputs)}"
        problems.append(Problem("", "nodes", Reason.AMBIGUOUS_OUTPUT, message))
    if problems:
        raise GraphInvalid(problems)
    chosen = output_node or outputs[0]
    order = _upstream(resolved, chosen)
    frame_count, problems = _frame_count(document.settings, resolved, order, sources)
    if problems:
        raise GraphInvalid(problems)
    reached = set().union(*(_upstream(resolved, node) for node in outputs)) if len(outputs) > 1 else set(order)
    builder = _Builder(resolved)
    for node in order:
        if node != chosen:
            builder.add(resolved[node])
    sink = resolved[chosen]
    feeds = {connection.port.kind: builder.edge(sink, name) for name, connection in sink.connections.items()}
    sound = feeds.pop(AUDIO, None)
    steps = tuple(builder.steps)
    return Compiled(
        settings=document.settings,
        frame_count=frame_count,
        output_node=chosen,
        sink=sink.type({name: signal.at(Fraction(0)) for name, signal in sink.signals.items()}),
        picture=next(iter(feeds.values()), None),
        sound=sound,
        steps=steps,
        converters=tuple(builder.converters),
        unused=tuple(node for node in document.nodes if node not in reached),
        assets={step.node: asset for step in steps if (asset := _asset(resolved.get(step.node))) is not None},
        generations={step.node: spec for step in steps if (spec := step.at(Fraction(0)).materialise()) is not None},
    )


def _check(document: Document, catalogue: Catalogue) -> tuple[dict[str, Resolved], list[Problem]]:
    resolved, problems = resolve(document, catalogue)
    for cycle in find_cycles({node: _sources(item, resolved) for node, item in resolved.items()}):
        path = " → ".join([*cycle, cycle[0]])
        message = f"the nodes feed each other in a circle: {path}; take one connection out"
        problems.append(Problem(cycle[0], f"nodes.{cycle[0]}.inputs", Reason.CYCLE, message))
    if not any(_is_sink(item.type) for item in resolved.values()):
        problems.append(Problem("", "nodes", Reason.NO_OUTPUT, "there is no output; add a FileOutput node"))
    return resolved, problems


def _sources(item: Resolved, resolved: Mapping[str, Resolved]) -> list[str]:
    return [connection.source for connection in item.connections.values() if connection.source in resolved]


def _is_sink(node_type: type[Node]) -> bool:
    return not node_type.schema.outputs


def _asset(item: Resolved | None) -> str | None:
    name = item.schema.asset_parameter if item is not None else None
    signal = item.signals.get(name) if item is not None and name is not None else None
    return signal.value if isinstance(signal, Constant) else None


def _upstream(resolved: Mapping[str, Resolved], node: str) -> list[str]:
    """The nodes that `node` depends on, and itself, each after its sources."""
    return post_order(node, lambda current: _sources(resolved[current], resolved))


def _check_streams(resolved: Mapping[str, Resolved], infos: Mapping[str, media.MediaInfo]) -> Iterator[Problem]:
    """Problems of outputs that are used though the media has no such stream."""
    for item in resolved.values():
        for name, connection in item.connections.items():
            info = infos.get(connection.source)
            if info is None or resolved[connection.source].schema.asset_parameter is None:
                continue
            wants_sound = connection.output.kind == AUDIO
            if not (info.audio_streams if wants_sound else info.video_streams):
                missing = "sound" if wants_sound else "picture"
                message = (
                    f'the media of "{connection.source}" has no {missing}; leave this input out or use other media'
                )
                node = item.spec.id
                yield Problem(node, f"nodes.{node}.inputs.{name}", Reason.NO_STREAM, message)


def _frame_count(
    settings: Settings, resolved: Mapping[str, Resolved], order: list[str], infos: Mapping[str, media.MediaInfo]
) -> tuple[int, list[Problem]]:
    """Frames of the output that `order` ends in; without a duration, until the last of its media ends."""
    duration = settings.duration
    if duration is None:
        nodes = ((node, resolved[node]) for node in order)
        ends = [
            end
            for node, item in nodes
            if (end := item.type({n: s.at(Fraction(0)) for n, s in item.signals.items()}).extent(infos.get(node)))
        ]
        duration = max(ends, default=Fraction(0))
    count = settings.frame_count(duration)
    if count < 1:
        message = "no media says how long the output is; give the duration in seconds"
        return 0, [Problem("", "settings.duration", Reason.UNKNOWN_DURATION, message)]
    if duration > MAX_DURATION:
        message = f"the media lasts longer than {MAX_DURATION} s; give a duration"
        return 0, [Problem("", "settings.duration", Reason.LIMIT_EXCEEDED, message)]
    return count, []


class _Builder:
    """Makes steps of nodes given in topological order; equal ones become one."""

    def __init__(self, resolved: Mapping[str, Resolved]) -> None:
        self.resolved = resolved
        self.steps: list[Step] = []
        self.converters: list[Converter] = []
        self._by_node: dict[str, int] = {}
        self._by_digest: dict[bytes, int] = {}

    def add(self, item: Resolved) -> None:
        edges = {name: self.edge(item, name) for name in item.connections}
        self._by_node[item.spec.id] = self._step(item.spec.id, item.type, item.signals, edges)

    def edge(self, item: Resolved, name: str) -> Edge:
        """Where a connection leads, through a converter where types differ."""
        connection = item.connections[name]
        edge = Edge(self._by_node[connection.source], connection.output)
        if connection.output.kind == connection.port.kind:
            return edge
        self.converters.append(Converter(item.spec.id, name, connection.output.kind, connection.port.kind))
        return self._converted(connection, edge)

    def _converted(self, connection: Connection, edge: Edge) -> Edge:
        converter = CONVERTERS[connection.output.kind, connection.port.kind]
        (port,), (output,) = converter.schema.inputs, converter.schema.outputs.values()
        step = self._step(connection.source, converter, {}, {port: edge})
        return Edge(step, output)

    def _step(self, node: str, node_type: type[Node], signals: Mapping[str, Signal], edges: Mapping[str, Edge]) -> int:
        digest = self._digest(node_type, signals, edges)
        index = self._by_digest.setdefault(digest, len(self.steps))
        if index == len(self.steps):
            static = node_type is VideoToImage or (
                not node_type.time_dependent
                and all(isinstance(signal, Constant) for signal in signals.values())
                and all(self.steps[edge.step].static for edge in edges.values())
            )
            self.steps.append(Step(index, node, node_type, signals, edges, static, digest))
        return index

    def _digest(self, node_type: type[Node], signals: Mapping[str, Signal], edges: Mapping[str, Edge]) -> bytes:
        hashed = hashlib.blake2b(f"{node_type.schema.type} {node_type.schema.version}".encode(), digest_size=16)
        defaults = default_signals(node_type)
        for name in sorted(signals):
            # A default is part of the type's version.
            if signals[name] is not defaults.get(name) and signals[name] != defaults.get(name):
                hashed.update(f"\0{name}={signals[name].spelling()}".encode())
        for name in sorted(edges):
            hashed.update(f"\0{name}<{edges[name].output.name}".encode())
            hashed.update(self.steps[edges[name].step].digest)
        return hashed.digest()
