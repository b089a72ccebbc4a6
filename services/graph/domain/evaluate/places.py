"""What is known of each result of a compiled graph before any frame is asked for.

A place is one output of one step. What does not change from frame to frame is worked out once and kept with it: the
node of constant parameters, its spelling for digests, and, where nothing changes with time, the digest itself.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from artifex.nodes import MediaSource, Node, Output, Request, Window
from services.graph.domain.compile.plan import Compiled, Edge, Step
from services.graph.domain.compile.runs import fingerprint
from services.graph.domain.compile.signals import Constant

ENGINE: Final = "artifex evaluator 1"
"""Begins every digest: a new number where the engine gives other pixels for the same nodes, so that no disk cache of
an older one is believed."""
_REGIONS: Final = 64
"""Digests kept per place: a viewer that is panned asks for ever new regions."""


class Traits(NamedTuple):
    """Which of the optional questions a node type answers for itself; the others need not be asked."""

    identity: bool
    frames: bool
    region: bool
    pointwise: bool
    grade: bool
    motion: bool
    plain: bool
    """Whether the fingerprint is the parameters, as `Node.fingerprint` has it."""

    @classmethod
    def of(cls, node_type: type[Node]) -> "Traits":
        return cls(
            identity=node_type.identity is not Node.identity,
            frames=node_type.frames_needed is not Node.frames_needed,
            region=node_type.region_needed is not Node.region_needed,
            pointwise=node_type.pointwise is not Node.pointwise,
            grade=node_type.grade is not Node.grade,
            motion=node_type.motion is not Node.motion,
            plain=node_type.fingerprint is Node.fingerprint,
        )


class Place:
    """One output of one step, and what is known of it for all frames."""

    __slots__ = (
        "constant", "digests", "head", "index", "inputs", "last_digest", "moments", "node", "output", "prefix",
        "source", "static", "step", "traits",
    )  # fmt: skip

    def __init__(
        self, index: int, step: Step, traits: Traits, output: Output, source: MediaSource | None, document: str
    ) -> None:
        """`document`: what every digest says of the document: size, rate, working space, scale."""
        schema = step.type.schema
        self.index = index
        """Higher than that of everything it depends on."""
        self.step = step
        self.output = output
        self.source = source
        self.static = step.static
        self.traits = traits
        self.moments = step.has_moments
        self.constant = not self.moments and all(type(signal) is Constant for signal in step.signals.values())
        """Whether it is the same node for all requests."""
        self.inputs: tuple[tuple[str, Place, bytes], ...] = ()
        """By connection: its name, where it leads, and the name as digests spell it."""
        key = source.key if source is not None else ""
        self.prefix = f"{ENGINE} {document} {schema.type} {schema.version} {output.name} {key} "
        if step.analysed is not None:
            self.prefix += f"{step.analysed.digest} "
        self.node: Node | None = None
        self.head: bytes | None = None
        self.digests: dict[Window, bytes] = {}
        """Of a static place, by region."""
        self.last_digest = b""
        """Of the frame before: what comes twice is worth keeping."""

    def asked(self, request: Request) -> Node:
        """The node with its parameters' values at the request's time; the same object where they never change."""
        node = self.node
        if node is None:
            node = self.step.asked(request) if self.moments else self.step.at(request.time)
            if self.constant:
                self.node = node
        return node

    def described(self, node: Node, request: Request) -> bytes:
        """What a digest says of the node itself: type, version, output, source, fingerprint."""
        if self.head is not None:
            return self.head
        head = f"{self.prefix}{fingerprint(node, request)!r}"
        if self.traits.plain:
            if node.time_dependent:
                return f"{head} {request.time}".encode()
            if self.constant:
                self.head = head.encode()
        return head.encode()

    def remember(self, region: Window, digest: bytes) -> None:
        """Keeps the digest of a static place."""
        if len(self.digests) >= _REGIONS:
            self.digests.clear()
        self.digests[region] = digest


def root_place(compiled: Compiled, sources: Mapping[str, MediaSource], document: str) -> Place:
    """The place of the picture that `compiled` puts out, with all that it depends on linked behind it."""
    assert compiled.picture is not None
    found: dict[tuple[int, str], Edge] = {}
    stack = [compiled.picture]
    while stack:
        edge = stack.pop()
        key = (edge.step, edge.output.name)
        if key not in found:
            found[key] = edge
            stack.extend(compiled.steps[edge.step].inputs.values())
    places: dict[tuple[int, str], Place] = {}
    traits = {node_type: Traits.of(node_type) for node_type in {step.type for step in compiled.steps}}
    for index, key in enumerate(sorted(found)):
        step = compiled.steps[key[0]]
        place = places[key] = Place(index, step, traits[step.type], found[key].output, step.source(sources), document)
        # Sources of lower index are there already, so every link is to a finished place.
        place.inputs = tuple(
            [(name, places[edge.step, edge.output.name], f"\0{name}=".encode()) for name, edge in step.inputs.items()]
        )
    return places[compiled.picture.step, compiled.picture.output.name]
