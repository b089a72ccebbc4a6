"""What one frame needs: which results, of which regions, under which digests. Nothing is computed here.

Two walks, neither of which recurses. From the output back: which times and regions of every place are wanted; a reader
always comes before what it reads, so a region is complete when its turn comes. Forwards: the digest of every result,
made of its node's spelling and its inputs' digests, in time linear in the connections. A static result whose digest is
known, and whose frame the cache holds, ends the walk: nothing behind it is even looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Final

from artifex.nodes import Frame, Node, Request, Window
from services.graph.domain.evaluate.failures import failure
from services.graph.domain.evaluate.places import Place

ZERO: Final = Fraction(0)
_MOMENTS: Final = 32
"""Bits for numbering the times of one frame."""


class Wanted:
    """One result that a frame needs, and, once it is there, the result."""

    __slots__ = (
        "cost", "digest", "frame", "group", "keep", "moment", "needs", "node", "place", "readers", "region", "request",
        "shared", "target", "time", "weight",
    )  # fmt: skip

    node: Node
    request: Request

    def __init__(self, place: Place, time: Fraction, moment: int, region: Window) -> None:
        self.place = place
        self.time = time
        self.moment = moment
        """The time's number within the frame."""
        self.region = region
        self.needs: list[tuple[str, Fraction, Wanted]] = []
        """Name of the input, the time that was asked for, and the result that answers it."""
        self.digest = b""
        self.target: Wanted | None = None
        """Whose result passes through unchanged, of an identity."""
        self.frame: Frame | None = None
        self.readers = 0
        """How many reads are still to come; the result is let go with the last."""
        self.shared = False
        """Whether the pixels are also held elsewhere, so that no reader may change them."""
        self.keep = False
        """Whether it will be wanted again in another frame."""
        self.group = 0
        """The identity of the last of the point operations that it is evaluated together with, strip by strip. No link:
        a circle of links would hold the pixels until the collector happens to run."""
        self.cost = 0.0
        """Seconds that it took, with its share of what it was made from."""
        self.weight = 0
        """Frames that must be held at once to make it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What all requests of a puller have in common."""

    frame_rate: Fraction
    width: int
    height: int
    scale: Fraction

    @property
    def format(self) -> Window:
        return Window(0, 0, self.width, self.height)


Lookup = Callable[[bytes], Frame | None]


def demand(
    root: Place, index: int, time: Fraction, region: Window, stage: Stage, lookup: Lookup
) -> tuple[Wanted, list[Wanted]]:
    """The root's result at `time`, and all results that it depends on, each before those it needs.

    `lookup` finds a static result in the cache; `index` is the frame's number, for errors, which name the node.
    """
    walk = _Walk(stage, time)
    first = walk.begin(root, time, region)
    order: list[Wanted] = []
    passing = False
    while walk.heap:
        item = walk.next()
        order.append(item)
        place = item.place
        if place.static and (known := place.digests.get(item.region)) is not None:
            item.digest = known
            item.frame = lookup(known)
            if item.frame is not None:
                item.shared = True
                continue
        try:
            passing |= walk.ask(item)
        except Exception as error:
            raise failure(error, place.step, index) from error
    for item in reversed(order):
        if passing:
            _pass_through(item)
        if item.digest:
            continue
        try:
            item.digest = item.target.digest if item.target is not None else walk.digest(item)
        except Exception as error:
            raise failure(error, item.place.step, index) from error
        if item.place.static:
            item.place.remember(item.region, item.digest)
    return first.target or first, order


class _Walk:
    """What has been found so far, from the output back."""

    __slots__ = ("_found", "_moments", "_region", "_region_spelling", "_stage", "heap")

    def __init__(self, stage: Stage, time: Fraction) -> None:
        self._stage = stage
        self._moments: dict[Fraction, int] = {time: 0}
        self._found: dict[int, Wanted] = {}
        """By place and moment: what still has to be asked."""
        self.heap: list[int] = []
        """The highest place first: when its turn comes, all that read it have said which region they need."""
        self._region: Window | None = None
        self._region_spelling = b""
        """Mostly one region is wanted of all."""

    def begin(self, root: Place, time: Fraction, region: Window) -> Wanted:
        first = Wanted(root, ZERO if root.static else time, 0, region)
        self._found[root.index << _MOMENTS] = first
        self.heap.append(-(root.index << _MOMENTS))
        return first

    def next(self) -> Wanted:
        return self._found.pop(-heappop(self.heap))

    def ask(self, item: Wanted) -> bool:
        """Enters what `item` needs; whether it needs nothing but to pass an input on."""
        place, time, region = item.place, item.time, item.region
        traits, stage = place.traits, self._stage
        request = item.request = Request(
            time, stage.frame_rate, stage.width, stage.height, region, place.output, place.source, stage.scale
        )
        node = item.node = place.node or place.asked(request)
        only = node.identity(request) if traits.identity else None
        if only is not None:
            source = next((source for name, source, _ in place.inputs if name == only), None)
            if source is None:
                raise LookupError(f"its input {only}, which it passes on, is not connected")
            item.target = self._enter(item, source, time, region)
            item.needs.append((only, time, item.target))
            return True
        for name, source, _ in place.inputs:
            if not traits.frames and not traits.region:
                item.needs.append((name, time, self._enter(item, source, time, region)))
                continue
            times = dict.fromkeys(node.frames_needed(name, request)) if traits.frames else (time,)
            wanted = node.region_needed(name, request) if traits.region and times else region
            for asked in times:
                needed = self._enter(item, source, asked, wanted)
                # The next frame reads most of several times again.
                needed.keep = needed.keep or len(times) > 1
                item.needs.append((name, asked, needed))
        return False

    def _enter(self, item: Wanted, source: Place, asked: Fraction, region: Window) -> Wanted:
        """The result of `source` at the time and, at least, of the region that `item` asks for."""
        if source.static:
            at, moment = ZERO, 0
        elif asked is item.time and not item.place.static:
            at, moment = asked, item.moment
        else:
            at, moment = asked, self._moments.setdefault(asked, len(self._moments))
        key = (source.index << _MOMENTS) + moment
        needed = self._found.get(key)
        if needed is None:
            needed = self._found[key] = Wanted(source, at, moment, region)
            heappush(self.heap, -key)
        elif needed.region is not region and needed.region != region:
            needed.region = needed.region.union(region)
        return needed

    def digest(self, item: Wanted) -> bytes:
        """Of all that the result depends on; what it needs has its digest."""
        place, region = item.place, item.region
        if region is not self._region:
            self._region = region
            self._region_spelling = b"%d %d %d %d " % (region.x, region.y, region.width, region.height)
        head = place.described(item.node, item.request)
        parts = [b"%d " % len(head), self._region_spelling, head]
        if len(item.needs) == len(place.inputs) and not place.traits.frames:
            for (_, _, tag), (_, _, needed) in zip(place.inputs, item.needs, strict=True):
                parts += (tag, needed.digest)
        else:
            for name, time, needed in item.needs:
                # Relative, so that a held frame has the same digest at every time that shows it.
                offset = "" if time is item.time else str(time - item.time)
                parts += (f"\0{name}@{offset}=".encode(), needed.digest)
        return blake2b(b"".join(parts), digest_size=16).digest()


def _pass_through(item: Wanted) -> None:
    """Replaces what only passes something on by that, in what `item` needs; sources have been through this before."""
    item.needs = [(name, time, needed.target or needed) for name, time, needed in item.needs]
    if item.target is not None:
        item.target = item.needs[0][2]
