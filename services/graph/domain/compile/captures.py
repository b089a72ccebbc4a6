"""The captures of a plan: which frames of the graph are rendered ahead, for generations that go on from them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

from artifex.nodes import Node, Role
from services.graph.domain.compile.analyses import analyses_of, followed
from services.graph.domain.compile.plan import Compiled, Edge, Step
from services.graph.domain.compile.walks import upstream

_START: Final = Fraction(0)
_FORMAT: Final = "artifex capture 1"
"""Begins every key: a new number where the engine makes another picture of the same frame."""


class Place(NamedTuple):
    """Names a capture within its plan."""

    node: str
    """The node whose generation goes on from it; of merged nodes, the first."""
    role: Role


@dataclass(frozen=True, slots=True)
class PlannedCapture:
    """One picture that a generation goes on from."""

    place: Place
    step: Step
    input: str
    edge: Edge
    """What is rendered."""
    frame: int
    """Counted in the document; it may lie beyond its end."""
    after: tuple[str, ...]
    """Nodes whose analyses and nodes whose clips must be there before, in the order of the plan."""


def captures_of(compiled: Compiled) -> dict[Place, PlannedCapture]:
    """All of them, each after those of the generations that it shows."""
    asking = [
        step for step in compiled.steps if step.node in compiled.generations and step.type.captures is not Node.captures
    ]
    if not asking:
        return {}
    before = analyses_of(compiled).keys() | compiled.generations.keys()
    found: dict[Place, PlannedCapture] = {}
    for step in asking:
        for wanted in step.at(_START).captures():
            edge = step.inputs.get(wanted.input)
            if edge is None:
                continue
            place = Place(step.node, wanted.role)
            if place in found:
                raise ValueError(f"{step.type.schema.type} captures two pictures to be the {wanted.role} one")
            after = tuple(other.node for other in upstream(compiled.steps, [edge]) if other.node in before)
            frame = int(wanted.time * compiled.fps)
            found[place] = PlannedCapture(place, step, wanted.input, edge, frame, after)
    return found


def capture_keys(
    compiled: Compiled, captures: Mapping[Place, PlannedCapture], contents: Mapping[str, str]
) -> dict[Place, str]:
    """The key of each picture: 64 hexadecimal digits, equal only for what must be equal.

    `contents`: digests of media, by node. A picture of media that is not there has no key yet.
    """
    if not captures:
        return {}
    deep = followed(compiled, analyses_of(compiled), contents)
    settings = compiled.settings
    # How long the document is matters to what is analysed of it, and so perhaps to the picture.
    document = f"{settings.width}x{settings.height} {settings.fps} {settings.colorspace} {compiled.frame_count}"
    keys: dict[Place, str] = {}
    for place, planned in captures.items():
        before = deep[planned.edge.step]
        if before is not None:
            facts = f"{_FORMAT}\0{document}\0{planned.edge.output.name}\0{planned.frame}\0"
            keys[place] = hashlib.sha256(facts.encode() + before).hexdigest()
    return keys
