"""The public keys that verify access tokens."""

from __future__ import annotations

from libs.chassis.clock import utcnow
from services.auth.domain import signing
from services.auth.ports import Store


async def get_key_set(store: Store) -> list[dict[str, str]]:
    """RFC 7517 keys, newest first: the one that signs, those that signed before, and the one that will sign next."""
    async with store.read() as unit:
        keys = await unit.signing_keys()
    return [signing.public_jwk(key) for key in signing.published(keys, utcnow())]
