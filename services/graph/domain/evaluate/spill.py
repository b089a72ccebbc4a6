"""Results of one frame that have no place in memory wait on disk for their readers.

Where a graph reads many results at two far places each, no order of evaluation holds few of them. What is read last
goes to disk first (L. A. Belady, A study of replacement algorithms for a virtual-storage computer, 1966), so that
memory keeps its bound, whatever the graph.
"""

import mmap
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from artifex.nodes import Frame
from services.graph.domain.evaluate.cache import held_bytes
from services.graph.domain.evaluate.demand import Wanted
from services.graph.domain.evaluate.schedule import Group


class Spill:
    """The results that are held for one frame, kept below a number of bytes."""

    def __init__(self, max_bytes: int, folder: Path | None, todo: Sequence[Wanted], groups: dict[int, Group]) -> None:
        """`todo`: what is computed, in order. `folder`: where files without a name are made; None for the system's."""
        self._max_bytes = max_bytes
        self._folder = folder
        self._todo = todo
        self._groups = groups
        self._held: dict[int, Wanted] = {}
        self._bytes = 0
        self._reads: dict[int, list[int]] | None = None
        """By identity of a result: when it is read, as positions in `todo`, last first."""

    def add(self, item: Wanted, position: int) -> None:
        """Holds a new result, computed at this position; puts others on disk if that is one too many.

        Results that a cache holds as well are the cache's to count.
        """
        if item.readers == 0 or item.shared or item.frame is None:
            return
        self._held[id(item)] = item
        self._bytes += held_bytes(item.frame)
        if self._bytes > self._max_bytes:
            self._relieve(position)

    def release(self, item: Wanted) -> None:
        """Holds a result no longer; it is about to be let go."""
        if self._held.pop(id(item), None) is not None and item.frame is not None:
            self._bytes -= held_bytes(item.frame)

    def _relieve(self, position: int) -> None:
        reads = self._reads if self._reads is not None else self._all_reads()
        following: dict[int, int] = {}
        for key in self._held:
            times = reads.get(key, [])
            while times and times[-1] <= position:
                times.pop()
            following[key] = times[-1] if times else len(self._todo)
        for key in sorted(following, key=following.__getitem__, reverse=True):
            # What the next step reads would come back at once.
            if self._bytes <= self._max_bytes or following[key] == position + 1:
                return
            item = self._held.pop(key)
            assert item.frame is not None
            self._bytes -= held_bytes(item.frame)
            item.frame = self._on_disk(item.frame)

    def _all_reads(self) -> dict[int, list[int]]:
        reads: dict[int, list[int]] = {}
        for position in range(len(self._todo) - 1, -1, -1):
            item = self._todo[position]
            group = self._groups.get(id(item))
            inputs = group.inputs.values() if group is not None else [needed for _, _, needed in item.needs]
            for needed in inputs:
                reads.setdefault(id(needed), []).append(position)
        self._reads = reads
        return reads

    def _on_disk(self, frame: Frame) -> Frame:
        """The same frame, in a file that is gone with the last use of its pixels."""
        pixels = np.ascontiguousarray(frame.pixels)
        with tempfile.TemporaryFile(dir=self._folder, buffering=0) as file:
            view = pixels.data.cast("B")
            while view:
                view = view[file.write(view) :]
            content = mmap.mmap(file.fileno(), pixels.nbytes, prot=mmap.PROT_READ)
        mapped = np.frombuffer(content, dtype=np.float32).reshape(pixels.shape)
        return Frame(mapped, frame.x, frame.y, frame.opaque)
