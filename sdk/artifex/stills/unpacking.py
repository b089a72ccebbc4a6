"""A sequence that came from the studio, as stills in a folder of this machine."""

from __future__ import annotations

import os
import uuid
import zlib
from pathlib import Path
from typing import BinaryIO, Final

from artifex.errors import FileProblem, VerificationFailed
from artifex.stills.archive import ArchiveProblem, Member, open_archive
from artifex.stills.names import EXTENSIONS, Numbered, Pattern, numbered

_PIECE: Final = 4 * 1024 * 1024


def unpack(archive: Path, folder: Path, pattern: Pattern | None = None) -> list[Path]:
    """Write the stills of `archive` into `folder`, under their own names, or under those of `pattern`.

    Names are only ever those of numbered stills within the folder, whatever the archive says. Each still is written
    beside its place, checked against its checksum and moved there. Raises FileProblem for a folder that cannot be
    written to or a file that is no sequence, VerificationFailed for damaged stills.
    """
    try:
        with open_archive(archive) as (file, members):
            targets = [_target(folder, member, pattern) for member in members]
            if len(set(targets)) < len(targets):
                raise FileProblem(f"{archive.name}: two of its stills have the same number")
            folder.mkdir(parents=True, exist_ok=True)
            for member, target in zip(members, targets, strict=True):
                _write(file, member, target)
    except ArchiveProblem as error:
        raise FileProblem(f"{archive.name}: {error}") from None
    except OSError as error:
        raise FileProblem(f"{folder}: {error.strerror or error}") from None
    return targets


def _target(folder: Path, member: Member, pattern: Pattern | None) -> Path:
    name = still_name(member.name)
    if name is None:
        raise FileProblem(f"{member.name[:80]!r} is no name of a numbered still; nothing was unpacked")
    return folder / (member.name if pattern is None else pattern.name(name.number))


def still_name(name: str) -> Numbered | None:
    """The parts of a member's name, if it is one that a still may have: numbered, in no folder, and not hidden."""
    if name.startswith(".") or "/" in name or "\\" in name or not name.isprintable() or len(name.encode()) > 255:
        return None
    found = numbered(name)
    return found if found is not None and found.suffix[1:].lower() in EXTENSIONS else None


def _write(file: BinaryIO, member: Member, target: Path) -> None:
    partial = target.with_name(f".{uuid.uuid4().hex}.part")
    crc, left = 0, member.size
    file.seek(member.offset)
    try:
        with partial.open("xb") as out:
            while left and (piece := file.read(min(left, _PIECE))):
                crc = zlib.crc32(piece, crc)
                left -= len(piece)
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        if left or crc != member.crc:
            raise VerificationFailed(f"{target.name}: its bytes are not those that were rendered")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
