"""Whether an API key was made by this installation."""

from __future__ import annotations

from services.auth.domain import api_keys
from services.auth.ports import Store


async def knows_key(store: Store, secret: str) -> bool:
    """True when this installation made the key and has not revoked it."""
    key_id = api_keys.id_in(secret)
    if key_id is None:
        return False
    async with store.read() as unit:
        key = await unit.api_key(key_id)
    return key is not None and api_keys.same_digest(key.digest, api_keys.digest_of(secret))
