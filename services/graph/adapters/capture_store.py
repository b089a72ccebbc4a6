"""Pictures that generations go on from, in the object store.

A picture lies among the tenant's media, where the generator finds what it is given, and under the capture's key a note
of which picture that is. Both are written whole or not at all, and equal keys make equal bytes.
"""

from __future__ import annotations

from pathlib import Path

from google.protobuf.message import DecodeError

from artifex.common.v1 import types_pb2
from libs.chassis.objects import ObjectMissing, ObjectStore, blob_key, put_blob_file
from services.graph.domain.jobs.job import capture_index_key


class ObjectCaptureStore:
    """The `CaptureStore` port, and what workers need beyond it."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def find(self, tenant: str, key: str) -> types_pb2.Blob | None:
        """See `CaptureStore.find`."""
        try:
            note = b"".join([piece async for piece in self._objects.get(capture_index_key(tenant, key))])
            blob = types_pb2.Blob.FromString(note)
        except (ObjectMissing, DecodeError):
            return None
        # One that is gone is made anew, and put in the place of this one.
        return blob if await self._objects.head(blob_key(tenant, blob.digest)) == blob.size else None

    async def put(self, tenant: str, key: str, path: Path, media_type: str) -> types_pb2.Blob:
        """Store what the capture with this key made. The picture first: a note never leads to nothing."""
        blob = await put_blob_file(self._objects, tenant, path, media_type)
        await self._objects.put_bytes(capture_index_key(tenant, key), blob.SerializeToString(deterministic=True))
        return blob
