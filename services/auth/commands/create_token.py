"""Exchange an API key for an access token."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.chassis.clock import utcnow
from libs.chassis.errors import Unauthenticated
from libs.chassis.ids import new_id
from services.auth.domain import api_keys, signing
from services.auth.domain.signing import Issuer
from services.auth.ports import Store

_log = logging.getLogger(__name__)

# Writing the time of every use would make each exchange a write; nobody asks for it to the second.
_TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Token:
    jwt: str
    expires_at: datetime


def _refused(key_id: str | None) -> Unauthenticated:
    _log.warning("an API key was refused", extra={"api_key": key_id or "malformed"})
    # One answer for all reasons: it tells a guesser nothing.
    return Unauthenticated("The API key is unknown, revoked or expired.", reason="ERROR_REASON_API_KEY_INVALID")


async def create_token(store: Store, issuer: Issuer, secret: str) -> Token:
    """A token for the key's owner, with the role that they have now.

    Raises Unauthenticated with ERROR_REASON_API_KEY_INVALID for whatever is not a good key.
    """
    now = utcnow()
    key_id = api_keys.id_in(secret)
    if key_id is None:
        raise _refused(None)
    async with store.read() as unit:
        key = await unit.api_key(key_id)
        # Compared also when there is no such key, so that the time taken does not tell which ids exist.
        matches = api_keys.same_digest(api_keys.digest_of(secret), key.digest if key else "0" * 64)
        if key is None or not matches or key.expired(now):
            raise _refused(key_id)
        user = await unit.user(key.tenant, key.user)
        tenant = await unit.tenant(key.tenant)
        signer = signing.current(await unit.signing_keys(), now)
    if user is None or tenant is None:
        raise _refused(key_id)
    if key.last_used_at is None or now - key.last_used_at >= _TOUCH_EVERY:
        async with store.transaction() as writer:
            await writer.touch_api_key(key.id, now)
    token = signing.sign(signer, issuer, tenant, user, token_id=new_id(), now=now)
    return Token(jwt=token, expires_at=now + issuer.lifetime)
