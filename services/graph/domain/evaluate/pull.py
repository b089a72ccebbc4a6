"""Pulls frames through a compiled graph.

A frame is found out about before it is made (demand.py: times, regions, digests), then what is cached is left out and
the rest put in order (schedule.py), then it is computed: point operations strip by strip (strips.py), moves as one
resampling (moving.py), all other nodes by their own `render`. A result is let go as soon as its last reader has read
it, and handed to a reader that wants to change it without a copy if that reader is the last.

Memory of one frame: results that wait for their readers, at most `frame_bytes`, beyond which they wait on disk
(spill.py); what the node or group at hand reads and makes, at most nine frames of the wanted region for a group; a
strip for each thread and unread result of a group; and the caches' bounds. The order of evaluation keeps the first of
these far below its bound for most graphs: where branches are read once, about as many frames as inputs nest. Nothing
grows with the number of frames but the digests of the last 4,096.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from enum import Enum
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import Final, Protocol

import numpy as np

from artifex.nodes import Frame, MediaSource, Window, frame_time, round_half_up
from libs.chassis.errors import Cancelled
from services.graph.domain.collector import collector_held
from services.graph.domain.compile.compiler import Compiled
from services.graph.domain.compile.runs import MotionRun, Move
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.context import Context, owned
from services.graph.domain.evaluate.demand import Stage, Wanted, demand
from services.graph.domain.evaluate.disk_cache import DiskCache
from services.graph.domain.evaluate.failures import failure
from services.graph.domain.evaluate.grading import Grade, grade_of
from services.graph.domain.evaluate.moving import moved
from services.graph.domain.evaluate.places import root_place
from services.graph.domain.evaluate.schedule import Group, schedule
from services.graph.domain.evaluate.spill import Spill
from services.graph.domain.evaluate.strips import StripPass

CACHE_BYTES: Final = 256 * 1024 * 1024
FRAME_BYTES: Final = 1 << 30
"""Of results that wait for their readers, for one frame."""
FRAMES_KNOWN: Final = 4096
"""Frames whose digests a puller remembers."""
MEMORY_PAYS: Final = 2e-10
"""Seconds a byte must have cost to be worth memory when everything may come again: about what copying it costs."""
DISK_PAYS: Final = 5e-10
"""Seconds a byte must have cost to be worth the disk: twice what writing and reading it costs."""
DISK_LEAST: Final = 2e-3
"""Seconds that anything must have cost to be worth a file."""


class Keep(Enum):
    """Which results a puller puts into its cache."""

    REPEATED = "repeated"
    """For rendering in order: what never changes where something that does reads it, what came twice, and what
    several frames read."""
    COSTLY = "costly"
    """For looking at frames again and again while the graph is edited: also all that costs more than it weighs."""


class Cancel(Protocol):
    """Tells whether a frame is still wanted: a `threading.Event`, say."""

    def is_set(self) -> bool: ...


Check = Callable[[], None]
"""Raises Cancelled when a frame is not wanted any more."""
Watch = Callable[[Sequence[str]], None]
"""Takes the names of the nodes that are about to be evaluated, first to last: several where they are done together."""


class FramePuller:
    """Makes frames of one compiled graph at one scale. Safe to call from several threads at once."""

    def __init__(
        self,
        compiled: Compiled,
        sources: Mapping[str, MediaSource],
        colour: WorkingColour,
        *,
        cache: FrameCache | None = None,
        disk: DiskCache | None = None,
        keep: Keep = Keep.REPEATED,
        scale: Fraction = Fraction(1),
        strips: Executor | None = None,
        threads: int = 1,
        fuse: bool = True,
        frame_bytes: int = FRAME_BYTES,
        scratch: Path | None = None,
        watch: Watch | None = None,
    ) -> None:
        """`sources`: media by node. `cache` and `disk` may be shared with other pullers, of any documents.

        `scale`: pixels for each of the document's. `strips`: where the strips of one frame run, at most `threads` of
        them at a time, which is also what a resampling may use; leave both out where frames run side by side. Without
        `fuse` every point operation is evaluated on its own. `frame_bytes`: memory for the results that wait for their
        readers, of each frame that is made at a time; what has no room waits in files in `scratch`. `watch` is for
        finding out which node ends the process.
        """
        if compiled.picture is None:
            raise ValueError("the output has no picture")
        settings = compiled.settings
        width, height = (max(1, round_half_up(side * scale)) for side in (settings.width, settings.height))
        self._stage = Stage(settings.fps, width, height, scale)
        self._colour = colour
        self._cache = cache if cache is not None else FrameCache(CACHE_BYTES)
        self._disk = disk
        self._keep = keep
        self._strips = strips if threads > 1 else None
        self._threads = threads
        self._fuse = fuse
        self._watch = watch
        self._frame_bytes = frame_bytes
        self._scratch = scratch
        document = f"{width}x{height} {settings.fps} {colour.working_space} {scale} {'' if fuse else 'alone'}"
        with collector_held():
            self._root = root_place(compiled, sources, document)
        self._known: dict[tuple[int, Window], bytes] = {}
        """By frame and region: the digest of the output."""

    @property
    def format(self) -> Window:
        """The picture area at the puller's scale: what `frame` gives when no region is named."""
        return self._stage.format

    def frame(self, index: int, region: Window | None = None, cancel: Cancel | None = None) -> Frame:
        """Frame number `index` of the output, or the part of it in `region`, in pixels at the puller's scale.

        The frame holds at least what is not transparent black in the region, and may hold more; its pixels belong to
        the caller. `cancel` is looked at between nodes and between strips. Raises Cancelled, the typed errors of nodes
        and media, and Internal, all with `node`, `frame` and `inputs` in their metadata.
        """

        def check() -> None:
            if cancel is not None and cancel.is_set():
                raise Cancelled(f"frame {index} is not wanted any more")

        check()
        region = region or self._stage.format
        if self._disk is not None:
            self._disk.refresh()
        known = self._known.get((index, region))
        if known is not None and (frame := self._lookup(known)) is not None:
            return Frame(frame.pixels.copy(), frame.x, frame.y, frame.opaque)
        with collector_held():
            return self._made(index, region, check)

    def _made(self, index: int, region: Window, check: Check) -> Frame:
        """The frame, made of what is cached and of what is computed."""
        grades: dict[int, Grade] = {}
        time = frame_time(index, self._stage.frame_rate)
        root, order = demand(self._root, index, time, region, self._stage, self._cache.get)
        self._remember(index, region, root.digest)
        todo, groups = schedule(
            root, order, self._lookup, lambda item: self._is_point(item, grades, index), fuse=self._fuse
        )
        near = self._near(root, groups)
        spill = Spill(self._frame_bytes, self._scratch, todo, groups)
        for position, item in enumerate(todo):
            check()
            group = groups.get(id(item))
            if self._watch is not None:
                members = group.members if group is not None else [item]
                self._watch([name for member in reversed(members) for name in member.place.step.nodes])
            begin = perf_counter()
            if group is None:
                self._compute(item, index)
            else:
                passes = StripPass(group, self._colour, grades, index, fuse=self._fuse)
                item.frame = passes.evaluate(self._strips, check)
            item.cost = perf_counter() - begin
            self._settle(item, group, spill, keep_on_disk=id(item) in near)
            spill.add(item, position)
        return self._given(root)

    def _remember(self, index: int, region: Window, digest: bytes) -> None:
        """So that a frame which was asked for before is found without asking any node."""
        if len(self._known) >= FRAMES_KNOWN:
            self._known.clear()
        self._known[index, region] = digest

    def _lookup(self, digest: bytes) -> Frame | None:
        frame = self._cache.get(digest)
        if frame is None and self._disk is not None:
            frame = self._disk.get(digest)
        return frame

    def _is_point(self, item: Wanted, grades: dict[int, Grade], index: int) -> bool:
        """Whether `item` is evaluated strip by strip; a grade is entered in `grades`."""
        traits = item.place.traits
        if self._keep is Keep.COSTLY and item.place.source is not None:
            # Decoding again for every change of a parameter is what a viewer would feel most.
            item.keep = True
        try:
            if traits.grade:
                grade = grade_of(item, self._colour)
                if grade is not None:
                    grades[id(item)] = grade
                    return True
            return traits.pointwise and item.node.pointwise(item.request)
        except Exception as error:
            raise failure(error, item.place.step, index) from error

    def _near(self, root: Wanted, groups: dict[int, Group]) -> set[int]:
        """By identity, what the last step reads: what is left to do when a parameter near the output has changed."""
        if self._disk is None:
            return set()
        group = groups.get(id(root))
        return set(group.inputs) if group is not None else {id(needed) for _, _, needed in root.needs}

    def _compute(self, item: Wanted, index: int) -> None:
        """The result of a node that works on whole pictures."""
        context = Context(item.request, self._colour, item.needs, threads=self._threads)
        try:
            if item.place.traits.motion:
                held, frame = context.only()
                moves = _moves(item, frame.window)
                if moves is not None:
                    item.frame = frame
                    for motion, region in moves:
                        item.frame = moved(item.frame, motion, region, self._threads)
                    if np.may_share_memory(item.frame.pixels, frame.pixels) and not owned(held, frame):
                        item.shared = held.shared = True
                    return
            item.frame = item.node.render(context)
            item.shared = context.shares(item.frame)
        except Exception as error:
            raise failure(error, item.place.step, index, item.needs) from error

    def _settle(self, item: Wanted, group: Group | None, spill: Spill, *, keep_on_disk: bool) -> None:
        """Keeps the new result where that pays, and lets go what nobody will read any more."""
        assert item.frame is not None
        members = group.members if group is not None else [item]
        for member in members:
            for _, _, needed in member.needs:
                if needed.group == id(item):
                    continue
                # Split among the readers, so that what several share is counted once.
                share = needed.cost / needed.readers
                item.cost += share
                needed.cost -= share
                needed.readers -= 1
                if needed.readers == 0:
                    spill.release(needed)
                    needed.frame = None
        frame, size = item.frame, item.frame.pixels.nbytes
        pays = self._keep is Keep.COSTLY and item.cost > MEMORY_PAYS * size
        if (item.keep or pays) and self._cache.put(item.digest, frame, item.cost):
            item.shared = True
        if self._disk is not None and keep_on_disk and item.cost > max(DISK_LEAST, DISK_PAYS * size):
            self._disk.put(item.digest, frame, item.cost)

    def _given(self, root: Wanted) -> Frame:
        frame = root.frame
        assert frame is not None
        if root.shared or not frame.pixels.flags.writeable:
            return Frame(frame.pixels.copy(), frame.x, frame.y, frame.opaque)
        return frame


def _moves(item: Wanted, window: Window) -> Sequence[Move] | None:
    """The resamplings of a node that moves its picture; None for one that is asked to render."""
    if isinstance(item.node, MotionRun):
        return item.node.moves(window, item.request)
    motion = item.node.motion(window, item.request)
    return None if motion is None else [Move(motion, item.region)]
