"""How long a file must be by its own outer structure, so that one cut short is told apart from one of another kind.

libavformat reads a file that was cut short as far as it goes and reports success, or calls it no media at all when the
index was at its end. Three families of containers declare the sizes of their parts; the others cannot be judged.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_MP4_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"})
_MP4_MEDIA = frozenset({b"moov", b"mdat", b"moof"})
_EBML_MAGIC = b"\x1a\x45\xdf\xa3"
_SEGMENT_ID = b"\x18\x53\x80\x67"
_RIFF_KINDS = frozenset({b"RIFF", b"RF64"})


def is_truncated(path: Path) -> bool:
    """Whether the file ends before a part that it declares does, or an MP4 holds media data and no index."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[4:8] in _MP4_FIRST_BOXES:
            return _mp4_is_truncated(file, size)
        if head[:4] == _EBML_MAGIC:
            end = _matroska_end(file)
            return end is not None and end > size
        if head[:4] in _RIFF_KINDS:
            declared = int(struct.unpack("<I", head[4:8])[0])
            return 0 < declared < 0xFFFFFFFF and declared + 8 > size + 1  # the pad byte at the end is often left out
    return False


def _mp4_is_truncated(file: BinaryIO, size: int) -> bool:
    """Walk the top-level boxes of ISO 14496-12: size and type, a 64-bit size where the first is 1; 0 is to the end.

    Behind a whole index and whole media data a file may hold what is no box: recorders leave padding there, and some
    programs a note of their own. Only in a file of fragments may such a rest be the beginning of more media.
    """
    position = 0
    kinds: set[bytes] = set()
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length, kind = int(struct.unpack(">I", header[:4])[0]), header[4:8]
        ends_well = _may_end(kinds) and kind not in _MP4_MEDIA
        kinds.add(kind)
        if length == 1:
            if len(header) < 16:
                return not ends_well
            length = int(struct.unpack(">Q", header[8:16])[0])
        elif length == 0:
            break
        if length < 8:
            return False
        if position + length > size:
            return not ends_well
        position += length
    else:
        if position != size and not _may_end(kinds):
            return True
    return bool(kinds & {b"mdat", b"ftyp"}) and not kinds & {b"moov"}


def _may_end(kinds: set[bytes]) -> bool:
    """Whether boxes of these kinds are a whole movie; of fragments, there may always be more."""
    return kinds >= {b"moov", b"mdat"} and b"moof" not in kinds


def _matroska_end(file: BinaryIO) -> int | None:
    """Where the Segment element ends by its declared size; None for a live stream, which declares none (RFC 8794)."""
    if file.read(4) != _EBML_MAGIC:
        return None
    header_size = _ebml_size(file)
    if header_size is None:
        return None
    file.seek(header_size, 1)
    if file.read(4) != _SEGMENT_ID:
        return None
    segment_size = _ebml_size(file)
    return None if segment_size is None else file.tell() + segment_size


def _ebml_size(file: BinaryIO) -> int | None:
    """A variable-length size; None when unknown or cut off."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    if len(rest) < length - 1:
        return None
    value = int.from_bytes(bytes([first[0] & ((1 << (8 - length)) - 1)]) + rest, "big")
    return None if value == (1 << (7 * length)) - 1 else value
