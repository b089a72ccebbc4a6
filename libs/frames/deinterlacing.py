"""Whole pictures of interlaced video, by FFmpeg's bwdif: M. Weston's filter of three fields (BBC, EP 0 592 104), held
within what yadif finds possible.

A picture is made of its frame and the two beside it, and of nothing else: any one alone is that of the sequence. Where
a frame has no neighbour, bwdif takes the frame itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Final

import av
from av.filter import Graph
from av.video.frame import VideoFrame

from libs.frames.interpretation import FieldOrder, Interpretation
from libs.frames.video_decoder import Shown, VideoDecoder

_PARITY: Final[dict[FieldOrder, str]] = {"auto": "auto", "top": "tff", "bottom": "bff"}
_LEAST: Final = (3, 4)
"""Columns and lines of the smallest pictures that the filter takes; smaller ones stay as they are."""
_SEEK_AHEAD: Final = Fraction(1)
"""Seconds; for more than these it is asked whether a keyframe lies between."""


class Deinterlacer:
    """The pictures of a decoder's frames, or fields, in order of presentation; what `ReadAhead` needs of a decoder.

    Its ticks are half of the decoder's, so that a field's time is a whole number of them. It owns the decoder. A frame
    beside one that does not decode does not decode either. Memory is that of three frames more.
    """

    def __init__(self, decoder: VideoDecoder, interpretation: Interpretation) -> None:
        self._decoder = decoder
        self._each_field = interpretation.deinterlace == "field"
        self._flagged_only = interpretation.field_order == "auto"
        self._filter = _Bwdif(self._each_field, interpretation.field_order, decoder.info.time_base)
        info = decoder.info
        self._length = max(1, round(1 / (info.fps * info.time_base)))
        self.info = replace(info, fps=info.fps * interpretation.pictures_per_frame, interlaced=False)
        self._before: Shown | None = None
        self._now: Shown | None = None
        self._after: Shown | None = None
        self._made: list[Shown] = []
        """The pictures of the present frame; empty where there is none yet."""
        self._part = 0
        """Which of them is the present one."""

    def close(self) -> None:
        """Release the decoder. Repeatable."""
        self._decoder.close()

    @property
    def lost(self) -> bool:
        """Whether the decoder failed; see `VideoDecoder.lost`."""
        return self._decoder.lost

    def ticks(self, time: Fraction) -> int:
        """A time on this clock; times before the first picture are the first picture's."""
        return self._decoder.half_ticks(time)

    def towards(self, ticks: int) -> Iterator[Shown]:
        """Pictures up to the one shown at `ticks`, which is the last."""
        if self._made and self._made[0].start <= ticks < self._made[self._part].start:
            self._part = 0
        if not self._reaches(ticks):
            self._approach(ticks // 2)
        shown = self._made[self._part]
        yield shown
        while not shown.covers(ticks):
            following = self.next()
            if following is None:
                return
            shown = following
            yield shown

    def next(self) -> Shown | None:
        """One picture on; None at the end, where it stays on the last. MediaUnreadable where the next frame, or the one
        behind it, does not decode."""
        if self._part + 1 < len(self._made):
            self._part += 1
        else:
            if not self._step():
                return None
            self._make()
        return self._made[self._part]

    # -- moving about ------------------------------------------------------------------------------------------------

    def _reaches(self, ticks: int) -> bool:
        """Whether going on from here leads to `ticks` soon enough."""
        if not self._made or self._decoder.lost:
            return False
        shown = self._made[self._part]
        return shown.covers(ticks) or 0 <= (ticks - shown.start) * self.info.time_base <= 2 * _SEEK_AHEAD

    def _approach(self, target: int) -> None:
        """Begin at a frame before that of `target`, since its own picture leans on the one before it."""
        self._made = []
        first = self._found(target - self._length)
        while first.covers(target) and first.start > self._decoder.ticks(Fraction(0)):
            # Of a variable rate a frame may be longer than usual.
            first = self._found(first.start - 1)
        self._before, self._now, self._after = None, first, self._decoder.next()
        while not self._now.covers(target) and self._step():
            pass
        self._make()

    def _step(self) -> bool:
        """One frame on."""
        if self._after is None:
            return False
        after = self._decoder.next()
        self._before, self._now, self._after = self._now, self._after, after
        return True

    def _found(self, target: int) -> Shown:
        (shown,) = deque(self._decoder.towards(max(target, self._decoder.ticks(Fraction(0)))), maxlen=1)
        return shown

    # -- pictures of the present frame -------------------------------------------------------------------------------

    def _make(self) -> None:
        self._made, self._part = self._pictures(), 0

    def _pictures(self) -> list[Shown]:
        now = self._now
        assert now is not None
        start = 2 * now.start
        end = None if now.end is None else 2 * now.end
        small = now.frame.width < _LEAST[0] or now.frame.height < _LEAST[1]
        if small or (self._flagged_only and not now.frame.interlaced_frame):
            return [Shown(now.frame, start, end)]
        before, after = (_beside(now.frame, other) for other in (self._before, self._after))
        frames = self._filter.made(before, now.frame, after)
        if not self._each_field:
            return [Shown(frames[0], start, end)]
        middle = start + (self._length if end is None else (end - start) // 2)
        return [Shown(frames[0], start, middle), Shown(frames[1], middle, end)]


def _beside(frame: VideoFrame, other: Shown | None) -> VideoFrame | None:
    """The neighbour of a frame; None where a stream changes its size or format between them, as if it ended there: the
    filter takes frames of one kind."""
    if other is None:
        return None
    near = other.frame
    same = (near.width, near.height, near.format.name) == (frame.width, frame.height, frame.format.name)
    return near if same else None


class _Bwdif:
    """FFmpeg's filter, fed in order as long as frames are asked for in order."""

    def __init__(self, each_field: bool, order: FieldOrder, time_base: Fraction) -> None:
        self._time_base = time_base
        mode = "send_field" if each_field else "send_frame"
        self._arguments = f"mode={mode}:parity={_PARITY[order]}:deint=all"
        self._graph: Graph | None = None
        self._fed: VideoFrame | None = None

    def made(self, before: VideoFrame | None, now: VideoFrame, after: VideoFrame | None) -> list[VideoFrame]:
        """The pictures of `now`: one, or one for each field."""
        graph = self._graph
        if graph is None or self._fed is not now:
            graph = self._graph = self._opened(now)
            if before is not None:
                self._feed(graph, before)
            self._feed(graph, now)
            self._pulled(graph)  # those of the frame before
        if after is None:
            graph.push(None)
            self._graph = self._fed = None
        else:
            self._feed(graph, after)
        return self._pulled(graph)

    def _opened(self, frame: VideoFrame) -> Graph:
        graph = Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=self._time_base
        )
        graph.link_nodes(source, graph.add("bwdif", self._arguments), graph.add("buffersink")).configure()
        return graph

    def _feed(self, graph: Graph, frame: VideoFrame) -> None:
        graph.push(frame)
        self._fed = frame

    @staticmethod
    def _pulled(graph: Graph) -> list[VideoFrame]:
        made: list[VideoFrame] = []
        while True:
            try:
                frame = graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return made
            assert isinstance(frame, VideoFrame)
            made.append(frame)
