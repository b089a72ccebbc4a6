"""Sources that stay open between renders.

The next chunk of a movie mostly begins where the last one ended. A decoder that stands there goes on; a new one would
begin at the keyframe before, which in a file of long groups of pictures costs more than rendering the chunk.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.sources import FileSource, Sources

_Key = tuple[str, Path, str, int]


class SourceShelf:
    """Keeps up to `places` sources that nobody uses just now, those of the last renders. Safe to share between threads.

    Memory is that of so many decoders with a few decoded frames each. Files must not change while they are here.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[_Key, FileSource]] = OrderedDict()
        self._number = 0

    @contextmanager
    def open(self, sources: Sources, colour: WorkingColour, threads: int) -> Iterator[dict[str, FileSource]]:
        """The sources of all nodes, this block's alone. After an error they are closed instead of kept.

        `colour` must be the same object for one working space, or what is kept is of no use.
        """
        taken: dict[str, tuple[_Key, FileSource]] = {}
        for node, file in sources.items():
            key = (file.digest, file.path, f"{colour.working_space} {id(colour)}", threads)
            taken[node] = (key, self._take(key) or FileSource(file, colour, threads))
        keep = False
        try:
            yield {node: source for node, (_, source) in taken.items()}
            keep = True
        finally:
            for key, source in taken.values():
                if keep:
                    self._put(key, source)
                else:
                    source.close()

    def close(self) -> None:
        """Close what is kept."""
        with self._lock:
            kept = [source for _, source in self._kept.values()]
            self._kept.clear()
        for source in kept:
            source.close()

    def _take(self, key: _Key) -> FileSource | None:
        with self._lock:
            number = next((number for number, (kept, _) in reversed(self._kept.items()) if kept == key), None)
            return None if number is None else self._kept.pop(number)[1]

    def _put(self, key: _Key, source: FileSource) -> None:
        with self._lock:
            self._number += 1
            self._kept[self._number] = (key, source)
            oldest = []
            while len(self._kept) > self._places:
                _, (_, left) = self._kept.popitem(last=False)
                oldest.append(left)
        for left in oldest:
            left.close()
