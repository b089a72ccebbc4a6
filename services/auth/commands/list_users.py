"""The users of the caller's tenant."""

from __future__ import annotations

from collections.abc import Sequence

from libs.chassis.principal import Principal
from services.auth.domain.model import User
from services.auth.ports import Store


async def list_users(store: Store, caller: Principal, *, after: str, limit: int) -> Sequence[User]:
    """At most `limit` users that follow the id `after`, in the order in which they were added."""
    async with store.read() as unit:
        return await unit.users(caller.tenant, after, limit)
