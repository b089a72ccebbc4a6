"""Content-addressed objects: a tenant's bytes are named by their hash, so the same bytes are stored once."""

import asyncio
import hashlib
from pathlib import Path

from artifex.common.v1.types_pb2 import Blob
from libs.chassis.objects.store import PIECE, ObjectStore


def blob_key(tenant: str, digest: str) -> str:
    """The key of a tenant's blob; `digest` is SHA-256 in lower-case hexadecimal."""
    return f"tenants/{tenant}/blobs/{digest[:2]}/{digest}"


def hash_file(path: Path) -> str:
    """The SHA-256 of a file in lower-case hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while piece := handle.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


async def put_blob_file(store: ObjectStore, tenant: str, path: Path, media_type: str) -> Blob:
    """Store a file as a blob of the tenant; bytes that are there already are not sent again."""
    digest = await asyncio.to_thread(hash_file, path)
    size = (await asyncio.to_thread(path.stat)).st_size
    key = blob_key(tenant, digest)
    if await store.head(key) != size:
        await store.put_file(key, path)
    return Blob(digest=digest, size=size, media_type=media_type)
