"""Checks a document against a catalogue, node by node, and ties names to what they mean."""

from collections.abc import Mapping, Set
from fractions import Fraction
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from artifex.nodes import CONVERSIONS, REQUIRED, Input, Node, NodeSchema, Output, Parameter, base_name, position
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.computed import bind_expressions
from services.graph.domain.compile.exposures import is_use
from services.graph.domain.compile.signals import Signal, compile_signal, constant
from services.graph.domain.documents.hints import MAX_HINTS, Hints
from services.graph.domain.documents.model import Document, Expression, Link, NodeSpec
from services.graph.domain.documents.problems import Problem, Reason


class Connection(NamedTuple):
    """An input that is connected."""

    port: Input
    source: str
    """Node id."""
    output: Output


class Resolved(NamedTuple):
    """A node without problems of its own, its names replaced by what they mean."""

    spec: NodeSpec
    type: type[Node]
    connections: Mapping[str, Connection]
    """By name of the connection: "video", "audio.1"."""
    signals: Mapping[str, Signal]
    """Every parameter, given or by default; those of multiple inputs once for each connection."""

    @property
    def schema(self) -> NodeSchema:
        return self.type.schema

    def at(self, time: Fraction) -> Node:
        """The node with its parameters' values at `time`."""
        return self.type({name: signal.at(time) for name, signal in self.signals.items()})


def resolve(
    document: Document, catalogue: Catalogue, outdated: Set[str] = frozenset()
) -> tuple[dict[str, Resolved], list[Problem]]:
    """All nodes whose type is known, and the problems of all nodes.

    `outdated`: nodes that mean nothing to the types as they are now; nothing more is said of them.
    """
    problems: list[Problem] = []
    types: dict[str, type[Node]] = {}
    hints = Hints()
    suggestions: dict[str, str | None] = {}
    for spec in document.nodes.values():
        found = catalogue.get(spec.type)
        if spec.id in outdated or (found is None and is_use(spec)):
            # It has a problem of its own; so does a group that could not be put in.
            continue
        if found is None:
            if spec.type not in suggestions and len(suggestions) < MAX_HINTS:
                suggestions[spec.type] = catalogue.closest(spec.type)
            close = suggestions.get(spec.type)
            hint = f"did you mean {close}?" if close else "`artifex nodes list` shows all types"
            message = f'there is no node type "{spec.type[:80]}"; {hint}'
            problems.append(Problem(spec.id, spec.place("type"), Reason.UNKNOWN_NODE_TYPE, message))
            continue
        types[spec.id] = found
    defaults = {found: default_signals(found) for found in set(types.values())}
    resolved = {
        node: _Resolver(document.nodes[node], found, defaults[found], document, types, problems, hints).resolve()
        for node, found in types.items()
    }
    return resolved, problems


class _Resolver:
    """Resolves one node."""

    def __init__(
        self,
        spec: NodeSpec,
        node_type: type[Node],
        defaults: Mapping[str, Signal],
        document: Document,
        types: Mapping[str, type[Node]],
        problems: list[Problem],
        hints: Hints,
    ) -> None:
        self.spec = spec
        self.type = node_type
        self.schema = node_type.schema
        self.defaults = defaults
        self.document = document
        self.types = types
        self.problems = problems
        self.hints = hints

    def problem(self, path: str, reason: Reason, message: str) -> None:
        self.problems.append(Problem(self.spec.id, self.spec.place(path), reason, message))

    def resolve(self) -> Resolved:
        connections = self.connections()
        known = len(self.problems)
        signals = self.signals(connections)
        checks = self.type.misfits is not Node.misfits or self.type.misconnected is not Node.misconnected
        if checks and len(self.problems) == known:
            self.check_together(signals)
        return Resolved(self.spec, self.type, connections, signals)

    def check_together(self, signals: Mapping[str, Signal]) -> None:
        node = self.type({name: signal.at(Fraction(0)) for name, signal in signals.items()})
        for name, message in node.misfits(self.document.settings.width, self.document.settings.height):
            self.problem(f"params.{name}", Reason.PARAMETER_RANGE, f'"{name}": {message}')
        for name, message in node.misconnected(set(map(base_name, self.spec.inputs))):
            reason = Reason.UNKNOWN_INPUT if name in self.spec.inputs else Reason.MISSING_INPUT
            self.problem(f"inputs.{name}", reason, f'the input "{name}": {message}')

    def connections(self) -> dict[str, Connection]:
        connections: dict[str, Connection] = {}
        given, inputs = self.spec.inputs, self.schema.inputs
        for name in sorted(given, key=None if given.keys() <= inputs.keys() else _order):
            link = given[name]
            port = inputs.get(name) or inputs.get(base_name(name))
            if port is None or (name != port.name and not port.multiple):
                known = ", ".join(inputs) or "none"
                message = f'{self.schema.type} has no input "{name}"; its inputs: {known}'
                self.problem(f"inputs.{name}", Reason.UNKNOWN_INPUT, message)
                continue
            output = self.source_output(name, link)
            if output is not None and self.check_types(name, port, link, output):
                connections[name] = Connection(port, link.node, output)
        for name, port in inputs.items():
            if port.required and name not in given and name not in map(base_name, given):
                message = f'the input "{name}" ({port.kind}) must be connected'
                self.problem(f"inputs.{name}", Reason.MISSING_INPUT, message)
        return connections

    def source_output(self, name: str, link: Link) -> Output | None:
        """The output that a link names, or None with a problem (or where the source's own problem says it all)."""
        source = self.types.get(link.node)
        if source is None:
            if link.node in self.document.nodes:
                return None
            # A node of a group names its neighbours without the use that they are in.
            use = self.spec.id[: self.spec.id.rfind("/") + 1]
            wanted = link.node.removeprefix(use)
            near = (node[len(use) :] for node in self.document.nodes if node.startswith(use))
            close = self.hints.closest(wanted, near)
            hint = f'; did you mean "{close}"?' if close else ""
            where = " in the group" if use else ""
            self.problem(f"inputs.{name}", Reason.UNKNOWN_SOURCE, f'there is no node "{wanted}"{where}{hint}')
            return None
        outputs = source.schema.outputs
        if not outputs:
            message = f'"{link.node}" is a {source.schema.type}, which has no outputs'
            self.problem(f"inputs.{name}", Reason.UNKNOWN_SOURCE, message)
            return None
        output = outputs.get(link.output) if link.output else next(iter(outputs.values()))
        if output is None:
            message = f'"{link.node}" has no output "{link.output}"; its outputs: {", ".join(outputs)}'
            self.problem(f"inputs.{name}", Reason.UNKNOWN_SOURCE, message)
        return output

    def check_types(self, name: str, port: Input, link: Link, output: Output) -> bool:
        if output.kind == port.kind or (output.kind, port.kind) in CONVERSIONS:
            return True
        fitting = [other.name for other in self.types[link.node].schema.outputs.values() if other.kind == port.kind]
        hint = f'; connect "{link.node}.{fitting[0]}"' if fitting else ""
        message = f'takes {port.kind}, but "{link.node}.{output.name}" is {output.kind}{hint}'
        self.problem(f"inputs.{name}", Reason.TYPE_MISMATCH, message)
        return False

    def signals(self, connections: Mapping[str, Connection]) -> Mapping[str, Signal]:
        """Every parameter's; where nothing is given those of the type, which are not to be changed."""
        defaults, parameters = self.defaults, self.schema.parameters
        if (
            not self.spec.params
            and len(defaults) == len(parameters)
            and connections.keys() <= self.schema.inputs.keys()
        ):
            return defaults
        signals: dict[str, Signal] = dict(defaults)
        for name in connections:
            suffix = name[len(base_name(name)) :]
            if suffix:
                for declared in parameters.values():
                    if declared.per is not None and declared.per.name == base_name(name):
                        signals[declared.name + suffix] = constant(declared, declared.default)
        expressions: dict[str, tuple[Parameter[Any], Expression]] = {}
        for name, given in self.spec.params.items():
            parameter = self.parameter(name)
            if parameter is None:
                continue
            if isinstance(given, Expression):
                expressions[name] = (parameter, given)
                continue

            def report(where: str, reason: Reason, message: str, name: str = name) -> None:
                self.problem(f"params.{name}{where}", reason, f'"{name}": {message}')

            signal = compile_signal(parameter, given, report)
            if signal is not None:
                signals[name] = signal
        if expressions:
            bind_expressions(expressions, signals, parameters, self.document.settings, self.hints, self.bad_expression)
        for name, declared in parameters.items() if len(defaults) != len(parameters) else ():
            if declared.default is REQUIRED and name not in self.spec.params:
                self.problem(f"params.{name}", Reason.MISSING_PARAMETER, f'"{name}" must be given: {declared.doc}')
        return signals

    def bad_expression(self, name: str, reason: Reason, message: str) -> None:
        self.problem(f"params.{name}", reason, f'"{name}": {message}')

    def parameter(self, name: str) -> Parameter[Any] | None:
        """The parameter that `name` means, or None with a problem."""
        parameter = self.schema.parameters.get(name)
        if parameter is not None:
            return parameter
        base = base_name(name)
        parameter = self.schema.parameters.get(base)
        if parameter is not None and parameter.per is not None:
            connection = parameter.per.name + name[len(base) :]
            if connection in self.spec.inputs:
                return parameter
            message = f'"{name}" belongs to the input "{connection}", which is not connected'
            self.problem(f"params.{name}", Reason.UNKNOWN_PARAMETER, message)
            return None
        close = self.hints.closest(name, self.schema.parameters)
        known = ", ".join(self.schema.parameters) or "none"
        hint = f'did you mean "{close}"?' if close else f"its parameters: {known}"
        message = f'{self.schema.type} has no parameter "{name}"; {hint}'
        self.problem(f"params.{name}", Reason.UNKNOWN_PARAMETER, message)
        return None


_DEFAULTS: Final[WeakKeyDictionary[type[Node], Mapping[str, Signal]]] = WeakKeyDictionary()


def default_signals(node_type: type[Node]) -> Mapping[str, Signal]:
    """The parameters of a type that have defaults: one object for all its nodes, not to be changed."""
    defaults = _DEFAULTS.get(node_type)
    if defaults is None:
        parameters = node_type.schema.parameters.items()
        defaults = {name: constant(p, p.default) for name, p in parameters if p.default is not REQUIRED}
        _DEFAULTS[node_type] = defaults
    return defaults


def _order(name: str) -> tuple[str, int]:
    return base_name(name), position(name) or 0
