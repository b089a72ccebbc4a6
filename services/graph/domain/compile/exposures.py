"""What groups show of themselves, and whether each is sound in itself, used or not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from artifex.nodes import IMAGE, VIDEO, NodeSchema, PortType, base_name
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.walks import find_cycles, post_order, way_around
from services.graph.domain.documents.model import Group, Link, NodeSpec
from services.graph.domain.documents.parser import MAX_NODES
from services.graph.domain.documents.problems import Problem, Reason

PREFIX: Final = "group:"
MAX_NESTING: Final = 16


def is_use(spec: NodeSpec) -> bool:
    return spec.type.startswith(PREFIX)


def group_name(spec: NodeSpec) -> str:
    return spec.type[len(PREFIX) :]


def check_groups(groups: Mapping[str, Group], catalogue: Catalogue) -> tuple[dict[str, int], list[Problem]]:
    """How many nodes a use of each group is, sound ones only, and what is wrong with the others."""
    problems: list[Problem] = []
    uses = {
        name: list(dict.fromkeys(group_name(spec) for spec in group.nodes.values() if is_use(spec)))
        for name, group in groups.items()
    }
    known = {name: [used for used in inner if used in groups] for name, inner in uses.items()}
    for cycle in find_cycles(known):
        path = way_around(cycle[::-1])
        place = f"groups.{cycle[0]}.nodes"
        problems.append(Problem(f"{PREFIX}{cycle[0]}", place, Reason.CYCLE, f"the group contains itself: {path}"))
    if problems:
        return {}, problems
    exposures = Exposures(groups, catalogue)
    sizes: dict[str, int] = {}
    depths: dict[str, int] = {}
    for root in groups:
        for name in post_order(root, known.__getitem__):
            if name in sizes:
                continue
            group = groups[name]
            depths[name] = 1 + max((depths[used] for used in known[name]), default=0)
            # Bounded, so that groups of groups of groups do not make a number without end.
            size = sum(sizes.get(group_name(spec), 0) if is_use(spec) else 1 for spec in group.nodes.values())
            sizes[name] = min(size, MAX_NODES + 1)
            found = list(exposures.problems(name, group))
            if depths[name] == MAX_NESTING + 1:
                message = f"groups are nested more than {MAX_NESTING} deep"
                found.append(Problem(f"{PREFIX}{name}", f"groups.{name}.nodes", Reason.LIMIT_EXCEEDED, message))
            problems.extend(found)
    bad = {problem.node.removeprefix(PREFIX).partition("/")[0] for problem in problems}
    bad |= {name for name, depth in depths.items() if depth > MAX_NESTING}
    return {name: size for name, size in sizes.items() if name not in bad}, problems


class Exposures:
    """Answers what an exposed name of a group stands for in the end."""

    def __init__(self, groups: Mapping[str, Group], catalogue: Catalogue) -> None:
        self.groups = groups
        self._catalogue = catalogue

    def passed(self, name: str, output: str, connected: Sequence[str]) -> str | None:
        """What passes through a bypassed use: the input of the output's name, or else the only one of its type."""
        group = self.groups[name]
        wanted = self.output_kind(name, output)
        exposed = [public for public in connected if public in group.inputs]
        fitting = [public for public in exposed if _alike(self.input_kind(name, public), wanted)]
        if output in fitting:
            return output
        return fitting[0] if len(fitting) == 1 else None

    def input_kind(self, name: str, exposed: str) -> PortType | None:
        """The type of an exposed input: that of the first inner input behind it."""
        target = self.groups[name].inputs[exposed][0]
        spec = self.groups[name].nodes.get(target.node)
        while spec is not None and is_use(spec):
            group = self.groups.get(group_name(spec))
            targets = group.inputs.get(target.output) if group is not None else None
            if group is None or targets is None:
                return None
            target = targets[0]
            spec = group.nodes.get(target.node)
        schema = self._schema(spec)
        port = schema.inputs.get(base_name(target.output)) if schema is not None else None
        return port.kind if port is not None else None

    def output_kind(self, name: str, exposed: str) -> PortType | None:
        link = self.groups[name].outputs[exposed]
        spec = self.groups[name].nodes.get(link.node)
        while spec is not None and is_use(spec):
            group = self.groups.get(group_name(spec))
            if group is None or not group.outputs:
                return None
            following = group.outputs.get(link.output or next(iter(group.outputs)))
            if following is None:
                return None
            link = following
            spec = group.nodes.get(link.node)
        schema = self._schema(spec)
        if schema is None or not schema.outputs:
            return None
        output = schema.outputs.get(link.output) if link.output else next(iter(schema.outputs.values()))
        return output.kind if output is not None else None

    def _schema(self, spec: NodeSpec | None) -> NodeSchema | None:
        found = self._catalogue.get(spec.type) if spec is not None else None
        return found.schema if found is not None else None

    def problems(self, name: str, group: Group) -> Iterator[Problem]:
        """What is wrong with what the group exposes and holds; its nodes are checked where it is used."""
        path = f"groups.{name}"
        for spec in group.nodes.values():
            schema = self._schema(spec)
            if schema is not None and not schema.outputs:
                message = "an output stands in the document itself, not in a group; take it out"
                place = f"{path}.nodes.{spec.id}.type"
                yield Problem(f"{PREFIX}{name}/{spec.id}", place, Reason.INVALID_VALUE, message)
        for section, exposed in (("inputs", group.inputs), ("params", group.params)):
            seen: dict[tuple[str, str], str] = {}
            for public, targets in exposed.items():
                place = f"{path}.{section}.{public}"
                for target in targets:
                    key = (target.node, target.output)
                    if key in seen:
                        message = f'"{target}" is exposed as "{seen[key]}" already'
                        yield Problem(f"{PREFIX}{name}", place, Reason.INVALID_VALUE, message)
                    seen.setdefault(key, public)
                    yield from self._target(name, group, section, target, place)
        for public, link in group.outputs.items():
            if link.node not in group.nodes:
                message = f'there is no node "{link.node}" in the group'
                yield Problem(f"{PREFIX}{name}", f"{path}.outputs.{public}", Reason.UNKNOWN_SOURCE, message)
            elif (known := self._names(group.nodes[link.node], "outputs")) is not None and (
                not known or (link.output and link.output not in known)
            ):
                message = f'"{link.node}" has no output "{link.output}"; its outputs: {", ".join(known) or "none"}'
                yield Problem(f"{PREFIX}{name}", f"{path}.outputs.{public}", Reason.UNKNOWN_SOURCE, message)

    def _target(self, name: str, group: Group, section: str, target: Link, place: str) -> Iterator[Problem]:
        inner = group.nodes.get(target.node)
        if inner is None:
            message = f'there is no node "{target.node}" in the group'
            yield Problem(f"{PREFIX}{name}", place, Reason.UNKNOWN_SOURCE, message)
            return
        if section == "inputs" and target.output in inner.inputs:
            message = f'"{target}" is connected in the group already; take that connection out, or this'
            yield Problem(f"{PREFIX}{name}", place, Reason.INVALID_VALUE, message)
        known = self._names(inner, section)
        if known is not None and base_name(target.output) not in known:
            what, reason = (
                ("input", Reason.UNKNOWN_INPUT) if section == "inputs" else ("parameter", Reason.UNKNOWN_PARAMETER)
            )
            message = f'"{target.node}" has no {what} "{target.output}"; it has: {", ".join(known) or "none"}'
            yield Problem(f"{PREFIX}{name}", place, reason, message)

    def _names(self, spec: NodeSpec, section: str) -> list[str] | None:
        """What a node has; None where that cannot be known here: no such type, or an older version's names."""
        if is_use(spec):
            group = self.groups.get(group_name(spec))
            return list(getattr(group, section)) if group is not None else None
        schema = self._schema(spec)
        if schema is None or (spec.version and spec.version.split(".")[0] != schema.version.split(".")[0]):
            return None
        return list({"inputs": schema.inputs, "outputs": schema.outputs, "params": schema.parameters}[section])


def _alike(a: PortType | None, b: PortType | None) -> bool:
    return a is not None and (a == b or {a, b} == {VIDEO, IMAGE})
