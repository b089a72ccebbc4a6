"""The `Checkpoints` port over the object store."""

from __future__ import annotations

from collections.abc import AsyncIterator

from libs.chassis.objects import ObjectMissing, ObjectStore
from services.generator.ports import Checkpoint


class StoredCheckpoints:
    """One object a window; putting one replaces the one before at once and whole."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def put(self, tenant: str, key: str, window: int, checkpoint: Checkpoint) -> None:
        await self._objects.put_bytes(_newest(tenant, key, window), checkpoint.data)

    async def get(self, tenant: str, key: str, window: int) -> bytes:
        try:
            return b"".join([piece async for piece in self._objects.get(_newest(tenant, key, window))])
        except ObjectMissing:
            return b""

    async def put_frames(self, tenant: str, key: str, window: int, frames: AsyncIterator[bytes]) -> None:
        await self._objects.put_stream(_window(tenant, key, window), frames)

    def frames(self, tenant: str, key: str, window: int) -> AsyncIterator[bytes]:
        return self._objects.get(_window(tenant, key, window))

    async def has_frames(self, tenant: str, key: str, window: int) -> bool:
        return await self._objects.exists(_window(tenant, key, window))

    async def drop_newest(self, tenant: str, key: str, window: int) -> None:
        await self._objects.delete(_newest(tenant, key, window))

    async def drop(self, tenant: str, generation: str) -> None:
        await self._objects.delete_prefix(_folder(tenant, generation))


def _folder(tenant: str, key: str) -> str:
    return f"tenants/{tenant}/checkpoints/{key}"


def _newest(tenant: str, key: str, window: int) -> str:
    return f"{_folder(tenant, key)}/newest-{window}"


def _window(tenant: str, key: str, window: int) -> str:
    return f"{_folder(tenant, key)}/window-{window}"
