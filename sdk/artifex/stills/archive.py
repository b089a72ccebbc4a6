"""The file that a sequence is: a zip whose members are stored as they are (APPNOTE.TXT 6.3.3, with ZIP64).

Written here and read here, so that members can be laid out without copying them and read as slices of the file. What
is read may be anybody's: every length is checked against the file before it is believed.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

MAX_MEMBERS: Final = 200_000
"""Of one sequence: more than two hours at 24 a second."""
MAX_MEMBER_BYTES: Final = 3 * 2**29 + 2**20
"""The largest that is rendered, 8192 by 8192 pixels of four floats, made half as large again by a compression that does
not suit it, and a header."""
MAGIC: Final = b"PK\x03\x04"

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_END64: Final = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64: Final = struct.Struct("<4sIQI")
_COMMENT: Final = 0xFFFF
_FULL: Final = 0xFFFFFFFF
_MANY: Final = 0xFFFF
_UTF8: Final = 0x800
_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
_NEW_YEAR_1980: Final = 0x21
"""The first day that a zip knows: equal stills make equal files, whenever they are packed."""
_MOST_TABLE: Final = 64 * 1024 * 1024


class ArchiveProblem(ValueError):
    """The file is no sequence that is taken; the message says why, and what to do."""


class ArchiveTruncated(ArchiveProblem):
    """The file ends before its members do."""


@dataclass(frozen=True, slots=True)
class Member:
    """A stored still: its name, where its bytes begin in the file and how many they are, and their CRC-32."""

    name: str
    offset: int
    size: int
    crc: int


# -- writing -------------------------------------------------------------------------------------------------------


def local_header(name: str, size: int, crc: int) -> bytes:
    """What stands before a member's bytes. Raises ArchiveProblem for what the file cannot hold."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        shown = name.encode(errors="backslashreplace").decode()
        raise ArchiveProblem(f"{shown}: the file's name is no text in UTF-8; rename it") from None
    if len(encoded) > _MANY or not 0 <= size <= MAX_MEMBER_BYTES:
        raise ArchiveProblem(f"{name}: a still of {size} bytes is not taken; the most is {MAX_MEMBER_BYTES}")
    fields = (b"PK\x03\x04", 20, _UTF8, 0, 0, _NEW_YEAR_1980, crc, size, size, len(encoded), 0)
    return _LOCAL.pack(*fields) + encoded


def directory(members: Iterable[Member], start: int) -> bytes:
    """What ends the file: its table of contents, which begins at `start`."""
    entries = []
    for member in members:
        name = member.name.encode()
        header = member.offset - _LOCAL.size - len(name)
        extra = struct.pack("<HHQ", 1, 8, header) if header >= _FULL else b""
        fields = (
            b"PK\x01\x02", 45 if extra else 20, 45 if extra else 20, _UTF8, 0, 0, _NEW_YEAR_1980, member.crc,
            member.size, member.size, len(name), len(extra), 0, 0, 0, 0, min(header, _FULL),
        )  # fmt: skip
        entries.append(_CENTRAL.pack(*fields) + name + extra)
    table = b"".join(entries)
    count, end = len(entries), b""
    if count >= _MANY or start >= _FULL or len(table) >= _FULL:
        end = _END64.pack(b"PK\x06\x06", _END64.size - 12, 45, 45, 0, 0, count, count, len(table), start)
        end += _LOCATOR64.pack(b"PK\x06\x07", 0, start + len(table), 1)
    few = min(count, _MANY)
    return table + end + _END.pack(b"PK\x05\x06", 0, 0, few, few, min(len(table), _FULL), min(start, _FULL), 0)


# -- reading -------------------------------------------------------------------------------------------------------


@contextmanager
def open_archive(path: Path | str) -> Iterator[tuple[BinaryIO, list[Member]]]:
    """The file and its members, in their order. Raises OSError and ArchiveProblem."""
    with open(path, "rb") as file:
        yield file, read_archive(file)


def read_archive(file: BinaryIO) -> list[Member]:
    """The members of a zip, in the order of its table. Raises ArchiveProblem for one that is not of stored members."""
    length = os.fstat(file.fileno()).st_size
    count, start, size = _find_directory(file, length)
    if count > MAX_MEMBERS or size > _MOST_TABLE:
        raise ArchiveProblem(f"it lists {count} files; a sequence has at most {MAX_MEMBERS}")
    table = _at(file, start, size)
    members, place = [], 0
    for _ in range(count):
        member, place = _entry(file, table, place, start)
        members.append(member)
    ends = 0
    for member in sorted(members, key=lambda each: each.offset):
        if member.offset < ends:
            raise ArchiveProblem(f"{member.name} lies upon another file in it")
        ends = member.offset + member.size
    return members


def _find_directory(file: BinaryIO, length: int) -> tuple[int, int, int]:
    """How many entries the table of contents has, where it begins, and how long it is."""
    reach = min(length, _END.size + _COMMENT)
    tail = _at(file, length - reach, reach)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise ArchiveTruncated("its table of contents is missing; it was not copied whole")
    _, disk, first_disk, _, count, size, start, _ = _END.unpack_from(tail, at)
    end = length - reach + at
    locator = _at(file, end - _LOCATOR64.size, _LOCATOR64.size) if end >= _LOCATOR64.size else b""
    if locator.startswith(b"PK\x06\x07"):
        _, _, end, _ = _LOCATOR64.unpack(locator)
        if end + _END64.size > length:
            raise ArchiveProblem("its table of contents points beyond it")
        signature, _, _, _, disk, first_disk, _, count, size, start = _END64.unpack(_at(file, end, _END64.size))
        if signature != b"PK\x06\x06":
            raise ArchiveProblem("its table of contents is damaged")
    if disk or first_disk:
        raise ArchiveProblem("it is a part of several; join them first")
    if start + size > end:
        raise ArchiveProblem("its table of contents points beyond it")
    return count, start, size


def _entry(file: BinaryIO, table: bytes, place: int, end: int) -> tuple[Member, int]:
    """The member whose entry begins at `place` of the table, and where the next one begins."""
    if place + _CENTRAL.size > len(table) or table[place : place + 4] != b"PK\x01\x02":
        raise ArchiveProblem("its table of contents is damaged")
    fields = _CENTRAL.unpack_from(table, place)
    flags, method, crc, packed, size, name_length, extra_length, comment_length = *fields[3:5], *fields[7:13]
    header = fields[16]
    place += _CENTRAL.size
    raw, extra = table[place : place + name_length], table[place + name_length : place + name_length + extra_length]
    place += name_length + extra_length + comment_length
    if place > len(table):
        raise ArchiveProblem("its table of contents is damaged")
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError:
        raise ArchiveProblem("a name in it is no text") from None
    if flags & _ENCRYPTED:
        raise ArchiveProblem(f"{name} is encrypted")
    if method:
        raise ArchiveProblem(f"{name} is compressed; store the stills as they are, or give their folder")
    size, packed, header = _long(extra, size, packed, header)
    if size != packed:
        raise ArchiveProblem(f"{name} has two lengths")
    if size > MAX_MEMBER_BYTES:
        raise ArchiveProblem(f"{name} has {size} bytes; a still has at most {MAX_MEMBER_BYTES}")
    if header + _LOCAL.size > end:
        raise ArchiveTruncated(f"{name} lies beyond its end; it was not copied whole")
    local = _LOCAL.unpack(_at(file, header, _LOCAL.size))
    offset = header + _LOCAL.size + local[9] + local[10]
    if local[0] != MAGIC or _at(file, header + _LOCAL.size, local[9]) != raw:
        raise ArchiveProblem(f"{name} is not where its table of contents says")
    if offset + size > end:
        raise ArchiveTruncated(f"{name} reaches beyond its end; it was not copied whole")
    return Member(name, offset, size, crc), place


def _long(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """The numbers of an entry, with those that need 64 bits from its extra field (4.5.3)."""
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, place)
        place += 4
        if kind == 1:
            values = [value for (value,) in struct.iter_unpack("<Q", extra[place : place + length // 8 * 8])]
            size, packed, header = (
                values.pop(0) if number == _FULL and values else number for number in (size, packed, header)
            )
            return size, packed, header
        place += length
    return size, packed, header


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    data = os.pread(file.fileno(), size, offset)
    if len(data) != size:
        raise ArchiveTruncated("it ends too early; it was not copied whole")
    return data
