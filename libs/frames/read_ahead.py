"""Decoded frames of one stream by time, for several threads at once, decoded ahead while others are worked on."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from av.video.frame import VideoFrame

from libs.frames.containers import DEFAULT_LIMITS, Limits
from libs.frames.deinterlacing import Deinterlacer
from libs.frames.interpretation import AS_TAGGED, Interpretation
from libs.frames.planes import Planes, planes_of
from libs.frames.video_decoder import Shown, VideoDecoder

AHEAD = 2
"""Frames that keep a decoder busy while another is worked on."""
# Small frames are kept beyond what is needed, up to so many and so large together: a step back then decodes nothing.
_MOST_SPARE = 4
_SPARE_BYTES = 96 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A frame as the decoder gave it, not to be changed."""

    frame: VideoFrame
    planes: Planes | None
    """Its samples; None for a format that only libswscale reads."""


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    number: int
    """Counted in the order of decoding."""
    shown: Shown
    decoded: Decoded


class ReadAhead:
    """The frames of one stream by time. Safe to use from several threads; close it, or use it in a `with`.

    The last few frames are kept, so threads that work on neighbouring frames may ask in any order. Once frames are
    asked for one after another, a thread of its own decodes the next ones. Memory is a decoder, `together` + `ahead`
    frames, and one to four more, as many as fit into 96 MiB, or all that fit into `behind` bytes. Errors are those of
    `VideoDecoder`, and come with the frame that they befall.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        stream: int | None = None,
        threads: int = 1,
        ahead: int = AHEAD,
        together: int = 1,
        behind: int = 0,
        limits: Limits = DEFAULT_LIMITS,
        interpretation: Interpretation = AS_TAGGED,
    ) -> None:
        """As `VideoDecoder`; `ahead` is how many frames are decoded before anyone asks for them, 0 for none.

        `together` is how many neighbouring frames are worked on at a time, the first of which is still wanted when
        the last is decoded. `behind`: bytes for frames that were asked for and may be again, the last first.
        """
        self._ahead = ahead
        self._behind = behind
        self._needed = together + ahead
        decoder = VideoDecoder(path, stream=stream, threads=threads, limits=limits, interpretation=interpretation)
        whole = interpretation.deinterlace == "off"
        self._decoder: VideoDecoder | Deinterlacer = decoder if whole else Deinterlacer(decoder, interpretation)
        self.info = self._decoder.info
        # Whoever moves the decoder holds `_decoding`; `_guard` is held for moments, never while anything is decoded.
        self._decoding = threading.Lock()
        self._guard = threading.Lock()
        self._kept: deque[_Kept] = deque()
        self._decoded = 0
        self._asked = 0
        self._forward = False
        self._stopped = False
        self._reader: ThreadPoolExecutor | None = None
        self._reading = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading ahead, and release the decoder and the file. Frames given out stay valid. Repeatable."""
        with self._guard:
            self._stopped = True
            reader, self._reader = self._reader, None
        if reader is not None:
            reader.shutdown(wait=True, cancel_futures=True)
        with self._decoding:
            self._decoder.close()
            self._kept.clear()

    def frame_at(self, time: Fraction) -> Decoded:
        """The frame shown at `time` seconds; before the first and after the last, that frame."""
        ticks = self._decoder.ticks(time)
        found = self._find(ticks)
        if found is None:
            with self._decoding:
                # While this thread waited, another may have decoded what it wants.
                found = self._find(ticks) or self._decode(ticks)
        self._note(found.number)
        return found.decoded

    # -- the frames that are kept ------------------------------------------------------------------------------------

    def _find(self, ticks: int) -> _Kept | None:
        with self._guard:
            return next((kept for kept in reversed(self._kept) if kept.shown.covers(ticks)), None)

    def _keep(self, shown: Shown) -> _Kept:
        planes = planes_of(shown.frame, self.info.tags, self.info.siting)
        size = sum(plane.buffer_size for plane in shown.frame.planes)
        spare = min(max(_SPARE_BYTES // max(size, 1), 1), _MOST_SPARE)
        room = self._needed + max(spare, self._behind // max(size, 1))
        with self._guard:
            self._decoded += 1
            kept = _Kept(self._decoded, shown, Decoded(shown.frame, planes))
            self._kept.append(kept)
            while len(self._kept) > room:
                self._kept.popleft()
            return kept

    # -- decoding: `_decoding` is held -------------------------------------------------------------------------------

    def _decode(self, ticks: int) -> _Kept:
        """Decode up to the frame shown at `ticks`, wherever the decoder stands."""
        kept = self._kept[-1] if self._kept else None
        frames = self._decoder.towards(ticks)
        first = next(frames)
        if kept is None or kept.shown.frame is not first.frame:
            with self._guard:
                self._asked, self._forward = 0, False
            kept = self._keep(first)
        for shown in frames:
            kept = self._keep(shown)
        return kept

    # -- reading ahead -----------------------------------------------------------------------------------------------

    def _note(self, number: int) -> None:
        """Someone asked for this frame: read on if frames are asked for one after another."""
        with self._guard:
            if number > self._asked:
                self._forward = self._asked > 0
                self._asked = number
            if self._reading or not self._lacks():
                return
            self._reading = True
            if self._reader is None:
                self._reader = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
            self._reader.submit(self._read_on)

    def _lacks(self) -> bool:
        """Whether frames should be decoded that nobody has asked for yet; `_guard` is held."""
        if self._stopped or not self._forward or self._decoded - self._asked >= self._ahead:
            return False
        return not self._decoder.lost and self._kept[-1].shown.end is not None

    def _read_on(self) -> None:
        while self._read_one():
            pass

    def _read_one(self) -> bool:
        with self._decoding:
            with self._guard:
                self._reading = self._lacks()
            if not self._reading:
                return False
            following = None
            try:
                # An error here ends this run alone. It leaves the decoder lost, so whoever needs that frame meets it.
                following = self._decoder.next()
            finally:
                if following is None:
                    with self._guard:
                        self._reading = False
            if following is None:
                return False
            self._keep(following)
            return True
