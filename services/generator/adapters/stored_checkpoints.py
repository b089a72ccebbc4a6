"""The `Checkpoints` port over the object store."""

from __future__ import annotations

from libs.chassis.objects import ObjectMissing, ObjectStore
from services.generator.ports import Checkpoint


class StoredCheckpoints:
    """One object a run; putting one replaces the one before at once and whole."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def put(self, tenant: str, key: str, checkpoint: Checkpoint) -> None:
        await self._objects.put_bytes(_place(tenant, key), checkpoint.data)

    async def get(self, tenant: str, key: str) -> bytes:
        try:
            return b"".join([piece async for piece in self._objects.get(_place(tenant, key))])
        except ObjectMissing:
            return b""

    async def drop(self, tenant: str, key: str) -> None:
        await self._objects.delete(_place(tenant, key))


def _place(tenant: str, key: str) -> str:
    return f"tenants/{tenant}/checkpoints/{key}"
