"""Remove a user and revoke their keys."""

from __future__ import annotations

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.auth.domain import rules
from services.auth.ports import Store


async def delete_user(store: Store, caller: Principal, name: str, *, etag: str) -> None:
    """Tokens that the user holds live on until they expire.

    Raises NotFound; Aborted when `etag` is set and old; FailedPrecondition for the tenant's last admin.
    """
    async with store.transaction() as unit:
        await unit.lock_tenant(caller.tenant)
        user = await unit.user(caller.tenant, name.removeprefix("users/"))
        if user is None:
            raise NotFound(name)
        user.require_etag(etag)
        rules.keep_an_admin(user, await unit.admins(caller.tenant), role_after=None)
        await unit.delete_user(caller.tenant, user.id)
