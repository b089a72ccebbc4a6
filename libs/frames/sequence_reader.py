"""Reading the stills of a sequence by their numbers, from several threads at once."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

from libs.frames.containers import DEFAULT_LIMITS, Limits
from libs.frames.errors import MediaUnsupported
from libs.frames.sequence_index import index_sequence
from libs.frames.still_file import Pixels, open_still, use_threads

_Key = tuple[int, tuple[str, ...]]


class SequenceReader:
    """The stills of one file. Safe to use from several threads; close it, or use it in a `with`.

    The last few stills stay decoded, so that neighbouring frames, their parts and their masks decode nothing twice.
    Memory is `together` + 1 of them, and as many more as fit into `behind` bytes; and for each thread that reads, the
    still's file as it is stored. Errors are those of `open_still`.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        threads: int = 1,
        together: int = 1,
        behind: int = 0,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """`threads` is for OpenImageIO in the whole process. Raises as `index_sequence`."""
        self._limits = limits
        self._together = together + 1
        self._behind = behind
        index = index_sequence(path)
        self.pattern = index.pattern
        """What the stills are called."""
        self._members = index.members
        self._numbers = sorted(index.members)
        self._file = Path(path).open("rb")  # noqa: SIM115 - it is open until `close`
        self._guard = threading.Lock()
        self._kept: OrderedDict[_Key, Future[Pixels]] = OrderedDict()
        use_threads(threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Pixels given out stay valid. Repeatable."""
        with self._guard:
            self._kept.clear()
            self._file.close()

    def holds(self, number: int) -> bool:
        """Whether there is a still of that number."""
        return number in self._members

    def before(self, number: int) -> int:
        """The last still up to a number; where there is none, the first of all."""
        return self._numbers[max(bisect_right(self._numbers, number) - 1, 0)]

    def nearest(self, number: int) -> int:
        """The still whose number is nearest; of two the one before."""
        place = bisect_right(self._numbers, number)
        around = self._numbers[max(place - 1, 0) : place + 1]
        return min(around, key=lambda each: (abs(each - number), each))

    def read(self, number: int, channels: tuple[str, ...]) -> Pixels:
        """Channels of one still, in this order, not to be changed. KeyError where there is no such still.

        Raises MediaUnsupported for channels that it does not have.
        """
        member = self._members[number]
        key = (number, channels)
        with self._guard:
            found = self._kept.get(key)
            mine = found is None
            if found is None:
                found = self._kept[key] = Future()
            self._kept.move_to_end(key)
        if not mine:
            return found.result()
        try:
            with open_still(self._file, member, Path(self.pattern), limits=self._limits) as still:
                unknown = [name for name in channels if name not in still.header.channels]
                if unknown:
                    known = ", ".join(still.header.channels)
                    raise MediaUnsupported(self.pattern, f"{member.name} has no channel {unknown[0]}; it has {known}")
                pixels = still.read(channels)
        except BaseException as error:
            with self._guard:
                self._kept.pop(key, None)
            found.set_exception(error)
            raise
        pixels.samples.flags.writeable = False
        found.set_result(pixels)
        self._forget(pixels.samples.nbytes)
        return pixels

    def _forget(self, size: int) -> None:
        """Let go of what was asked for longest ago."""
        room = max(self._together, self._behind // max(size, 1))
        with self._guard:
            for key in [key for key, found in self._kept.items() if found.done()]:
                if len(self._kept) <= room:
                    break
                del self._kept[key]
