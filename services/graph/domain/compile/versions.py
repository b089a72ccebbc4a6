"""Brings nodes that were written for older versions of their types forward, by what the types register."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from artifex.nodes import NodeSchema, OldNode, Upgrade, parse_version, upgrade_path
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.documents.document import node_json
from services.graph.domain.documents.model import Document, Link, NodeSpec
from services.graph.domain.documents.parser import reread_node
from services.graph.domain.documents.problems import Problem, Reason

_log = logging.getLogger(__name__)


def stamped(document: Document, catalogue: Catalogue) -> Document:
    """The document with every node's version said: what is stored must mean the same when types have moved on."""

    def stamp(nodes: Mapping[str, NodeSpec]) -> dict[str, NodeSpec]:
        return {
            node_id: spec._replace(version=catalogue[spec.type].schema.version)
            if not spec.version and spec.type in catalogue
            else spec
            for node_id, spec in nodes.items()
        }

    groups = {name: replace(group, nodes=stamp(group.nodes)) for name, group in document.groups.items()}
    return Document(document.settings, stamp(document.nodes), groups)


def upgraded(document: Document, catalogue: Catalogue) -> tuple[Document, list[Problem]]:
    """The document, whose groups are put in, with every node as its type's present version has it."""
    problems: list[Problem] = []
    changed: dict[str, NodeSpec] = {}
    renamed: dict[str, Mapping[str, str]] = {}
    for spec in document.nodes.values():
        if not spec.version or (node_type := catalogue.get(spec.type)) is None:
            continue
        if spec.version == node_type.schema.version:
            continue
        _bring(spec, node_type.schema, changed, renamed, problems)
    if not changed:
        return document, problems
    nodes = {node_id: changed.get(node_id, spec) for node_id, spec in document.nodes.items()}
    if renamed:
        for node_id, spec in nodes.items():
            if any(link.node in renamed for link in spec.inputs.values()):
                inputs = {name: _renamed(link, renamed.get(link.node, {})) for name, link in spec.inputs.items()}
                nodes[node_id] = spec._replace(inputs=inputs)
    return replace(document, nodes=nodes), problems


def _bring(
    spec: NodeSpec,
    schema: NodeSchema,
    changed: dict[str, NodeSpec],
    renamed: dict[str, Mapping[str, str]],
    problems: list[Problem],
) -> None:
    written, current = parse_version(spec.version), parse_version(schema.version)
    assert written is not None
    assert current is not None
    path = upgrade_path(schema.upgrades, written, current)
    if path is None:
        if written > current:
            here = f"{schema.type} is at version {schema.version} here, which cannot stand in for {spec.version}"
            message = f"{here}; render it where the node is that new, or take the version out and see what differs"
        else:
            message = f"nothing leads from version {spec.version} of {schema.type} to {schema.version}; write it anew"
        problems.append(Problem(spec.id, spec.place("version"), Reason.UNSUPPORTED_VERSION, message))
        return
    if not path:
        return
    names: dict[str, str] = {}
    for step in path:
        found = _step(spec, step, schema, problems)
        if found is None:
            return
        spec, old = found
        names = {first: old.pop(last, last) for first, last in names.items()} | old
    changed[spec.id] = spec
    if names:
        renamed[spec.id] = names


def _step(
    spec: NodeSpec, step: Upgrade, schema: NodeSchema, problems: list[Problem]
) -> tuple[NodeSpec, dict[str, str]] | None:
    """The node after one upgrade, and the outputs it renames; None with a problem."""
    to = ".".join(map(str, step.to))
    where = f"the upgrade of {schema.type} from version {spec.version} to {to}"
    loaded = node_json(spec, remarks=False)
    old = OldNode(_strings(loaded.get("inputs", {})), _objects(loaded.get("params", {})))
    try:
        step.change(old)
        changed = {"type": spec.type, "version": to, "inputs": old.inputs, "params": old.params}
        again, wrong = reread_node(spec, changed)
        renames = _strings(old.renamed_outputs)
    except Exception as error:  # noqa: BLE001 - upgrades meet values that nobody has checked; none is a service's fault
        _log.warning("%s failed on node %s", where, spec.id, exc_info=error)
        message = f"{where} does not take this node ({type(error).__name__}: {error}); write it for {schema.version}"
        problems.append(Problem(spec.id, spec.place("version"), Reason.UNSUPPORTED_VERSION, message))
        return None
    if wrong:
        message = f"{where} makes no sense of it: {wrong[0].message}; write it for {schema.version}"
        problems.append(Problem(spec.id, spec.place("version"), Reason.UNSUPPORTED_VERSION, message))
        return None
    return again, renames


def _renamed(link: Link, names: Mapping[str, str]) -> Link:
    return Link(link.node, names.get(link.output, link.output))


def _strings(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} given where names are expected")
    return {str(name): str(item) for name, item in value.items()}


def _objects(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} given where parameters are expected")
    return dict(value)
