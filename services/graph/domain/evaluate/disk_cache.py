"""Results kept on disk: they outlive the process, and all processes that are given the folder share them.

A file is one frame: a header, then the pixels as they are in memory, so that a read is a mapping. It is written under
another name and renamed when it is whole, so a reader finds all of it or nothing.
"""

import contextlib
import itertools
import logging
import mmap
import os
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from artifex.nodes import Frame, Pixels

_MAGIC: Final = b"artifex frame 1\n"
_HEADER: Final = struct.Struct("<16s16siiiiiId")
"""Magic; digest; x, y, width, height, channels; whether it is opaque; the sum of the pixels' samples."""
_HEADER_BYTES: Final = 4096
"""A page, so that the pixels begin on one."""
_SUFFIX: Final = ".frame"
_PARTIAL: Final = ".part"
_STALE_SECONDS: Final = 600.0
"""A half-written file as old as this belongs to a process that was killed."""
_TOUCH_SECONDS: Final = 60.0
"""A read is noted on the file at most so often."""
_FRESH_SECONDS: Final = 600.0
"""For so long nothing as costly drives an entry out: of a loop that is longer than the cache a part stays, where the
least recently used would each go just before its turn."""
_REFUSAL_SECONDS: Final = 5.0
"""For so long no room is looked for again, for what is worth no more than what was refused."""
_PAUSE_SECONDS: Final = 60.0
"""Without writing, after the disk was full or slow."""
_LEFT_TO_OTHERS: Final = 0.1
"""Of the disk."""
_SLOW_SECONDS: Final = 0.1
_SLOWEST: Final = 50e6
"""Bytes a second; a disk that takes longer costs more than it saves."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    path: Path
    size: int
    used: float
    """Seconds since the epoch, of the last use."""
    worth: float
    """Seconds to make it again, for each byte."""


class DiskCache:
    """Frames by the digest of everything they depend on, as exact float32, in one folder of at most `max_bytes`.

    Several processes may use the folder; together they pass the bound by no more than one frame each, and only until
    the next one is kept. What is not a whole frame is removed and logged, never believed. Nothing here fails a render:
    where the disk does not take a frame, it is not kept. Safe to share between threads.

    To make room, the least worth per byte and second since its last use goes first; what was used in the last ten
    minutes only for something twice as costly.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._entries: dict[bytes, _Entry] = {}
        self._bytes = 0
        self._promised = 0
        """Bytes of frames that are being written."""
        self._seen = -1
        self._scan_from = 0.0
        self._paused_until = 0.0
        self._refused = (0.0, 0.0)
        """Until when, and up to which worth, there is known to be no room."""
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        self.refresh()

    @property
    def size(self) -> int:
        """Bytes of all frames that are known of."""
        return self._bytes

    def refresh(self) -> None:
        """Learns what other processes have kept or removed.

        Costs next to nothing when nothing has changed, and otherwise at most a twentieth of the time: with a hundred
        thousand small frames it is a second before they are looked through again.
        """
        begin = time.monotonic()
        if begin < self._scan_from:
            return
        try:
            changed = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True)
            changed = self._folder.stat().st_mtime_ns
        if changed == self._seen:
            return
        with self._lock:
            # A change within the clock's tick of this reading would go unseen, hence the next one's chance.
            recent = time.time_ns() - changed < 50_000_000
            self._seen = -1 if recent else changed
            known, self._entries = self._entries, {}
            self._bytes = 0
            with os.scandir(self._folder) as files:
                for file in files:
                    parsed = _parsed(file.name)
                    if parsed is None:
                        continue
                    digest, cost = parsed
                    entry = known.get(digest)
                    if entry is None or entry.path.name != file.name:
                        try:
                            found = file.stat()
                        except FileNotFoundError:
                            continue
                        entry = _Entry(Path(file.path), found.st_size, found.st_mtime, cost / max(1, found.st_size))
                    self._enter(digest, entry)
        self._scan_from = begin + 20 * (time.monotonic() - begin)

    def get(self, digest: bytes) -> Frame | None:
        """The frame, mapped from the file; its pixels cannot be written to."""
        entry = self._entries.get(digest)
        if entry is None:
            return None
        frame = self._read(digest, entry.path)
        if frame is None:
            self._forget(digest)
            return None
        now = time.time()
        if now - entry.used > _TOUCH_SECONDS:
            entry.used = now
            # Another process may have removed it just now; what is mapped stays.
            with contextlib.suppress(OSError):
                os.utime(entry.path)
        return frame

    def put(self, digest: bytes, frame: Frame, cost: float) -> bool:
        """Keeps a frame that took `cost` seconds; False when it was not kept."""
        size = _HEADER_BYTES + frame.pixels.nbytes
        now = time.time()
        if digest in self._entries or frame.window.empty or now < self._paused_until:
            return False
        if not self._disk_has_room(size) or not self._make_room(size, cost / size, now):
            return False
        path = self._folder / f"{digest.hex()}-{int(cost * 1e6)}{_SUFFIX}"
        written = self._written(path, digest, frame)
        took = time.time() - now
        with self._lock:
            self._promised -= size
            if written:
                self._enter(digest, _Entry(path, size, now, cost / size))
        if written and took > _SLOW_SECONDS and size / took < _SLOWEST:
            self._pause(f"{size / 1e6:.0f} MB took {took:.1f} s")
        return written

    def _written(self, path: Path, digest: bytes, frame: Frame) -> bool:
        partial = self._folder / f"{os.getpid()}-{next(self._numbers)}{_PARTIAL}"
        try:
            _write(partial, digest, frame)
            partial.replace(path)
        except OSError as error:
            self._pause(str(error))
            partial.unlink(missing_ok=True)
            return False
        return True

    def _pause(self, why: str) -> None:
        _log.warning("frames are not kept on disk for %.0f s: %s", _PAUSE_SECONDS, why)
        self._paused_until = time.time() + _PAUSE_SECONDS

    def _disk_has_room(self, size: int) -> bool:
        """Whether the disk stays usable for others: the last tenth of it is left to them."""
        try:
            disk = os.statvfs(self._folder)
        except OSError:
            return False
        return disk.f_bavail * disk.f_frsize - size > disk.f_blocks * disk.f_frsize * _LEFT_TO_OTHERS

    def _enter(self, digest: bytes, entry: _Entry) -> None:
        other = self._entries.get(digest)
        self._entries[digest] = entry
        self._bytes += entry.size - (other.size if other is not None else 0)

    def _forget(self, digest: bytes) -> None:
        with self._lock:
            entry = self._entries.pop(digest, None)
            if entry is not None:
                self._bytes -= entry.size

    def _make_room(self, size: int, worth: float, now: float) -> bool:
        """Removes what is worth less than a new frame, and promises it the room.

        False when there is not enough of it; then nothing is removed.
        """
        if size > self._max_bytes:
            return False
        with self._lock:
            missing = self._bytes + self._promised + size - self._max_bytes
            if missing <= 0:
                self._promised += size
                return True
            until, refused = self._refused
            if now < until and worth <= refused:
                return False
            victims: list[bytes] = []
            # Of what is old some more goes than must, so that not every frame goes through all of them again.
            spare = self._max_bytes // 50
            for digest, entry in sorted(self._entries.items(), key=lambda item: _value(item[1], now)):
                fresh = now - entry.used < _FRESH_SECONDS
                if missing <= (0 if fresh else -spare):
                    break
                if fresh and entry.worth * 2 > worth:
                    continue
                victims.append(digest)
                missing -= entry.size
            if missing > 0:
                # To look again for every frame of a render would cost more than the cache saves.
                self._refused = (now + _REFUSAL_SECONDS, worth)
                return False
            for digest in victims:
                entry = self._entries.pop(digest)
                self._bytes -= entry.size
                entry.path.unlink(missing_ok=True)
            self._promised += size
            return True

    def _read(self, digest: bytes, path: Path) -> Frame | None:
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                content = mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ) if size > _HEADER_BYTES else None
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("%s cannot be read: %s", path.name, error)
            return None
        frame = _frame(digest, content) if content is not None else None
        if frame is None:
            _log.warning("%s is no whole frame; it is removed", path.name)
            path.unlink(missing_ok=True)
        return frame

    def _sweep(self) -> None:
        """Removes what killed processes left half written."""
        with os.scandir(self._folder) as files:
            for file in files:
                try:
                    if file.name.endswith(_PARTIAL) and time.time() - file.stat().st_mtime > _STALE_SECONDS:
                        Path(file.path).unlink(missing_ok=True)
                except FileNotFoundError:
                    continue


def _value(entry: _Entry, now: float) -> float:
    return entry.worth / max(1.0, now - entry.used)


def _parsed(name: str) -> tuple[bytes, float] | None:
    """Digest and cost in seconds, as a file's name tells them."""
    stem, dot, suffix = name.rpartition(".")
    digest, dash, cost = stem.partition("-")
    if dot + suffix != _SUFFIX or not dash or len(digest) != 32 or not cost.isdigit():
        return None
    try:
        return bytes.fromhex(digest), int(cost) / 1e6
    except ValueError:
        return None


def _write(path: Path, digest: bytes, frame: Frame) -> None:
    pixels = np.ascontiguousarray(frame.pixels)
    window = frame.window
    header = _HEADER.pack(
        _MAGIC, digest, window.x, window.y, window.width, window.height, frame.channels, frame.opaque, _checksum(pixels)
    )
    with path.open("wb", buffering=0) as file:
        file.write(header.ljust(_HEADER_BYTES, b"\0"))
        view = pixels.data.cast("B")
        while view:
            view = view[file.write(view) :]


def _frame(digest: bytes, content: mmap.mmap) -> Frame | None:
    """The frame that a file holds; None when it is not the whole frame of this digest."""
    magic, written, x, y, width, height, channels, opaque, checksum = _HEADER.unpack_from(content)
    size = width * height * channels * 4
    if magic != _MAGIC or written != digest or channels not in (1, 4) or min(width, height) < 1:
        return None
    if len(content) != _HEADER_BYTES + size:
        return None
    pixels = np.frombuffer(content, dtype=np.float32, offset=_HEADER_BYTES).reshape(height, width, channels)
    return Frame(pixels, x, y, bool(opaque)) if _checksum(pixels) == checksum else None


def _checksum(pixels: Pixels) -> float:
    """Of one word of every page: what a crash loses, it loses by pages, and reading all would cost as much as half a
    recomputation."""
    words = pixels.reshape(-1).view(np.uint32)[:: mmap.PAGESIZE // 4]
    return float(words.sum(dtype=np.uint64) % (1 << 52))
