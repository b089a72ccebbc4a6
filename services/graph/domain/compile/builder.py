"""Makes steps of checked nodes: equal ones become one, and what changes nothing is passed by."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from typing import Final

from artifex.nodes import Node, Output
from services.graph.domain.compile.checking import passed_input
from services.graph.domain.compile.converters import CONVERTERS, Muted, VideoToImage
from services.graph.domain.compile.plan import Converter, Edge, Step
from services.graph.domain.compile.resolver import Connection, Resolved, default_signals
from services.graph.domain.compile.signals import Constant, Signal
from services.graph.domain.compile.unknown import UNKNOWN, Asked


@dataclass(frozen=True, slots=True)
class _Kind:
    """What all nodes of one type have in common."""

    spelling: bytes
    defaults: Mapping[str, Signal]
    """Its parameters', where nothing is given."""
    still: bool
    """Whether results change with time only if parameters or inputs do."""
    may_pass: bool
    """Whether nodes may turn out to change nothing."""

    @staticmethod
    def of(node_type: type[Node]) -> "_Kind":
        schema = node_type.schema
        return _Kind(
            spelling=f"{schema.type} {schema.version}".encode(),
            defaults=default_signals(node_type),
            still=not node_type.time_dependent,
            may_pass=node_type.identity is not Node.identity and len(schema.outputs) == 1,
        )


class Builder:
    """Takes nodes in topological order, after bypassed and muted ones have been routed around."""

    def __init__(self, resolved: Mapping[str, Resolved], *, optimise: bool) -> None:
        """`optimise`: whether nodes that turn out to change nothing are passed by."""
        self.resolved = resolved
        self.steps: list[Step] = []
        self.converters: list[Converter] = []
        self.merged: dict[str, str] = {}
        self.identities: dict[str, str] = {}
        self._optimise = optimise
        self._kinds: dict[type[Node], _Kind] = {}
        self._by_node: dict[str, int] = {}
        self._by_digest: dict[bytes, int] = {}
        self._instead: dict[tuple[str, str], Edge] = {}
        """Where the outputs of nodes come from that are not done themselves."""

    def add(self, item: Resolved) -> None:
        node = item.spec.id
        if item.spec.mute:
            for output in item.schema.outputs.values():
                if silence := Muted.schema.outputs.get(output.kind):
                    self._instead[node, output.name] = Edge(self._step(node, Muted, {}, {}), silence)
            return
        if item.spec.bypass:
            for output in item.schema.outputs.values():
                if (passed := passed_input(item, output)) is not None:
                    self._instead[node, output.name] = self._source(passed)
            return
        edges = {name: self.edge(item, name) for name in item.connections}
        passes = self._optimise and self._kind(item.type).may_pass
        if passes and (unchanged := _identity(item, edges)) is not None:
            (name,) = item.schema.outputs
            self._instead[node, name] = unchanged
            self.identities[node] = self.steps[unchanged.step].node
            return
        index = self._by_node[node] = self._step(node, item.type, item.signals, edges)
        if self.steps[index].node != node:
            self.merged[node] = self.steps[index].node

    def edge(self, item: Resolved, name: str) -> Edge:
        """Where a connection leads, through a converter where types differ."""
        connection = item.connections[name]
        edge = self._source(connection)
        if edge.output.kind == connection.port.kind:
            return edge
        self.converters.append(Converter(item.spec.id, name, edge.output.kind, connection.port.kind))
        return self._converted(connection, edge)

    def _source(self, connection: Connection) -> Edge:
        index = self._by_node.get(connection.source)
        if index is None:
            return self._instead[connection.source, connection.output.name]
        return Edge(index, connection.output)

    def _converted(self, connection: Connection, edge: Edge) -> Edge:
        converter = CONVERTERS[edge.output.kind, connection.port.kind]
        (port,), (output,) = converter.schema.inputs, converter.schema.outputs.values()
        return Edge(self._step(connection.source, converter, {}, {port: edge}), output)

    def _step(self, node: str, node_type: type[Node], signals: Mapping[str, Signal], edges: Mapping[str, Edge]) -> int:
        steps, kind = self.steps, self._kind(node_type)
        digest = self._digest(kind, signals, edges)
        index = self._by_digest.setdefault(digest, len(steps))
        if index == len(steps):
            static = node_type is VideoToImage or (
                kind.still
                and (signals is kind.defaults or _constant(signals))
                and all(steps[edge.step].static for edge in edges.values())
            )
            steps.append(Step(index, node, node_type, signals, edges, static, digest))
        return index

    def _kind(self, node_type: type[Node]) -> _Kind:
        kind = self._kinds.get(node_type)
        if kind is None:
            kind = self._kinds[node_type] = _Kind.of(node_type)
        return kind

    def _digest(self, kind: _Kind, signals: Mapping[str, Signal], edges: Mapping[str, Edge]) -> bytes:
        """`edges` in the order that connections are resolved in, whatever the document's."""
        parts = [kind.spelling]
        defaults = kind.defaults
        if signals is not defaults:
            # A default is part of the type's version.
            given = [(name, signal) for name, signal in signals.items() if signal is not defaults.get(name)]
            given.sort(key=_name)
            parts += [
                f"\0{name}={signal.spelling()}".encode() for name, signal in given if signal != defaults.get(name)
            ]
        for name, edge in edges.items():
            parts += (f"\0{name}<{edge.output.name}".encode(), self.steps[edge.step].digest)
        return blake2b(b"".join(parts), digest_size=16).digest()


_START: Final = Fraction(0)


def _name(given: tuple[str, Signal]) -> str:
    return given[0]


def _constant(signals: Mapping[str, Signal]) -> bool:
    return all(type(signal) is Constant for signal in signals.values())


def _identity(item: Resolved, edges: Mapping[str, Edge]) -> Edge | None:
    """What passes through the node unchanged, if its parameters are constant and alone decide that."""
    if not _constant(item.signals):
        return None
    try:
        node = item.at(_START)
        node.then = tuple([item.at(_START) for _ in node.moments(UNKNOWN)])
        name = node.identity(UNKNOWN)
    except Asked:
        return None
    output: Output = next(iter(item.schema.outputs.values()))
    edge = edges.get(name) if name is not None else None
    return edge if edge is not None and edge.output.kind == output.kind else None
