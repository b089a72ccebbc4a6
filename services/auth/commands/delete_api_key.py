"""Revoke an API key."""

from __future__ import annotations

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.auth.domain import rules
from services.auth.ports import Store


async def delete_api_key(store: Store, caller: Principal, name: str) -> None:
    """Raises NotFound also for a colleague's key, unless the caller is an admin."""
    async with store.transaction() as unit:
        key = await unit.api_key(name.removeprefix("apiKeys/"))
        mine = key is not None and key.tenant == caller.tenant
        if key is None or not mine or (key.user != caller.subject and not rules.is_admin(caller)):
            raise NotFound(name)
        await unit.delete_api_key(caller.tenant, key.id)
