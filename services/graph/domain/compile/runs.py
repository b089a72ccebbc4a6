"""Nodes that stand for several in a row: the compiler makes them, no document names them."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import reduce
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import PyOpenColorIO as ocio
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import (
    VIDEO,
    Colour,
    Frame,
    Input,
    Matrix,
    MediaSource,
    Motion,
    Node,
    Output,
    RenderContext,
    Request,
    Window,
)
from libs.chassis.errors import ArtifexError, Internal
from services.graph.domain.compile.unknown import Asked
from services.graph.nodes.alpha import straight

_FAR: Final = 1e7
"""Windows end here; beyond, whole numbers of pixels lose their meaning in float32."""


class RunSources:
    """What a run is given as its source: those of its members, by node. Implements `artifex.nodes.MediaSource`."""

    def __init__(self, sources: Mapping[str, MediaSource]) -> None:
        self._sources = sources

    @property
    def key(self) -> str:
        # In the members' order, which their fingerprints are in too: nodes' names mean nothing to a cache.
        return " ".join(source.key for source in self._sources.values())

    def of(self, node: str) -> MediaSource | None:
        return self._sources.get(node)

    @property
    def path(self) -> Path:
        raise TypeError("a run has no file of its own")

    @property
    def info(self) -> media.MediaInfo:
        raise TypeError("a run has no media of its own")

    def picture(self, time: Fraction, region: Window | None = None) -> Frame:
        raise TypeError("a run has no pictures of its own")

    def samples(self, start: int, count: int, *, rate: int, channels: int) -> NDArray[np.float32]:
        raise TypeError("a run has no sound of its own")


def fingerprint(node: Node, request: Request) -> Hashable:
    """What the result depends on of the node as it is, and as it is at its moments."""
    own = node.fingerprint(request)
    return (own, *[("then", other.fingerprint(request)) for other in node.then]) if node.then else own


class Run(Node, base=True):
    """Its `values` are its members, by node id, first to last, each at the run's time."""

    category = "Run"

    @property
    def members(self) -> Iterator[tuple[str, Node]]:
        return iter(self.values.items())

    def fingerprint(self, request: Request) -> Hashable:
        return tuple(
            (member.schema.type, member.schema.version, fingerprint(member, request)) for member in self.values.values()
        )

    def identity(self, request: Request) -> str | None:
        unchanged = all(member.identity(request) is not None for member in self.values.values())
        return next(iter(self.schema.inputs)) if unchanged else None

    def region_needed(self, name: str, request: Request) -> Window:
        return self._regions(request)[0]

    def _regions(self, request: Request) -> list[Window]:
        """What each member needs of the one before it."""
        regions: list[Window] = []
        region = request.region
        members: list[Node] = [*self.values.values()]
        for member in reversed(members):
            (port,) = member.schema.inputs
            region = member.region_needed(port, request._replace(region=region))
            regions.append(region)
        return regions[::-1]


class GradeRun(Run):
    """Several colour changes in a row: all their transforms as one, in one pass.

    Memory: the frame, changed in place. Cost: one pass, whatever their number; OCIO joins neighbouring matrices.
    """

    video = Input(VIDEO, "The picture to grade.")
    graded = Output(VIDEO, "The picture after all of them.", name="video")

    def pointwise(self, request: Request) -> bool:
        return all(member.pointwise(request) or _only_grades(member) for member in self.values.values())

    def grade(self, colour: Colour, source: MediaSource | None) -> Sequence[ocio.Transform] | None:
        transforms: list[ocio.Transform] = []
        for node, member in self.members:
            with _naming(node, member):
                found = member.grade(colour, _source_of(node, source))
            if found is None:
                return None
            transforms.extend(found)
        return transforms

    def render(self, context: RenderContext) -> Frame:
        """One after the other: where one of them is no mere colour change at this time."""
        frame = context.take(self.video)
        for node, member in self.members:
            with _naming(node, member):
                frame = _alone(member, _MemberContext(context, frame, _source_of(node, context.request.source)))
        return frame


class _MemberContext:
    """What one member sees of a run that renders its members in turn. Implements `artifex.nodes.RenderContext`."""

    def __init__(self, context: RenderContext, frame: Frame, source: MediaSource | None) -> None:
        self.request = context.request._replace(source=source)
        self.colour = context.colour
        self.threads = context.threads
        self._frame = frame

    def connected(self, port: Input) -> bool:
        return True

    def read(self, port: Input, time: Fraction | None = None) -> Frame:
        return self._frame

    def take(self, port: Input, time: Fraction | None = None) -> Frame:
        return self._frame


def _alone(member: Node, context: _MemberContext) -> Frame:
    frame, source = context.take(next(iter(member.schema.inputs.values()))), context.request.source
    transforms = member.grade(context.colour, source)
    if transforms is None:
        return member.render(context)
    if not transforms or frame.window.empty:
        return frame
    key = ("grade", member.schema.type, fingerprint(member, context.request), source and source.key)
    with straight(frame) as pixels:
        context.colour.apply(key, lambda: ocio.GroupTransform(list(transforms)), pixels)
    return frame


def _only_grades(member: Node) -> bool:
    return type(member).render is Node.render


def _source_of(node: str, source: MediaSource | None) -> MediaSource | None:
    return source.of(node) if isinstance(source, RunSources) else None


class Move(NamedTuple):
    """One resampling, and the part of its result that is wanted."""

    motion: Motion
    region: Window


class MotionRun(Run):
    """Several moves in a row: one matrix, one resampling with the last one's filter.

    Each picture is resampled once however many nodes move it, so it loses no sharpness on the way, and what one node
    would push out of sight and the next bring back stays. Each node's motion is asked for the bounding box of the
    window as moved so far.

    A shutter's pictures are each moved on by the nodes behind, and then averaged. Of two shutters in a run each makes
    its own mean, as the nodes would alone; the second takes the first one's, so that 16 and 16 samples are 32
    resamplings and not 256.

    Memory and cost: those of one node, or of one for each shutter.
    """

    video = Input(VIDEO, "The picture to move.")
    moved = Output(VIDEO, "The picture after all of them.", name="video")

    def motion(self, window: Window, request: Request) -> Motion:
        """All of it as one motion, however many pictures of shutters that makes."""
        first, *others = self.moves(window, request)
        return reduce(_joined, [move.motion for move in others], first.motion)

    def moves(self, window: Window, request: Request) -> list[Move]:
        """The resamplings that it takes, first to last: one, and one more for every further shutter."""
        motions: list[tuple[int, Motion]] = []
        """Each with the number of its first member."""
        for number, (name, member) in enumerate(self.members):
            with _naming(name, member):
                if member.identity(request) is not None:
                    continue
                found = member.motion(window, request)
                if found is None:
                    raise TypeError(f"{member.schema.type}.motion gives no motion, though it says it does")
            if motions and not (found.shutter and motions[-1][1].shutter):
                motions[-1] = (motions[-1][0], _joined(motions[-1][1], found))
            else:
                motions.append((number, found))
            window = shuttered_window(window, found)
        if not motions:
            motions.append((0, Motion(np.eye(3), "nearest")))
        wanted = self._regions(request)
        # What one resampling makes is what the first member of the next one needs.
        ends = [wanted[first] for first, _ in motions[1:]] + [request.region]
        return [Move(motion, region) for (_, motion), region in zip(motions, ends, strict=True)]


def _joined(first: Motion, then: Motion) -> Motion:
    """The mean of means is the mean of all pairs."""
    shutter = [
        after @ before for after in then.shutter or (then.matrix,) for before in first.shutter or (first.matrix,)
    ]
    moving = first.shutter or then.shutter
    return Motion(then.matrix @ first.matrix, then.filter, tuple(shutter) if moving else ())


def shuttered_window(window: Window, motion: Motion) -> Window:
    """The whole pixels that `window` touches wherever it moves while the shutter is open."""
    windows = [moved_window(window, matrix) for matrix in motion.shutter or (motion.matrix,)]
    return reduce(Window.union, windows)


def moved_window(window: Window, matrix: Matrix) -> Window:
    """The whole pixels that `window` touches once moved; of a projection, as far as it lies before the eye.

    Points at or behind the eye (third coordinate 0 or less) have no place: the window then reaches as far as
    windows do.
    """
    if window.empty:
        return window
    corners = np.array([[x, y, 1.0] for x in (window.x, window.right) for y in (window.y, window.bottom)])
    moved = corners @ matrix.T
    depth = moved[:, 2]
    if depth.min() <= 0.0 < depth.max():
        low, high = np.array([-_FAR, -_FAR]), np.array([_FAR, _FAR])
    elif depth.max() <= 0.0:
        return Window(window.x, window.y, 0, 0)
    else:
        places = np.clip(moved[:, :2] / depth[:, None], -_FAR, _FAR)
        # Corners that rounding has put a hair beyond a pixel's edge do not touch the next.
        low, high = np.floor(places.min(axis=0) + 1e-6), np.ceil(places.max(axis=0) - 1e-6)
    return Window(int(low[0]), int(low[1]), max(0, int(high[0] - low[0])), max(0, int(high[1] - low[1])))


@contextmanager
def _naming(name: str, member: Node) -> Iterator[None]:
    """Errors in the block are the member's, not the run's."""
    try:
        yield
    except ArtifexError as error:
        error.metadata.setdefault("node", name)
        raise
    except (MemoryError, Asked):
        raise  # no fault of the node: the sandbox's limit, or a question before there is anything to ask about
    except Exception as error:
        raise Internal(f'node "{name}" ({member.schema.type}) failed', metadata={"node": name}) from error
