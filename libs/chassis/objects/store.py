"""The object store's port: named byte sequences of any size, moved in small pieces.

Promises that every adapter keeps, proved by one conformance suite:

- **Atomic**: a reader sees the whole old object or the whole new one; a put that fails or is cancelled leaves nothing.
- **Constant memory**: no call holds an object; pieces are at most 1 MiB, uploads buffer a few parts.
- **Durable keys**: segments of letters, digits and `._=@+-`, joined by `/`; never absolute, never `..`.
- **Prefixes are folders**: a prefix names whole segments, so `a/b` covers `a/b/c` and not `a/bc`.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from libs.chassis.errors import InvalidArgument, NotFound

PIECE = 1024 * 1024
"""The most bytes that a reader is handed at once."""

_SEGMENT = re.compile(r"[A-Za-z0-9._=@+-]{1,255}")
_MAX_KEY = 900  # S3 takes 1024 bytes; the rest is for a bucket's own prefix


class ObjectMissing(NotFound):
    """There is no object of that key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"objects/{key}", message="The stored file is missing.")


@dataclass(frozen=True)
class StoredObject:
    """What a listing tells of an object."""

    key: str
    size: int
    """Bytes."""


class ObjectStore(Protocol):
    """Objects by key. Every method raises `InvalidArgument` for a malformed key and `Unavailable` for an outage."""

    async def put_file(self, key: str, path: Path) -> None:
        """Store a file's bytes; replaces the object of that key."""

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Store bytes; replaces the object of that key."""

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """Store what the iterator yields, in pieces of any size; its error is raised, and then nothing is stored."""

    def get(self, key: str, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `offset`, at most `length` of them, in pieces of at most 1 MiB.

        Raises `ObjectMissing`, or `OutOfRange` (ERROR_REASON_RANGE_INVALID) for an offset beyond the end, at the first
        piece. A range that reaches beyond the end is cut there.
        """

    async def head(self, key: str) -> int | None:
        """The size in bytes; None when there is no such object."""

    async def exists(self, key: str) -> bool:
        """True when there is such an object."""

    async def delete(self, key: str) -> None:
        """Remove the object; nothing happens when there is none."""

    async def delete_prefix(self, prefix: str) -> None:
        """Remove every object under a folder; not atomic, and safe to repeat."""

    def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        """Every object under a folder, in no certain order; "" lists all."""

    async def copy(self, source: str, target: str) -> None:
        """Store the bytes of `source` under `target` too; raises `ObjectMissing`."""

    async def sweep_unfinished(self, before: datetime) -> int:
        """Remove what puts that were killed before then left behind, which no listing shows; how many there were.

        Only a file store has such files. A bucket ends its unfinished uploads itself, by a lifecycle rule.
        """

    def local_path(self, key: str) -> Path | None:
        """The object's own file when the store is a folder of this machine, else None. To be read, never written."""


def checked_key(key: str) -> str:
    """`key` if it is well-formed; raises `InvalidArgument`."""
    segments = key.split("/")
    if len(key) > _MAX_KEY or not all(_SEGMENT.fullmatch(part) and part not in (".", "..") for part in segments):
        raise InvalidArgument(f"{key[:100]!r} is no object key.")
    return key


def checked_prefix(prefix: str) -> str:
    """A folder's name without its last slash; "" for the whole store; raises `InvalidArgument`."""
    return checked_key(prefix.removesuffix("/")) if prefix else ""
