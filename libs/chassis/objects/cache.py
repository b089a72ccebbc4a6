"""Objects as local files, for libraries that read files: a bounded cache in front of a bucket."""

import asyncio
import hashlib
import shutil
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from libs.chassis.objects.store import ObjectMissing, ObjectStore


@dataclass
class _Entry:
    path: Path
    size: int = 0
    pins: int = 0
    ready: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class LocalCache:
    """Gives objects a path. A file store's objects are read where they are; a bucket's are downloaded once.

    The downloads together hold at most `max_bytes`, the least recently used going first; those in use stay, so the
    bound is passed only when the objects in use at one time need more. `folder` belongs to one process and is emptied
    at the start. Keys are taken to be immutable, as blobs and segments are.
    """

    def __init__(self, store: ObjectStore, folder: Path, max_bytes: int) -> None:
        self._store = store
        self._folder = folder
        self._max_bytes = max_bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        if folder.exists():
            shutil.rmtree(folder)

    @property
    def size(self) -> int:
        """The bytes of all finished downloads."""
        return sum(entry.size for entry in self._entries.values())

    @asynccontextmanager
    async def path(self, key: str) -> AsyncIterator[Path]:
        """The object's file, which stays until the block ends. Raises `ObjectMissing`."""
        local = self._store.local_path(key)
        if local is not None:
            if not await asyncio.to_thread(local.is_file):
                raise ObjectMissing(key)
            yield local
            return
        entry = self._entries.setdefault(key, _Entry(self._folder / hashlib.sha256(key.encode()).hexdigest()))
        self._entries.move_to_end(key)
        entry.pins += 1
        try:
            async with entry.lock:
                if not entry.ready:
                    await self._download(key, entry)
            yield entry.path
        finally:
            entry.pins -= 1
            if not entry.ready and not entry.pins:
                self._entries.pop(key, None)
            self._evict()

    async def _download(self, key: str, entry: _Entry) -> None:
        partial = entry.path.with_suffix(".part")
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        # Not in a thread: one that is cancelled meanwhile would open the file for nobody.
        handle = partial.open("wb")
        size = 0
        try:
            async for piece in self._store.get(key):
                size += await asyncio.to_thread(handle.write, piece)
        except BaseException:
            handle.close()
            partial.unlink(missing_ok=True)
            raise
        await asyncio.to_thread(handle.close)
        partial.replace(entry.path)
        entry.size, entry.ready = size, True
        self._evict()

    def _evict(self) -> None:
        excess = self.size - self._max_bytes
        for key in list(self._entries):
            if excess <= 0:
                return
            entry = self._entries[key]
            if entry.pins == 0:
                del self._entries[key]
                entry.path.unlink(missing_ok=True)
                excess -= entry.size
