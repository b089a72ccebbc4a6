"""The API keys of one user."""

from __future__ import annotations

from collections.abc import Sequence

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.auth.domain import rules
from services.auth.domain.model import ApiKey
from services.auth.ports import Store


async def list_api_keys(store: Store, caller: Principal, *, user: str, after: str, limit: int) -> Sequence[ApiKey]:
    """At most `limit` keys of the user (the caller when empty) that follow the id `after`, oldest first.

    Raises PermissionDenied when a caller who is no admin names somebody else, NotFound for an unknown user.
    """
    owner = rules.owner_of_keys(caller, user)
    async with store.read() as unit:
        if await unit.user(caller.tenant, owner) is None:
            raise NotFound(f"users/{owner}")
        return await unit.api_keys(caller.tenant, owner, after, limit)
