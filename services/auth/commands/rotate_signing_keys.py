"""See to it that there is a signing key, and that it is not too old."""

from __future__ import annotations

from datetime import timedelta

from libs.chassis.clock import utcnow
from services.auth.domain import signing
from services.auth.ports import Store


async def rotate_signing_keys(store: Store, *, lifetime: timedelta, token_lifetime: timedelta) -> bool:
    """Make the first key, or a new one when the newest is older than `lifetime`; True when one was made here.

    Several replicas may do this at once: one key results. A new key signs only after verifiers had the time to fetch
    it, and the old one is published until its last token has expired.
    """
    now = utcnow()
    async with store.transaction() as unit:
        await unit.delete_signing_keys(now)
        keys = await unit.signing_keys()
        if keys and keys[-1].active_at + lifetime > now:
            return False
        generation = keys[-1].generation + 1 if keys else 1
        active_at = now + signing.PUBLISH_AHEAD if keys else now
        added = await unit.add_signing_key(signing.generate(generation, now, active_at))
        if added:
            await unit.retire_signing_keys(generation, active_at + token_lifetime + signing.PUBLISH_AHEAD)
    return added
