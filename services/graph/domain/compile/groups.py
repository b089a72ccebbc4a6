"""Puts the nodes of groups in the place of what uses them: `use` of a group with a node `blur` becomes `use/blur`.

What comes out is a document without groups. Each of its nodes knows where it is written (`NodeSpec.place`), so problems
found later still name a place in the document that people have before them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.exposures import PREFIX, Exposures, check_groups, group_name, is_use
from services.graph.domain.compile.signals import DOCUMENT_NAMES
from services.graph.domain.documents.expressions import ExpressionError, parse
from services.graph.domain.documents.hints import Hints
from services.graph.domain.documents.model import Document, Expression, Group, Link, NodeSpec, Origin, ParameterValue
from services.graph.domain.documents.parser import MAX_NODES
from services.graph.domain.documents.problems import Problem, Reason

__all__ = ["PREFIX", "expand"]

MAX_NAME: Final = 200
"""Characters of a node's id with all its uses before it: what is stored of jobs has room for it."""


def expand(document: Document, catalogue: Catalogue) -> tuple[Document, list[Problem]]:
    """The document with all groups put in, and what is wrong with them and their uses.

    Uses of groups that are wrong in themselves, or that there are not, stay what they are, so that what reads them has
    no problem of its own.
    """
    if not document.groups and not any(is_use(spec) for spec in document.nodes.values()):
        return document, []
    sizes, problems = check_groups(document.groups, catalogue)
    top = _Scope("", "", document.nodes)
    total = sum(sizes.get(group_name(spec), 0) if is_use(spec) else 1 for spec in document.nodes.values())
    if total > MAX_NODES:
        message = f"with its groups put in, there are more than {MAX_NODES} nodes, which is the most there can be"
        return replace(document, nodes={}, groups={}), [*problems, Problem("", "nodes", Reason.LIMIT_EXCEEDED, message)]
    expander = _Expander({name: document.groups[name] for name in sizes}, Exposures(document.groups, catalogue))
    nodes = {spec.id: spec for spec in expander.nodes(top)}
    nodes.update(expander.broken)
    for muted in expander.muted & nodes.keys():
        nodes[muted] = nodes[muted]._replace(mute=True)
    found = dict.fromkeys([*problems, *expander.problems])
    return Document(document.settings, nodes), list(found)


@dataclass(eq=False)
class _Scope:
    """The document, or one use of a group: nodes that can name each other."""

    prefix: str
    """Of the ids of its nodes in the expanded document: "" or "use/"."""
    path: str
    """Of where its nodes are written: "" or "groups.look."."""
    specs: Mapping[str, NodeSpec]
    fed: Mapping[str, Mapping[str, "_Fed"]] = field(default_factory=dict)
    """By inner node: its inputs that the group exposes, and what the use connects them with."""
    given: Mapping[str, Mapping[str, tuple[ParameterValue, str]]] = field(default_factory=dict)
    """By inner node: its parameters that the use sets, and where it does."""
    children: dict[str, "_Scope"] = field(default_factory=dict)

    def place(self, node: str, path: str) -> str:
        return f"{self.path}nodes.{node}.{path}"


@dataclass(frozen=True)
class _Fed:
    scope: _Scope
    """The scope that the link is written in."""
    link: Link | None
    """None where the use does not connect the input."""
    place: str


class _Expander:
    def __init__(self, groups: Mapping[str, Group], exposures: Exposures) -> None:
        """`groups`: those that are sound; they do not contain themselves."""
        self.groups = groups
        self.exposures = exposures
        self.problems: list[Problem] = []
        self.hints = Hints()
        self.muted: set[str] = set()
        """Nodes that give the outputs of muted uses."""
        self.broken: dict[str, NodeSpec] = {}
        """Uses that could not be put in, or of which something was asked that they do not have."""
        self.followed: dict[tuple[_Scope, Link, bool], Link] = {}

    def problem(self, scope: _Scope, node: str, path: str, reason: Reason, message: str) -> None:
        self.problems.append(Problem(f"{scope.prefix}{node}", scope.place(node, path), reason, message))

    def nodes(self, scope: _Scope) -> Iterator[NodeSpec]:
        """The nodes of a scope in order, uses replaced. Recurses as deep as groups are nested."""
        for spec in scope.specs.values():
            if is_use(spec):
                inner = self.child(scope, spec)
                if inner is None:
                    self.give_up(scope, spec)
                else:
                    yield from self.nodes(inner)
            else:
                yield self.node(scope, spec)

    def node(self, scope: _Scope, spec: NodeSpec) -> NodeSpec:
        inputs, places = {}, {}
        for name, (where, link, place) in self.inputs(scope, spec).items():
            if place is not None:
                places[f"inputs.{name}"] = place
            if link is not None:
                inputs[name] = self.follow(where, link, place or scope.place(spec.id, f"inputs.{name}"))
        params = dict(spec.params)
        for name, (value, place) in scope.given.get(spec.id, {}).items():
            params[name] = value
            places[f"params.{name}"] = place
        if not scope.prefix:
            return spec._replace(inputs=inputs, params=params)
        if len(scope.prefix) + len(spec.id) > MAX_NAME:
            message = f"within its groups the node is called {scope.prefix}{spec.id}: more than {MAX_NAME} characters"
            self.problem(scope, spec.id, "type", Reason.LIMIT_EXCEEDED, message)
        origin = Origin(f"{scope.path}nodes.{spec.id}", places)
        return spec._replace(id=f"{scope.prefix}{spec.id}", inputs=inputs, params=params, origin=origin)

    def inputs(self, scope: _Scope, spec: NodeSpec) -> dict[str, tuple[_Scope, Link | None, str | None]]:
        """All inputs of a node: its own links, and those that the use of its group gives it."""
        result: dict[str, tuple[_Scope, Link | None, str | None]] = {
            name: (scope, link, None) for name, link in spec.inputs.items()
        }
        for name, fed in scope.fed.get(spec.id, {}).items():
            result[name] = (fed.scope, fed.link, fed.place)
        return result

    def child(self, scope: _Scope, spec: NodeSpec) -> _Scope | None:
        """The scope of a use, made once."""
        if spec.id in scope.children:
            return scope.children[spec.id]
        name = group_name(spec)
        group = self.groups.get(name)
        if group is None:
            if name not in self.exposures.groups:
                close = self.hints.closest(name, self.exposures.groups)
                hint = f'; did you mean "{PREFIX}{close}"?' if close else ""
                message = f'there is no group "{name[:80]}"{hint}'
                self.problem(scope, spec.id, "type", Reason.UNKNOWN_NODE_TYPE, message)
            return None
        if spec.version:
            message = "a group has no version; take this out"
            self.problem(scope, spec.id, "version", Reason.UNSUPPORTED_VERSION, message)
        self.check_names(scope, spec, group)
        inputs = self.inputs(scope, spec)
        fed: dict[str, dict[str, _Fed]] = {}
        for exposed, targets in group.inputs.items():
            where, link, place = inputs.get(exposed, (scope, None, None))
            for target in targets:
                place = place or scope.place(spec.id, f"inputs.{exposed}")
                fed.setdefault(target.node, {})[target.output] = _Fed(where, link, place)
        given: dict[str, dict[str, tuple[ParameterValue, str]]] = {}
        for exposed, (value, place) in self.params(scope, spec).items():
            for target in group.params.get(exposed, ()):
                given.setdefault(target.node, {})[target.output] = (value, place)
        child = _Scope(f"{scope.prefix}{spec.id}/", f"groups.{name}.", group.nodes, fed, given)
        scope.children[spec.id] = child
        return child

    def params(self, scope: _Scope, spec: NodeSpec) -> dict[str, tuple[ParameterValue, str]]:
        """What a use sets, by exposed parameter, and where it is written."""
        result: dict[str, tuple[ParameterValue, str]] = {
            name: (value, scope.place(spec.id, f"params.{name}")) for name, value in spec.params.items()
        }
        result.update(scope.given.get(spec.id, {}))
        return result

    def check_names(self, scope: _Scope, spec: NodeSpec, group: Group) -> None:
        for section, given, known, reason in (
            ("inputs", spec.inputs, group.inputs, Reason.UNKNOWN_INPUT),
            ("params", spec.params, group.params, Reason.UNKNOWN_PARAMETER),
        ):
            for name in given:
                if name not in known:
                    what = "input" if section == "inputs" else "parameter"
                    exposed = ", ".join(known) or "none"
                    message = f'the group exposes no {what} "{name}"; exposed are: {exposed}'
                    self.problem(scope, spec.id, f"{section}.{name}", reason, message)
        for name, value in spec.params.items():
            if isinstance(value, Expression) and (strange := _strange_names(value)):
                message = (
                    f'"{name}": an expression on a use of a group reads {", ".join(DOCUMENT_NAMES)} alone, '
                    f"not {', '.join(strange)}"
                )
                self.problem(scope, spec.id, f"params.{name}", Reason.INVALID_EXPRESSION, message)

    def follow(self, scope: _Scope, link: Link, place: str) -> Link:
        """Where a link, written at `place`, leads once groups are put in; to a broken use after a problem."""
        muted = False
        trail: dict[tuple[_Scope, Link, bool], None] = {}
        while (scope, link, muted) not in self.followed:
            if (scope, link, muted) in trail:
                message = "bypassed groups feed each other in a circle; take one connection out"
                self.problem(scope, link.node, "inputs", Reason.CYCLE, message)
                found = self.give_up(scope, scope.specs[link.node])
                break
            trail[scope, link, muted] = None
            spec = scope.specs.get(link.node)
            if spec is None or not is_use(spec):
                found = Link(f"{scope.prefix}{link.node}", link.output)
                if muted:
                    self.muted.add(found.node)
                break
            muted = muted or spec.mute
            following = self.through(scope, spec, link.output, place, muted=muted)
            if following is None:
                found = self.give_up(scope, spec)
                break
            scope, link = following
        else:
            found = self.followed[scope, link, muted]
        self.followed.update(dict.fromkeys(trail, found))
        return found

    def through(
        self, scope: _Scope, spec: NodeSpec, output: str, place: str, *, muted: bool
    ) -> tuple[_Scope, Link] | None:
        """Where an output of a use comes from: from within, or past it where it is bypassed."""
        group, inner = self.groups.get(group_name(spec)), self.child(scope, spec)
        if group is None or inner is None:
            return None
        output = output or (next(iter(group.outputs)) if len(group.outputs) == 1 else "")
        if output not in group.outputs:
            what = f'has no output "{output}"' if output else "has several outputs, so a link names one"
            message = f'the group of "{spec.id}" {what}; its outputs: {", ".join(group.outputs)}'
            self.problems.append(Problem(f"{scope.prefix}{spec.id}", place, Reason.UNKNOWN_SOURCE, message))
            return None
        if muted or not spec.bypass:
            return inner, group.outputs[output]
        inputs = {name: item for name, item in self.inputs(scope, spec).items() if item[1] is not None}
        passed = self.exposures.passed(group_name(spec), output, list(inputs))
        if passed is None:
            message = (
                f'nothing is connected that could pass through as its output "{output}": an input of that name, '
                "or the only one of its type; mute it instead"
            )
            self.problem(scope, spec.id, "bypass", Reason.CANNOT_BYPASS, message)
            return None
        where, following, _ = inputs[passed]
        assert following is not None
        return where, following

    def give_up(self, scope: _Scope, spec: NodeSpec) -> Link:
        """Leaves a use in the document under its own name."""
        name = f"{scope.prefix}{spec.id}"
        self.broken[name] = spec._replace(id=name, inputs={}, params={})
        return Link(name)


def _strange_names(value: Expression) -> list[str]:
    try:
        names = {name for source in value.sources for name in parse(source).names}
        return sorted(names - set(DOCUMENT_NAMES))
    except ExpressionError:
        return []  # told where the parameter's own expression is read
