"""Checkpoints on their way in: what a request is too small to carry comes before it, piece by piece."""

from __future__ import annotations

import time
from typing import Final

_LONGEST: Final = 600.0
"""Seconds for which the pieces of an upload are kept that nobody goes on with."""
_MOST: Final = 4 << 30
"""Bytes of all uploads together."""


class Pieces:
    """Uploads by id, each a run of bytes that grows at its end. Of one thread."""

    def __init__(self) -> None:
        self._uploads: dict[str, tuple[float, bytearray]] = {}

    def keep(self, upload: str, offset: int, data: bytes) -> int:
        """Add a piece; the size so far. A piece that is there already is kept once. Raises ValueError for a gap."""
        self._sweep()
        _, held = self._uploads.setdefault(upload, (time.monotonic(), bytearray()))
        if offset > len(held):
            raise ValueError(f"byte {len(held)} of the upload comes next, not byte {offset}")
        others = sum(len(each) for _, each in self._uploads.values()) - len(held)
        if others + offset + len(data) > _MOST:
            raise ValueError("too much is being uploaded")
        held[offset:] = data
        self._uploads[upload] = (time.monotonic(), held)
        return len(held)

    def take(self, upload: str) -> bytes:
        """The bytes of an upload, which is forgotten. Raises ValueError where there is none."""
        self._sweep()
        found = self._uploads.pop(upload, None)
        if found is None:
            raise ValueError("there is no such upload")
        return bytes(found[1])

    def waited(self, seconds: float) -> None:
        """No piece could come for so long, as the model was at work for somebody."""
        self._uploads = {upload: (kept + seconds, held) for upload, (kept, held) in self._uploads.items()}

    def _sweep(self) -> None:
        now = time.monotonic()
        for upload in [upload for upload, (kept, _) in self._uploads.items() if now - kept > _LONGEST]:
            del self._uploads[upload]
