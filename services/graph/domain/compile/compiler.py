"""From a document to what is evaluated: checked, without dead branches, equal subgraphs merged, in topological order.

No walk recurses, so depth is no limit; every step's digest is made from its inputs' digests, so time is linear.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import AUDIO, Node
from services.graph.domain.collector import collector_held
from services.graph.domain.compile.builder import Builder
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.checking import Checked, asset_of, check
from services.graph.domain.compile.exposures import is_use
from services.graph.domain.compile.fusion import follow, fuse
from services.graph.domain.compile.plan import Compiled, Converter, Edge, RunStep, Simplified, Step
from services.graph.domain.documents.model import Document
from services.graph.domain.documents.problems import GraphInvalid, Problem, Reason

__all__ = [
    "Checked", "Compiled", "Converter", "Edge", "RunStep", "Simplified", "Step", "asset_references", "check", "compile",
    "compile_checked", "output_nodes", "validate", "validate_checked",
]  # fmt: skip


def asset_references(document: Document, catalogue: Catalogue) -> dict[str, str]:
    """The well-formed asset names in a document, `assets/{asset}`, by node. Needs no valid document."""
    return check(document, catalogue).assets


def output_nodes(document: Document, catalogue: Catalogue) -> list[str]:
    """The nodes that end the graph, in the document's order."""
    return list(check(document, catalogue).outputs)


def validate(document: Document, catalogue: Catalogue, assets: Mapping[str, media.MediaInfo]) -> list[Problem]:
    """Every problem that keeps the document from being rendered; none means it can be.

    `assets`: what is known of each asset, by name; one that is not there does not exist.
    """
    return validate_checked(check(document, catalogue), assets)


def validate_checked(checked: Checked, assets: Mapping[str, media.MediaInfo]) -> list[Problem]:
    """`validate` of a document that is checked already."""
    infos = {node: assets[asset] for node, asset in checked.assets.items() if asset in assets}
    problems = [*checked.problems, *checked.asset_problems(assets), *checked.stream_problems(infos)]
    return problems or checked.length_problems(infos)


def compile(
    document: Document,
    catalogue: Catalogue,
    output_node: str,
    sources: Mapping[str, media.MediaInfo],
    *,
    optimise: bool = True,
) -> Compiled:
    """The plan for rendering `output_node`, or the only output that writes something when it is empty.

    `sources`: what is known of each node's media; needed for nodes with an asset. Without `optimise` every node that
    takes part, and is neither bypassed nor muted, has a step of its own, but for equal ones: what the optimised plan is
    compared with. Raises GraphInvalid.
    """
    return compile_checked(check(document, catalogue), output_node, sources, optimise=optimise)


def compile_checked(
    checked: Checked, output_node: str, sources: Mapping[str, media.MediaInfo], *, optimise: bool = True
) -> Compiled:
    """`compile` of a document that is checked already."""
    with collector_held():
        return _compile(checked, output_node, sources, optimise=optimise)


def _compile(checked: Checked, output_node: str, sources: Mapping[str, media.MediaInfo], *, optimise: bool) -> Compiled:
    problems = [*checked.problems, *checked.stream_problems(sources)]
    outputs = checked.outputs
    if output_node and output_node not in outputs:
        message = f'"{output_node[:80]}" is no output node; the outputs: {", ".join(outputs) or "none"}'
        problems.append(Problem("", "nodes", Reason.NO_OUTPUT, message))
    # What only shows is rendered when it is named, and by nobody else.
    written = [node for node in outputs if not checked.resolved[node].type.monitor]
    if outputs and not output_node and len(written) != 1:
        which = "there are several outputs" if written else "nothing is written to a file"
        message = f"{which}; say which to render: {', '.join(written or outputs)}"
        problems.append(Problem("", "nodes", Reason.AMBIGUOUS_OUTPUT, message))
    if problems:
        raise GraphInvalid(problems)
    chosen = output_node or written[0]
    order = checked.upstream(chosen)
    frame_count, problems = checked.frame_count(chosen, sources)
    if problems:
        raise GraphInvalid(problems)
    resolved = checked.resolved
    builder = Builder(resolved, optimise=optimise)
    for node in order:
        if node != chosen:
            builder.add(resolved[node])
    sink = resolved[chosen]
    feeds = {connection.port.kind: builder.edge(sink, name) for name, connection in sink.connections.items()}
    sound = feeds.pop(AUDIO, None)
    picture = next(iter(feeds.values()), None)
    kept, (picture, sound) = _reached(builder.steps, (picture, sound))
    assets = {
        step.node: asset
        for step in kept
        if step.type is resolved[step.node].type and (asset := asset_of(resolved[step.node])) is not None
    }
    generations = {
        step.node: spec
        for step in kept
        if step.type.materialise is not Node.materialise and (spec := step.at(Fraction(0)).materialise()) is not None
    }
    steps = kept
    if optimise:
        steps, moved = fuse(kept, (picture, sound))
        picture, sound = (edge and follow(edge, moved) for edge in (picture, sound))
    return Compiled(
        settings=checked.document.settings,
        frame_count=frame_count,
        output_node=chosen,
        sink=sink.at(Fraction(0)),
        picture=picture,
        sound=sound,
        steps=tuple(steps),
        converters=tuple(builder.converters),
        assets=assets,
        generations=generations,
        simplified=_simplified(checked, builder, order, kept),
    )


def _reached(
    steps: Sequence[Step], ends: tuple[Edge | None, Edge | None]
) -> tuple[list[Step], tuple[Edge | None, Edge | None]]:
    """The steps that the ends need, and the ends, counted anew."""
    needed = [False] * len(steps)
    for end in ends:
        if end is not None:
            needed[end.step] = True
    for step in reversed(steps):
        if needed[step.index]:
            for edge in step.inputs.values():
                needed[edge.step] = True
    if all(needed):
        return list(steps), ends
    moved: dict[int, Edge | int] = {}
    kept: list[Step] = []
    for step in steps:
        if needed[step.index]:
            moved[step.index] = len(kept)
            inputs = {name: follow(edge, moved) for name, edge in step.inputs.items()}
            kept.append(replace(step, index=len(kept), inputs=inputs))
    picture, sound = (edge and follow(edge, moved) for edge in ends)
    return kept, (picture, sound)


def _simplified(checked: Checked, builder: Builder, order: Sequence[str], kept: Iterable[Step]) -> Simplified:
    nodes = checked.expanded.nodes
    specs = [checked.resolved[node].spec for node in order]
    uses = [spec for spec in checked.document.nodes.values() if is_use(spec)]
    done = {step.node for step in kept}
    stand_in = {**builder.merged, **builder.identities}
    aside = {spec.id for spec in specs if spec.bypass or spec.mute}
    return Simplified(
        unused=tuple(node for node in nodes if node not in checked.reached) if len(order) < len(nodes) else (),
        dropped=tuple(node for node in order[:-1] if node not in aside and stand_in.get(node, node) not in done),
        merged={node: other for node, other in builder.merged.items() if other in done},
        identities={node: other for node, other in builder.identities.items() if other in done},
        bypassed=tuple(spec.id for spec in [*specs, *uses] if spec.bypass and not spec.mute),
        muted=tuple(spec.id for spec in specs if spec.mute),
    )
