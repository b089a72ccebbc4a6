"""Makes steps of checked nodes: equal ones become one, and what changes nothing is passed by."""

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from typing import Final
from weakref import WeakKeyDictionary

from artifex.nodes import Node, Output
from services.graph.domain.compile.checking import passed_input
from services.graph.domain.compile.converters import CONVERTERS, Muted, VideoToImage
from services.graph.domain.compile.plan import Converter, Edge, Step
from services.graph.domain.compile.resolver import Connection, Resolved, default_signals
from services.graph.domain.compile.signals import Constant, Signal
from services.graph.domain.compile.unknown import UNKNOWN, Asked


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
        if self._optimise and (unchanged := _identity(item, edges)) is not None:
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
        digest = self._digest(node_type, signals, edges)
        index = self._by_digest.setdefault(digest, len(self.steps))
        if index == len(self.steps):
            steps = self.steps
            static = node_type is VideoToImage or (
                not node_type.time_dependent
                and all(steps[edge.step].static for edge in edges.values())
                and _constant(signals)
            )
            steps.append(Step(index, node, node_type, signals, edges, static, digest))
        return index

    def _digest(self, node_type: type[Node], signals: Mapping[str, Signal], edges: Mapping[str, Edge]) -> bytes:
        hashed = hashlib.blake2b(_spelling(node_type), digest_size=16)
        defaults = default_signals(node_type)
        if signals is not defaults:
            for name in sorted(name for name, signal in signals.items() if signal is not defaults.get(name)):
                # A default is part of the type's version.
                if signals[name] != defaults.get(name):
                    hashed.update(f"\0{name}={signals[name].spelling()}".encode())
        for name in sorted(edges):
            edge = edges[name]
            hashed.update(f"\0{name}<{edge.output.name}".encode())
            hashed.update(self.steps[edge.step].digest)
        return hashed.digest()


_START: Final = Fraction(0)
_SPELLINGS: Final[WeakKeyDictionary[type[Node], bytes]] = WeakKeyDictionary()


def _spelling(node_type: type[Node]) -> bytes:
    spelling = _SPELLINGS.get(node_type)
    if spelling is None:
        spelling = _SPELLINGS[node_type] = f"{node_type.schema.type} {node_type.schema.version}".encode()
    return spelling


def _constant(signals: Mapping[str, Signal]) -> bool:
    return all(type(signal) is Constant for signal in signals.values())


def _identity(item: Resolved, edges: Mapping[str, Edge]) -> Edge | None:
    """What passes through the node unchanged, if its parameters are constant and alone decide that."""
    if item.type.identity is Node.identity or len(item.schema.outputs) != 1 or not _constant(item.signals):
        return None
    try:
        name = item.at(_START).identity(UNKNOWN)
    except Asked:
        return None
    output: Output = next(iter(item.schema.outputs.values()))
    edge = edges.get(name) if name is not None else None
    return edge if edge is not None and edge.output.kind == output.kind else None
