"""One user of the caller's tenant."""

from __future__ import annotations

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.auth.domain.model import User
from services.auth.ports import Store


async def get_user(store: Store, caller: Principal, name: str) -> User:
    """The user named `users/{user}`; raises NotFound."""
    async with store.read() as unit:
        user = await unit.user(caller.tenant, name.removeprefix("users/"))
    if user is None:
        raise NotFound(name)
    return user
