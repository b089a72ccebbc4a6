"""What analyses of whole clips found, in the object store.

A result lies under its own content's digest, and beside it, under the analysis' key, a note of which content that is.
Both are written whole or not at all, and equal keys find equal bytes: two that analyse at one time do no harm.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from google.protobuf.message import DecodeError

from artifex.common.v1 import types_pb2
from libs.chassis.errors import DataLoss
from libs.chassis.objects import ObjectMissing, ObjectStore
from services.graph.domain.jobs.job import analysis_index_key, analysis_result_key


class ObjectAnalysisStore:
    """The `AnalysisStore` port, and what workers need beyond it."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def find(self, tenant: str, key: str) -> types_pb2.Blob | None:
        """See `AnalysisStore.find`."""
        try:
            blob = types_pb2.Blob.FromString(await self._bytes(analysis_index_key(tenant, key)))
        except (ObjectMissing, DecodeError):
            return None
        try:
            await self.read(tenant, blob)
        except (ObjectMissing, DataLoss):
            # It is found anew, and put in the place of this one.
            return None
        return blob

    async def put(self, tenant: str, key: str, path: Path, media_type: str) -> types_pb2.Blob:
        """Store what the analysis with this key found. The result first: a note never leads to nothing."""
        data = await asyncio.to_thread(path.read_bytes)
        blob = types_pb2.Blob(digest=hashlib.sha256(data).hexdigest(), size=len(data), media_type=media_type)
        await self._objects.put_bytes(analysis_result_key(tenant, blob.digest), data)
        await self._objects.put_bytes(analysis_index_key(tenant, key), blob.SerializeToString(deterministic=True))
        return blob

    async def read(self, tenant: str, blob: types_pb2.Blob) -> str:
        """A result's text. Raises ObjectMissing, and DataLoss for bytes that are not those that were stored."""
        data = await self._bytes(analysis_result_key(tenant, blob.digest))
        if hashlib.sha256(data).hexdigest() != blob.digest:
            message = "what an analysis found has changed since it was stored; render again"
            raise DataLoss(message, reason="ERROR_REASON_STORED_DATA_CHANGED")
        return data.decode()

    async def _bytes(self, key: str) -> bytes:
        return b"".join([piece async for piece in self._objects.get(key)])
