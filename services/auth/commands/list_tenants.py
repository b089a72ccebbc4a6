"""Every tenant of the installation."""

from __future__ import annotations

from collections.abc import Sequence

from services.auth.domain.model import Tenant
from services.auth.ports import Store


async def list_tenants(store: Store, *, after: str, limit: int) -> Sequence[Tenant]:
    """At most `limit` tenants that follow the id `after`, in the order of their ids."""
    async with store.read() as unit:
        return await unit.tenants(after, limit)
