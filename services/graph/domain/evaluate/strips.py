"""Point operations strip by strip: all nodes of a group on some rows, while these are in the processor's cache.

Between the nodes of a group nothing is ever as large as a frame: memory is one frame for the result (or none, where an
input that nobody else needs is overwritten) and a strip for each result that is still to be read.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from artifex.nodes import EMPTY, MASK, Frame, Pixels, Request, Window
from libs.kernels.room import ROOMS
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.context import Context, StripResult, owned
from services.graph.domain.evaluate.demand import Wanted
from services.graph.domain.evaluate.failures import failure
from services.graph.domain.evaluate.grading import Grade
from services.graph.domain.evaluate.schedule import Group

STRIP_BYTES: Final = 1 << 20
"""Of one picture's strip: two of them and the result pass through a second-level cache of 2 MiB."""
MOST_TRANSFORMS: Final = 128
"""Joined into one processor: finishing one takes more than linear time."""
FEWEST_ROWS: Final = 8
MOST_ROWS: Final = 64


@dataclass(slots=True)
class _Operation:
    """One node of the group, or several grades that are one."""

    item: Wanted
    needs: list[tuple[str, Fraction, int]]
    """Name of the input, time, and the number of the result."""
    grade: Grade | None


class StripPass:
    """One evaluation of one group."""

    def __init__(
        self, group: Group, colour: WorkingColour, grades: dict[int, Grade], index: int, *, fuse: bool
    ) -> None:
        """`grades`: by identity of the member, what it does to colour. `index`: the frame's number, for errors."""
        self._colour = colour
        self._index = index
        self._root = group.members[0]
        self._inputs = list(group.inputs.values())
        self._operations = _operations(group, self._inputs, grades, fuse=fuse)
        self._uses = [0] * (len(self._inputs) + len(self._operations))
        for operation in self._operations:
            for _, _, number in operation.needs:
                self._uses[number] += 1
        self._uses[-1] = 1
        self._channels = 1 if self._root.place.output.kind == MASK else 4
        self._makes_pixels = any(not operation.needs for operation in self._operations)

    def evaluate(self, executor: Executor | None, check: Callable[[], None]) -> Frame:
        """The root's frame. Strips run on `executor` if there is one; `check` is called before each."""
        region = self._root.region
        target = self._target().intersect(region)
        out, carrier = self._room(target)
        # Rows without data are one strip, however many: nodes have next to nothing to do there.
        first, last = (region.bottom, region.bottom) if target.empty else (target.y, target.bottom)
        spans = [span for span in ((region.y, first), (last, region.bottom)) if span[0] < span[1]]
        rows = _rows_for(target.width * self._channels * 4)
        spans += [(top, min(top + rows, target.bottom)) for top in range(target.y, target.bottom, rows)]

        def strip(span: tuple[int, int]) -> Frame:
            check()
            return self._strip(span, target, out, carrier)

        pieces = map(strip, spans) if executor is None or len(spans) == 1 else executor.map(strip, spans)
        return _joined(list(pieces), target, out, self._channels)

    def _target(self) -> Window:
        """Where pixels are expected: where the inputs have some, and in the picture if nodes make their own."""
        window = self._root.request.format if self._makes_pixels else EMPTY
        for item in self._inputs:
            assert item.frame is not None
            window = window.union(item.frame.window)
        return window

    def _room(self, target: Window) -> tuple[Pixels, int]:
        """Memory for the result, and the number of the input that it was, or -1."""
        shape = (target.height, target.width, self._channels)
        for number, item in enumerate(self._inputs):
            frame = item.frame
            fits = frame is not None and frame.window == target and frame.pixels.shape == shape
            if frame is not None and fits and self._owns(number, item):
                return frame.pixels, number
        return ROOMS.take(shape), -1

    def _owns(self, number: int, item: Wanted) -> bool:
        return self._uses[number] == 1 and item.frame is not None and owned(item, item.frame)

    def _strip(self, span: tuple[int, int], target: Window, out: Pixels, carrier: int) -> Frame:
        """The result's rows from `span[0]` to before `span[1]`, in `out` if they have their place there."""
        top, bottom = span
        inside = target.y <= top and bottom <= target.bottom
        rows = out[top - target.y : bottom - target.y] if inside else None
        results: list[StripResult] = []
        for number, item in enumerate(self._inputs):
            assert item.frame is not None
            part = _rows_of(item.frame, top, bottom)
            results.append(StripResult(part, self._uses[number], shared=not self._owns(number, item)))
        spare = rows if carrier < 0 else None
        for operation in self._operations:
            frame, shared, spare = self._run(operation, results, top, bottom, spare)
            results.append(StripResult(frame, self._uses[len(results)], shared=shared))
            for _, _, number in operation.needs:
                results[number].readers -= 1
                if results[number].readers == 0:
                    results[number].frame = None
        last = results[-1].frame
        assert last is not None
        piece = _rows_of(last, top, bottom)
        if rows is None or piece.channels != self._channels or not target.contains(piece.window):
            return piece if piece.window.empty or not np.may_share_memory(piece.pixels, out) else _copy(piece)
        return _placed(piece, Window(target.x, top, target.width, bottom - top), rows)

    def _run(
        self, operation: _Operation, results: list[StripResult], top: int, bottom: int, spare: Pixels | None
    ) -> tuple[Frame, bool, Pixels | None]:
        """The operation's rows, whether they are also held elsewhere, and what is left of the spare memory."""
        asked = operation.item.request
        region = Window(asked.region.x, top, asked.region.width, bottom - top)
        request = Request(
            asked.time, asked.frame_rate, asked.width, asked.height, region, asked.output, asked.source, asked.scale
        )
        needs = [(name, time, results[number]) for name, time, number in operation.needs]
        context = Context(request, self._colour, needs, spare)
        try:
            if operation.grade is not None:
                return operation.grade.applied(context), False, context.spare
            frame = operation.item.node.render(context)
            return frame, context.shares(frame), context.spare
        except Exception as error:
            raise failure(error, operation.item.place.step, self._index, needs) from error


def _operations(group: Group, inputs: Sequence[Wanted], grades: dict[int, Grade], *, fuse: bool) -> list[_Operation]:
    """The members in the order of evaluation; with `fuse`, grades that follow one another are one operation."""
    readers: dict[int, int] = {}
    for member in group.members:
        for _, _, needed in member.needs:
            readers[id(needed)] = readers.get(id(needed), 0) + 1
    joined: dict[int, Grade] = {}
    first: dict[int, Wanted] = {}
    """By identity of a grade: what the first of those that it was joined with reads."""
    absorbed: set[int] = set()
    members = list(reversed(group.members))
    for member in members:
        grade = grades.get(id(member))
        if grade is None:
            continue
        ((_, _, source),) = member.needs
        before = joined.get(id(source)) if fuse and readers[id(source)] == 1 else None
        if before is not None and before.size + grade.size <= MOST_TRANSFORMS:
            absorbed.add(id(source))
            joined[id(member)], first[id(member)] = before.then(grade), first[id(source)]
        else:
            joined[id(member)], first[id(member)] = grade, source
    numbers = {id(item): number for number, item in enumerate(inputs)}
    operations: list[_Operation] = []
    for member in members:
        if id(member) in absorbed:
            continue
        needs = [(name, time, numbers[id(first.get(id(member), needed))]) for name, time, needed in member.needs]
        numbers[id(member)] = len(inputs) + len(operations)
        operations.append(_Operation(member, needs, joined.get(id(member))))
    return operations


def _rows_for(row_bytes: int) -> int:
    return max(FEWEST_ROWS, min(MOST_ROWS, STRIP_BYTES // max(1, row_bytes)))


def _rows_of(frame: Frame, top: int, bottom: int) -> Frame:
    """The frame's rows from `top` to before `bottom`, sharing its memory."""
    window = frame.window
    first, last = max(window.y, top), min(window.bottom, bottom)
    if first == window.y and last == window.bottom:
        return frame
    if first >= last:
        return Frame.empty(frame.channels)
    return Frame(frame.pixels[first - window.y : last - window.y], frame.x, first, frame.opaque)


def _placed(piece: Frame, strip: Window, rows: Pixels) -> Frame:
    """`piece` at its place in `rows`, which cover `strip`; around it transparent black."""
    window = piece.window
    if window == strip:
        if not _same_memory(piece.pixels, rows):
            rows[...] = piece.pixels
        return Frame(rows, strip.x, strip.y, piece.opaque)
    if window.empty:
        rows[...] = 0.0
        return piece
    if np.may_share_memory(piece.pixels, rows):
        piece = _copy(piece)
    rows[...] = 0.0
    place = rows[window.inside(strip)]
    place[...] = piece.pixels
    # The pixels are in `rows` now; what is told further is where, and whether they are opaque.
    return Frame(place, window.x, window.y, piece.opaque)


def _joined(pieces: Sequence[Frame], target: Window, out: Pixels, channels: int) -> Frame:
    """The pieces as one frame, whose window is theirs together."""
    pieces = [piece for piece in pieces if not piece.window.empty]
    if not pieces:
        return Frame.empty(channels)
    window = EMPTY
    for piece in pieces:
        window = window.union(piece.window)
    covered = sum(piece.window.width * piece.window.height for piece in pieces)
    opaque = covered == window.width * window.height and all(piece.opaque for piece in pieces)
    if target.contains(window) and all(np.may_share_memory(piece.pixels, out) for piece in pieces):
        if window == target:
            return Frame(out, target.x, target.y, opaque)
        return Frame(np.ascontiguousarray(out[window.inside(target)]), window.x, window.y, opaque)
    # Nodes made pixels where none were expected.
    pixels = np.zeros((window.height, window.width, pieces[0].channels), dtype=np.float32)
    for piece in pieces:
        pixels[piece.window.inside(window)] = piece.pixels
    return Frame(pixels, window.x, window.y, opaque)


def _copy(frame: Frame) -> Frame:
    return Frame(frame.pixels.copy(), frame.x, frame.y, frame.opaque)


def _same_memory(one: Pixels, other: Pixels) -> bool:
    return one.ctypes.data == other.ctypes.data and one.strides == other.strides
