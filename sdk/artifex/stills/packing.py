"""A sequence on its way to the studio: the zip of its stills, read as a file that was never written."""

from __future__ import annotations

import bisect
import hashlib
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from artifex.errors import FileProblem
from artifex.stills.archive import MAX_MEMBERS, ArchiveProblem, Member, directory, local_header
from artifex.stills.names import common_pattern, numbered

_PIECE: Final = 4 * 1024 * 1024


class StillArchive:
    """The one file that `stills` become. Each is read twice: for its checksum, and with the file.

    Nothing is written. Memory is the table of contents, about a hundred bytes a still.
    """

    def __init__(self, stills: Sequence[Path]) -> None:
        """Reads all of them once. Raises OSError, and FileProblem for what cannot be packed."""
        if len(stills) > MAX_MEMBERS:
            raise FileProblem(f"{stills[0].parent}: {len(stills)} stills; a sequence has at most {MAX_MEMBERS}")
        self._parts: list[bytes | Path] = []
        self._starts: list[int] = []
        self.size = 0
        members = []
        for still in stills:
            crc, size = _checksum(still)
            if size == 0:
                raise FileProblem(f"{still}: the file is empty")
            try:
                self._add(header := local_header(still.name, size, crc), len(header))
            except ArchiveProblem as error:
                raise FileProblem(str(error)) from None
            members.append(Member(still.name, self.size, size, crc))
            self._add(still, size)
        self._add(end := directory(members, self.size), len(end))
        names = [name for still in stills if (name := numbered(still.name)) is not None]
        self.name = str(common_pattern(names))
        """What the asset is called: the pattern of its stills."""

    def open(self) -> io.BufferedReader:
        """The file from its start, to be read and sought in, and closed."""
        return io.BufferedReader(_Reader(self._parts, self._starts, self.size), _PIECE)

    def digest(self) -> str:
        """SHA-256 of the file, lower-case hexadecimal."""
        with self.open() as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _add(self, part: bytes | Path, size: int) -> None:
        self._parts.append(part)
        self._starts.append(self.size)
        self.size += size


class _Reader(io.RawIOBase):
    def __init__(self, parts: Sequence[bytes | Path], starts: Sequence[int], size: int) -> None:
        self._parts, self._starts, self._size = parts, starts, size
        self._place = 0
        self._open: tuple[int, io.BufferedReader] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer has no name in 3.11
        if self._place >= self._size:
            return 0
        number = bisect.bisect_right(self._starts, self._place) - 1
        end = self._starts[number + 1] if number + 1 < len(self._starts) else self._size
        inside, left = self._place - self._starts[number], end - self._place
        view = memoryview(buffer)[: min(len(buffer), left)]
        part = self._parts[number]
        if isinstance(part, bytes):
            view[:] = part[inside : inside + len(view)]
            count = len(view)
        else:
            file = self._file(number, part)
            file.seek(inside)
            count = file.readinto(view)
            if not count:
                raise FileProblem(f"{part}: has become shorter while it was sent")
        self._place += count
        return count

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None
        super().close()

    def _file(self, number: int, path: Path) -> io.BufferedReader:
        if self._open is None or self._open[0] != number:
            if self._open is not None:
                self._open[1].close()
            self._open = (number, path.open("rb"))
        return self._open[1]


def _checksum(path: Path) -> tuple[int, int]:
    """CRC-32 and size of a file."""
    crc = size = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            crc = zlib.crc32(piece, crc)
            size += len(piece)
    return crc, size
