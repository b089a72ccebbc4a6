"""Remove a document with its history."""

from __future__ import annotations

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.collab.domain.model import DocumentKey
from services.collab.ports import Store


async def delete_document(store: Store, caller: Principal, name: str, *, etag: str) -> None:
    """Raises NotFound, and Aborted when `etag` is set and not the newest revision's."""
    key = DocumentKey.parse(caller.tenant, name)
    async with store.transaction() as unit:
        info = await unit.lock_document(key)
        if info is None:
            raise NotFound(name)
        info.require_etag(etag)
        await unit.delete_document(key)
