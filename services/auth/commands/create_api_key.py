"""Make an API key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from libs.chassis.clock import utcnow
from libs.chassis.errors import NotFound
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal
from services.auth.domain import api_keys, rules
from services.auth.domain.model import ApiKey
from services.auth.ports import Store


@dataclass(frozen=True)
class NewApiKey:
    key: ApiKey
    secret: str
    """Not stored anywhere."""


async def create_api_key(
    store: Store, caller: Principal, *, user: str, display_name: str, ttl: timedelta | None
) -> NewApiKey:
    """A key of the user named `users/{user}`, of the caller when empty; it lives for `ttl`, or until it is revoked.

    Raises PermissionDenied when a caller who is no admin names somebody else, NotFound for an unknown user.
    """
    owner = rules.owner_of_keys(caller, user)
    key_id = new_id()
    minted = api_keys.mint(key_id)
    now = utcnow()
    key = ApiKey(
        tenant=caller.tenant,
        id=key_id,
        user=owner,
        display_name=display_name,
        prefix=minted.prefix,
        digest=minted.digest,
        created_at=now,
        expires_at=None if ttl is None else now + ttl,
    )
    async with store.transaction() as unit:
        # A user who is being removed at this moment must not end up with a key.
        await unit.lock_tenant(caller.tenant)
        if await unit.user(caller.tenant, owner) is None:
            raise NotFound(f"users/{owner}")
        await unit.add_api_key(key)
    return NewApiKey(key=key, secret=minted.secret)
