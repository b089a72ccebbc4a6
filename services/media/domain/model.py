"""What the media service knows: uploads on their way in, and assets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from artifex.common.v1.types_pb2 import Blob
from artifex.media.v1.messages_pb2 import MediaInfo, Provenance

PART_BYTES = 8 * 1024 * 1024
"""Uploads are stored in parts of at most so many bytes; what a broken connection costs at most."""


@dataclass(frozen=True)
class Upload:
    """A file on its way in. `asset` is the asset's id once it has become one, else empty. Sizes in bytes."""

    id: str
    tenant: str
    user: str
    display_name: str
    size: int
    digest: str
    committed_size: int
    asset: str
    create_time: datetime
    expire_time: datetime

    @property
    def name(self) -> str:
        return f"uploads/{self.id}"


@dataclass(frozen=True)
class Part:
    """Bytes of an upload at rest: from `offset` on, `size` of them, under an object key."""

    offset: int
    size: int
    key: str


@dataclass(frozen=True)
class Asset:
    """Media that was probed and can be used in a graph. The protos in it are never changed."""

    id: str
    tenant: str
    display_name: str
    blob: Blob
    media: MediaInfo
    provenance: Provenance
    create_time: datetime
    create_user: str
    origin_key: str | None = None
    """Names the work that made it, uniquely in its tenant, so that work done twice makes one asset."""

    @property
    def name(self) -> str:
        return f"assets/{self.id}"
