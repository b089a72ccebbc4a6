"""The analyses of a plan: which nodes must see the whole clip first, in what order, and under what key it is kept."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

from artifex.nodes import AUDIO, MAX_ANALYSED_BYTES, VIDEO, Analysis, base_name, sample_at
from libs.chassis.errors import Internal
from services.graph.domain.compile.plan import Analysed, Compiled, Edge, Step
from services.graph.domain.compile.walks import upstream
from services.graph.domain.documents.model import CHANNELS, SAMPLE_RATE

_START: Final = Fraction(0)
_FORMAT: Final = "artifex analysis 1"
"""Begins every key: a new number where the engine shows analyses something else of the same clip, so that nothing that
was found before is believed."""


@dataclass(frozen=True, slots=True)
class PlannedAnalysis:
    """One analysis that a plan needs."""

    node: str
    """The node that needs it; of merged nodes, the first."""
    type: str
    step: Step
    analysis: Analysis
    reads: Mapping[str, Edge]
    """What it reads, by name of the connection."""
    after: tuple[str, ...]
    """Nodes whose analyses and nodes whose clips must be there before, in the order of the plan."""


def analyses_of(compiled: Compiled) -> dict[str, PlannedAnalysis]:
    """By node, each after those it depends on."""
    steps = [step for step in compiled.steps if _needed(step)]
    before = {step.node for step in steps} | compiled.generations.keys()
    found: dict[str, PlannedAnalysis] = {}
    for step in steps:
        analysis = step.type.analysis
        assert analysis is not None
        names = {port.name for port in analysis.inputs}
        reads = {name: edge for name, edge in step.inputs.items() if base_name(name) in names}
        after = tuple(other.node for other in upstream(compiled.steps, reads.values()) if other.node in before)
        found[step.node] = PlannedAnalysis(step.node, step.type.schema.type, step, analysis, reads, after)
    return found


def awaited(compiled: Compiled, analyses: Mapping[str, PlannedAnalysis], end: Edge | None) -> list[str]:
    """The nodes whose analyses must be done before what `end` leads to can be made, in the order of the plan."""
    if end is None or not analyses:
        return []
    return [step.node for step in upstream(compiled.steps, [end]) if step.node in analyses]


def keys_of(compiled: Compiled, analyses: Mapping[str, PlannedAnalysis], contents: Mapping[str, str]) -> dict[str, str]:
    """The key of what each analysis finds, by node: 64 hexadecimal digits, equal only for what must be equal.

    `contents`: digests of media, by node. An analysis of media that is not there has no key yet.
    """
    if not analyses:
        return {}
    found: dict[str, str] = {}
    deep = followed(compiled, analyses, contents)
    for node, planned in analyses.items():
        reads = {name: (edge, deep[edge.step]) for name, edge in planned.reads.items()}
        key = _key(compiled, planned, reads, _own(compiled, planned.step, contents))
        if key is not None:
            found[node] = key
    return found


def followed(
    compiled: Compiled, analyses: Mapping[str, PlannedAnalysis], contents: Mapping[str, str]
) -> list[bytes | None]:
    """Of every step, a digest of all that its result follows from; None where that is not known yet.

    `contents` as of `keys_of`.
    """
    deep: list[bytes | None] = []
    for step in compiled.steps:
        inputs = {name: (edge, deep[edge.step]) for name, edge in step.inputs.items()}
        own = _own(compiled, step, contents)
        parts = [step.digest, *(content.encode() for content in own if content), *_flat(inputs)]
        if (planned := analyses.get(step.node)) is not None:
            parts.append(_declared(planned.analysis))
        known = all(own) and all(digest is not None for _, digest in inputs.values())
        deep.append(hashlib.sha256(b"\0".join(parts)).digest() if known else None)
    return deep


def with_analysed(compiled: Compiled, analysed: Mapping[str, Analysed]) -> Compiled:
    """The plan with what its analyses found, by node, as far as that is known."""
    if not analysed:
        return compiled
    steps = tuple(replace(step, analysed=analysed.get(step.node)) if _needed(step) else step for step in compiled.steps)
    return replace(compiled, steps=steps)


def encode(value: Any, node: str) -> bytes:
    """What an analysis found as it is stored. Raises Internal, naming the node, for what is no such value."""
    try:
        data = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        message = f'the analysis of node "{node}" found something that JSON cannot say: {error}'
        raise Internal(message, metadata={"node": node}) from error
    if value is None or len(data) > MAX_ANALYSED_BYTES:
        what = "nothing" if value is None else f"{len(data)} bytes; {MAX_ANALYSED_BYTES} are allowed"
        raise Internal(f'the analysis of node "{node}" found {what}', metadata={"node": node})
    return data


def decode(text: str) -> Analysed:
    """What `encode` wrote."""
    return Analysed(json.loads(text), hashlib.sha256(text.encode()).hexdigest())


def _own(compiled: Compiled, step: Step, contents: Mapping[str, str]) -> list[str | None]:
    """The digests of the media that a step itself reads."""
    media = (compiled.assets, compiled.generations)
    return [contents.get(node) for node in step.nodes if any(node in named for named in media)]


def _needed(step: Step) -> bool:
    return step.type.analysis is not None and step.at(_START).needs_analysis()


def _key(
    compiled: Compiled,
    planned: PlannedAnalysis,
    reads: Mapping[str, tuple[Edge, bytes | None]],
    own: Sequence[str | None],
) -> str | None:
    if not all(own) or any(digest is None for _, digest in reads.values()):
        return None
    analysis, step = planned.analysis, planned.step
    kinds = {port.kind for port in analysis.inputs}
    facts = [_FORMAT, step.type.schema.type, *(content for content in own if content)]
    if AUDIO in kinds:
        samples = sample_at(compiled.frame_count / compiled.fps, SAMPLE_RATE)
        facts.append(f"{samples} samples of {CHANNELS} at {SAMPLE_RATE}")
    if VIDEO in kinds:
        settings = compiled.settings
        facts.append(f"{compiled.frame_count} frames {settings.width}x{settings.height} {settings.fps}")
        facts.append(settings.colorspace)
    names = {parameter.name for parameter in analysis.parameters}
    facts += [
        f"{name}={signal.spelling()}" for name, signal in sorted(step.signals.items()) if base_name(name) in names
    ]
    parts = [*(fact.encode() for fact in facts), _declared(analysis), *_flat(reads)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _declared(analysis: Analysis) -> bytes:
    return f"{analysis.name} {analysis.version}".encode()


def _flat(inputs: Mapping[str, tuple[Edge, bytes | None]]) -> list[bytes]:
    parts: list[bytes] = []
    for name, (edge, digest) in sorted(inputs.items()):
        parts += [f"{name}<{edge.output.name}".encode(), (digest or b"").hex().encode()]
    return parts
