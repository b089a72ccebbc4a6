"""Joining the stills of a movie's parts to one sequence: they are copied as they are, and numbered as they were."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

from artifex.stills import ArchiveProblem, Member, Pattern, numbered, open_archive
from libs.frames.errors import MediaTruncated, MediaUnreadable, MediaUnsupported
from libs.frames.still_writer import StillsWriter


def join_stills(parts: Sequence[Path | str], out_path: Path | str, pattern: Pattern) -> list[Member]:
    """Write the stills of all parts into one file, and tell what it holds.

    Their names must be those of the pattern, and follow each other by ones. Raises MediaUnsupported where they do not,
    MediaTruncated and MediaUnreadable for a part that is damaged. Memory is one still.
    """
    expected: int | None = None
    with StillsWriter(out_path, pattern, 0) as writer:
        for part in map(Path, parts):
            try:
                with open_archive(part) as (file, members):
                    for member in members:
                        found = numbered(member.name)
                        if found is None or not pattern.holds(found):
                            raise MediaUnsupported(part, f"{member.name[:80]!r} is no name of the kind of {pattern}")
                        if expected is not None and found.number != expected:
                            raise MediaUnsupported(part, f"{member.name} stands where {pattern.name(expected)} should")
                        expected = found.number + 1
                        file.seek(member.offset)
                        data = file.read(member.size)
                        if len(data) != member.size:
                            raise MediaTruncated(part, f"{member.name} is cut short")
                        if zlib.crc32(data) != member.crc:
                            raise MediaUnreadable(part, f"{member.name} is not what was rendered")
                        writer.add(member.name, data)
            except ArchiveProblem as error:
                raise MediaUnreadable(part, str(error)) from error
    return writer.members
