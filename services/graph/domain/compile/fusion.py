"""Makes one step of several: runs of colour changes one processor, runs of moves one resampling.

A node joins the one before it when both only change colour, or both only move their picture, and nothing else reads
what is between them. This is found from what the types say of themselves, so it costs nothing per frame and holds for
every time.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final
from weakref import WeakKeyDictionary

from artifex.nodes import VIDEO, Node
from services.graph.domain.compile.plan import Edge, RunStep, Step
from services.graph.domain.compile.runs import GradeRun, MotionRun, Run
from services.graph.domain.compile.signals import Constant
from services.graph.domain.compile.unknown import UNKNOWN, Asked

MAX_MEMBERS: Final = 64
"""Of a run. Longer ones become several: an OCIO processor is finished in more than linear time."""


def fuse(steps: Sequence[Step], ends: Iterable[Edge | None]) -> tuple[list[Step], dict[int, Edge | int]]:
    """The steps with runs made one, and for each old index the new one, or of a run's last member the run's output.

    `ends`: what the output node reads.
    """
    groups = _groups(steps, ends)
    fused: list[Step] = []
    moved: dict[int, Edge | int] = {}
    changed: dict[int, bytes] = {}
    """New digests, by new index, of what has a run in it or before it."""
    for group in groups:
        first, last = group[0], group[-1]
        index = len(fused)
        if last.index == index:
            # There is no run before it, so none that it reads, and it is none itself.
            moved[index] = index
            fused.append(last)
            continue
        inputs = {name: follow(edge, moved) for name, edge in first.inputs.items()}
        sources = [changed.get(edge.step) for edge in inputs.values()]
        digest = last.digest
        if len(group) > 1 or any(sources):
            # The same nodes one by one have other pixels, so no cache may take one for the other.
            text = f"{len(group)} {last.digest.hex()} {' '.join(source.hex() if source else '' for source in sources)}"
            digest = changed[index] = hashlib.blake2b(text.encode(), digest_size=16).digest()
        if len(group) == 1:
            moved[last.index] = index
            fused.append(replace(last, index=index, inputs=inputs, digest=digest))
            continue
        run = _run_type(last.type)
        assert run is not None
        (output,), (port,) = run.schema.outputs.values(), run.schema.inputs
        moved[last.index] = Edge(index, output)
        (source,) = inputs.values()
        signals = {f"{member.node}.{name}": signal for member in group for name, signal in member.signals.items()}
        fused.append(RunStep(index, last.node, run, signals, {port: source}, last.static, digest, members=tuple(group)))
    return fused, moved


def follow(edge: Edge, moved: dict[int, Edge | int]) -> Edge:
    """The edge after fusing."""
    to = moved[edge.step]
    return to if isinstance(to, Edge) else Edge(to, edge.output)


def _groups(steps: Sequence[Step], ends: Iterable[Edge | None]) -> list[list[Step]]:
    """The steps in order, those of one run together at the place of its last."""
    readers = [0] * len(steps)
    for step in steps:
        for edge in step.inputs.values():
            readers[edge.step] += 1
    for end in ends:
        if end is not None:
            readers[end.step] += 1
    types = {node_type: _run_type(node_type) for node_type in {step.type for step in steps}}
    runs = [run if (run := types[step.type]) is not None and _always(step) else None for step in steps]
    groups: list[list[Step]] = []
    absorbed: set[int] = set()
    for step in steps:
        run = runs[step.index]
        source = next(iter(step.inputs.values())).step if run is not None and step.inputs else -1
        before = groups[source] if source >= 0 and readers[source] == 1 and runs[source] is run else []
        # A still that is graded, and then graded by what changes, is graded once: two passes either way, one of them
        # for all frames. Moves are joined nevertheless, for what two resamplings would cost in sharpness.
        apart = run is GradeRun and before and before[-1].static and not step.static
        if before and not apart and len(before) < MAX_MEMBERS:
            absorbed.add(source)
            before.append(step)
            groups.append(before)
        else:
            groups.append([step])
    return [group for index, group in enumerate(groups) if index not in absorbed]


def _always(step: Step) -> bool:
    """False for a grade whose constant parameters make it no mere colour change, such as a look mixed in by half."""
    if step.type.grade is Node.grade or step.type.render is Node.render:
        return True
    if step.has_moments or not all(type(signal) is Constant for signal in step.signals.values()):
        return True
    try:
        return step.at(Fraction(0)).grade(UNKNOWN, UNKNOWN) is not None
    except Asked:
        # It looked at what is only known when it renders: there are transforms to be made.
        return True


_RUN_TYPES: Final[WeakKeyDictionary[type[Node], type[Run] | None]] = WeakKeyDictionary()


def _run_type(node_type: type[Node]) -> type[Run] | None:
    """The run that nodes of this type join, from what their class overrides."""
    if node_type not in _RUN_TYPES:
        _RUN_TYPES[node_type] = _find_run_type(node_type)
    return _RUN_TYPES[node_type]


def _find_run_type(node_type: type[Node]) -> type[Run] | None:
    schema = node_type.schema
    inputs, outputs = [port.kind for port in schema.inputs.values()], [port.kind for port in schema.outputs.values()]
    simple = inputs == outputs == [VIDEO]
    if not simple or node_type.frames_needed is not Node.frames_needed:
        return None
    if node_type.analysis is not None:
        # What its analysis reads must have a step to end at.
        return None
    if node_type.grade is not Node.grade:
        return GradeRun
    return MotionRun if node_type.motion is not Node.motion else None
