"""Image sequences: numbered stills, and the one file that they travel in.

A sequence is one asset, so that uploads, digests, tenancy and caching are those of any file: a zip that stores its
stills as they are, one after another, none compressed. Whoever reads one still reads a slice of the file.
"""

from artifex.stills.archive import (
    MAX_MEMBER_BYTES,
    ArchiveProblem,
    ArchiveTruncated,
    Member,
    open_archive,
    read_archive,
)
from artifex.stills.names import (
    EXTENSIONS,
    MOST_DIGITS,
    Numbered,
    Pattern,
    common_pattern,
    find_stills,
    numbered,
    pattern_of,
)
from artifex.stills.packing import StillArchive
from artifex.stills.unpacking import still_name, unpack

__all__ = [
    "EXTENSIONS",
    "MAX_MEMBER_BYTES",
    "MOST_DIGITS",
    "ArchiveProblem",
    "ArchiveTruncated",
    "Member",
    "Numbered",
    "Pattern",
    "StillArchive",
    "common_pattern",
    "find_stills",
    "numbered",
    "open_archive",
    "pattern_of",
    "read_archive",
    "still_name",
    "unpack",
]
