"""What this service needs from outside.

All reads and writes of one use case happen inside one `read()` or `transaction()` block of the store, and see one
state. Everything is asked for by tenant; what belongs to another tenant does not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from google.protobuf.message import Message

from artifex.media.v1.messages_pb2 import MediaInfo
from libs.chassis.repeats import Repeat, Response, Result
from services.media.domain.model import Asset, Part, Upload


class Reader(Protocol):
    async def upload(self, tenant: str, upload: str) -> Upload | None: ...

    async def parts(self, upload: str) -> Sequence[Part]:
        """The upload's parts in the order of their offsets; they follow each other without a gap from 0 on."""
        ...

    async def expired_uploads(self, now: datetime, limit: int) -> Sequence[Upload]:
        """Uploads of all tenants whose time is over, the oldest first."""
        ...

    async def asset(self, tenant: str, asset: str) -> Asset | None: ...

    async def asset_by_digest(self, tenant: str, digest: str) -> Asset | None:
        """The oldest asset with these bytes."""
        ...

    async def asset_by_origin(self, tenant: str, origin_key: str) -> Asset | None: ...

    async def assets(self, tenant: str, before: str, limit: int) -> Sequence[Asset]:
        """At most `limit` assets, newest first; those older than the id `before` unless it is empty."""
        ...

    async def staged_blobs(self, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """Tenant and digest of blobs staged before a time, of all tenants."""
        ...


class Writer(Reader, Protocol):
    async def once(
        self, tenant: str, repeat: Repeat[Result, Response], build: Callable[[], Awaitable[Result]]
    ) -> Response:
        """The answer to `build()`, or the one given to the same request id within a day.

        Raises AlreadyExists with ERROR_REASON_REQUEST_ID_REUSED when the id came with another request.
        """
        ...

    async def lock_digest(self, tenant: str, digest: str) -> None:
        """Until the transaction ends no other one passes this point for the same bytes of the same tenant."""
        ...

    async def lock_upload(self, tenant: str, upload: str) -> Upload | None:
        """The upload, which no other transaction changes until this one ends."""
        ...

    async def add_upload(self, upload: Upload) -> None: ...

    async def add_part(self, upload: str, part: Part, expire_time: datetime) -> bool:
        """Stores the part and moves the committed size on. False, and nothing stored, when the upload is gone or
        finished, or its committed size is not the part's offset."""
        ...

    async def finish_upload(self, upload: str, asset: str) -> None: ...

    async def delete_upload(self, upload: str) -> None:
        """Removes the upload and what is known of its parts."""
        ...

    async def add_asset(self, asset: Asset) -> None:
        """Raises AlreadyExists when the tenant has an asset of the same origin key."""
        ...

    async def delete_asset(self, tenant: str, asset: str) -> None: ...

    async def stage_blob(self, tenant: str, digest: str, now: datetime) -> None:
        """Notes that a blob is about to be stored that no asset names yet."""
        ...

    async def unstage_blob(self, tenant: str, digest: str) -> None: ...

    async def announce(self, subject: str, message: Message, *, key: str) -> None:
        """Publishes the event if, and only if, this transaction commits; at least once."""
        ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Reader]: ...

    def transaction(self) -> AbstractAsyncContextManager[Writer]:
        """Commits when the block ends, rolls back when it raises."""
        ...


@dataclass(frozen=True)
class Assembled:
    """A movie that was joined. `loudness` is "-23.1 LUFS" or "silence", and empty where there is no sound."""

    media: MediaInfo
    loudness: str


class Decoder(Protocol):
    """Reads files that nobody vouches for. A file that kills the decoder costs the call, and nothing else.

    Every method raises the errors of `libs.frames.errors`, naming the file by `name`; Internal with reason
    ERROR_REASON_DECODER_CRASHED when the decoder died; DeadlineExceeded when it took too long. Cancelling a call ends
    its work at once.
    """

    async def probe(self, path: Path, name: str) -> MediaInfo:
        """What the file holds."""
        ...

    async def thumbnail(self, path: Path, name: str, *, milliseconds: int, width: int, output: Path) -> None:
        """Writes the frame shown at a time as a JPEG of that width, upright, its pixels square."""
        ...

    async def assemble(
        self,
        segments: Sequence[Path],
        audio: Path | None,
        output: Path,
        *,
        name: str,
        container: str,
        frame_rate: Fraction,
        frame_count: int,
        words: Mapping[str, str],
    ) -> Assembled:
        """Joins the segments and the sound into a movie, and proves its frames, length, sound and loudness. `words` go
        into a movie's own metadata; files of stills and of sound alone have none.

        `container` is one of `libs.frames.codecs.movies`, or of `libs.frames.codecs.stills`: then the segments are zips
        of stills, and become one whose stills are called as `name` says. Raises MediaUnsupported when the segments do
        not make what was asked for.
        """
        ...
