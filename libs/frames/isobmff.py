"""Boxes of ISO/IEC 14496-12 files, MP4 and MOV, as a tree that can be changed and written again.

Only headers are read this way: a `moov` of a few hundred kilobytes, never media. It is for what libavformat writes from
places that PyAV does not reach.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from libs.frames.errors import MediaUnreadable

# Boxes of boxes, and the only box that each is looked for in: a file cannot nest them without end.
_HOLDERS: Final = {b"moov": b"", b"trak": b"moov", b"mdia": b"trak", b"minf": b"mdia", b"stbl": b"minf"}
# Bytes of a sample description's own head, and of a visual sample entry before the boxes in it (12.1.3).
_DESCRIPTION, _VISUAL_ENTRY = 8, 78
_LARGEST: Final = 256 * 1024 * 1024


@dataclass
class Box:
    """A box: its own bytes, then other boxes. Without a kind it is the four zeros that may end QuickTime's lists."""

    kind: bytes
    data: bytes = b""
    children: list[Box] = field(default_factory=list)

    def write(self) -> bytes:
        """The box with its header."""
        if not self.kind:
            return self.data
        body = self.data + b"".join(child.write() for child in self.children)
        return struct.pack(">I4s", 8 + len(body), self.kind) + body

    def child(self, kind: bytes) -> Box | None:
        """The first child of this kind."""
        return next((child for child in self.children if child.kind == kind), None)

    def put(self, box: Box) -> None:
        """Add a box, or take it for the one of its kind that is there."""
        for index, child in enumerate(self.children):
            if child.kind == box.kind:
                self.children[index] = box
                return
        ended = bool(self.children) and not self.children[-1].kind
        self.children.insert(len(self.children) - ended, box)


@dataclass(frozen=True)
class Movie:
    """A file's `moov` and where it lies."""

    path: Path
    offset: int
    size: int
    moov: Box

    @property
    def entry(self) -> Box:
        """The sample entry of the first track. MediaUnreadable where there is none."""
        box: Box | None = self.moov
        for kind in (b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
            box = box.child(kind) if box is not None else None
        if box is None or not box.children:
            raise MediaUnreadable(self.path, "its header describes no samples")
        return box.children[0]

    @property
    def last(self) -> bool:
        """Whether nothing follows the `moov`, so that it may grow in its place."""
        return self.path.stat().st_size == self.offset + self.size


def read_movie(path: Path | str) -> Movie | None:
    """The `moov` of a file with one track of pictures; None for a file of another kind.

    MediaUnreadable where boxes do not fit into each other.
    """
    path = Path(path)
    with path.open("rb") as file:
        for kind, offset, head, size in _top(file, path):
            if offset == 0 and kind != b"ftyp":
                return None
            if kind == b"moov":
                if size > _LARGEST:
                    raise MediaUnreadable(path, "its header is larger than any movie's")
                file.seek(offset + head)
                return Movie(path, offset, size, _parsed(b"moov", file.read(size - head), path))
    return None


def rewrite_movie(movie: Movie) -> None:
    """Put the `moov`, as it is now, where it lay; ValueError where something follows it."""
    if not movie.last:
        raise ValueError(f"{movie.path.name}: what follows the header would be lost")
    with movie.path.open("r+b") as file:
        file.truncate(movie.offset)
        file.seek(movie.offset)
        file.write(movie.moov.write())


def _top(file: BinaryIO, path: Path) -> Iterator[tuple[bytes, int, int, int]]:
    """Kind, offset, bytes of the header and of the whole of each box of the file."""
    end = path.stat().st_size
    offset = 0
    while offset + 8 <= end:
        file.seek(offset)
        head = file.read(16)
        size, kind = struct.unpack_from(">I4s", head)
        length = 8
        if size == 1 and len(head) == 16:
            size, length = struct.unpack_from(">Q", head, 8)[0], 16
        elif size == 0:
            size = end - offset
        if size < length or offset + size > end:
            return
        yield kind, offset, length, size
        offset += size


def _parsed(kind: bytes, body: bytes, path: Path, holder: bytes = b"") -> Box:
    if _HOLDERS.get(kind) == holder:
        return Box(kind, b"", _children(body, path, kind))
    if kind == b"stsd" and holder == b"stbl":
        entries = [
            Box(entry.kind, entry.data[:_VISUAL_ENTRY], _children(entry.data[_VISUAL_ENTRY:], path, kind))
            for entry in _children(body[_DESCRIPTION:], path, kind)
        ]
        return Box(kind, body[:_DESCRIPTION], entries)
    return Box(kind, body)


def _children(body: bytes, path: Path, holder: bytes) -> list[Box]:
    boxes: list[Box] = []
    offset = 0
    while offset < len(body):
        if len(body) - offset == 4 and not any(body[offset:]):
            boxes.append(Box(b"", body[offset:]))
            break
        size, kind = struct.unpack_from(">I4s", body, offset) if offset + 8 <= len(body) else (0, b"")
        if size < 8 or offset + size > len(body):
            raise MediaUnreadable(path, "its header's boxes do not fit into each other")
        inside = body[offset + 8 : offset + size]
        boxes.append(_parsed(kind, inside, path, holder))
        offset += size
    return boxes
