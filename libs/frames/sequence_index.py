"""Which stills a sequence holds, and where in the file each of them lies. Nobody vouches for the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from artifex.stills import (
    EXTENSIONS,
    MAX_MEMBER_BYTES,
    ArchiveProblem,
    ArchiveTruncated,
    Member,
    Numbered,
    common_pattern,
    numbered,
    open_archive,
    still_name,
)
from libs.frames.errors import MediaTruncated, MediaUnreadable, MediaUnsupported

_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
ALONE: Final = (b"\x76\x2f\x31\x01", b"SDPX", b"XPDS")
"""How files begin that are taken as sequences of one: OpenEXR and DPX, which no movie reader takes."""
MAX_NUMBERS: Final = 1_000_000
"""From the first frame to the last."""


@dataclass(frozen=True)
class SequenceIndex:
    """The stills of one file by their numbers."""

    container: str
    """ "zip", or "still" for one that lies alone."""
    pattern: str
    """ "shot.####.exr"; of one alone its name."""
    members: Mapping[int, Member]

    @property
    def first(self) -> int:
        return min(self.members)

    @property
    def last(self) -> int:
        return max(self.members)

    def missing(self) -> Iterator[tuple[int, int]]:
        """Ranges of numbers between the first and the last that no still has, both ends included."""
        before = self.first - 1
        for number in sorted(self.members):
            if number > before + 1:
                yield before + 1, number - 1
            before = number


def is_sequence(path: Path | str) -> bool:
    """Whether a file is to be taken as a sequence of stills, by how it begins."""
    with open(path, "rb") as file:
        return file.read(4) in (*_ZIP, *ALONE)


def index_sequence(path: Path | str, name: str = "") -> SequenceIndex:
    """The stills of a file; `name` is what people call it, which tells the number of one that lies alone.

    Raises MediaUnreadable, MediaTruncated and MediaUnsupported for what is no sequence of numbered stills.
    """
    path = Path(path)
    with path.open("rb") as file:
        start = file.read(4)
    if start in ALONE:
        called = PurePath(name).name or path.name
        found = numbered(called)
        member = Member(called, 0, path.stat().st_size, 0)
        if member.size > MAX_MEMBER_BYTES:
            raise MediaUnsupported(path, f"a still has at most {MAX_MEMBER_BYTES} bytes")
        return SequenceIndex("still", called, {found.number if found else 0: member})
    try:
        with open_archive(path) as (_, members):
            return _by_number(path, members)
    except ArchiveTruncated as error:
        raise MediaTruncated(path, str(error)) from error
    except ArchiveProblem as error:
        raise MediaUnreadable(path, str(error)) from error


def _by_number(path: Path, members: list[Member]) -> SequenceIndex:
    if not members:
        raise MediaUnsupported(path, "it holds no stills")
    names: list[Numbered] = []
    found: dict[int, Member] = {}
    for member in members:
        name = still_name(member.name)
        if name is None:
            known = ", ".join(f".{extension}" for extension in EXTENSIONS)
            shown = member.name[:80]
            raise MediaUnsupported(
                path,
                f"{shown!r} is no name of a numbered still; a sequence holds files such as shot.0001.exr ({known}), "
                "in no folder, and nothing else",
            )
        if names and (name.prefix, name.suffix) != (names[0].prefix, names[0].suffix):
            raise MediaUnsupported(path, f"{members[0].name} and {member.name[:80]} are of different sequences")
        if name.number in found:
            raise MediaUnsupported(path, f"{found[name.number].name} and {member.name} have the same number")
        if not member.size:
            raise MediaTruncated(path, f"{member.name} is empty")
        names.append(name)
        found[name.number] = member
    if max(found) - min(found) >= MAX_NUMBERS:
        raise MediaUnsupported(path, f"its numbers, {min(found)} to {max(found)}, span more than {MAX_NUMBERS} frames")
    return SequenceIndex("zip", str(common_pattern(names)), found)
