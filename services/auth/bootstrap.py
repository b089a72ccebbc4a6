"""What happens before the first rpc: a signing key, and on a first start an operator who can get in."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from libs.chassis.errors import Unavailable
from libs.chassis.ids import new_id
from services.auth.adapters.key_file import KeyFile
from services.auth.commands.first_start import FirstAdmin, Outcome, first_start
from services.auth.commands.knows_key import knows_key
from services.auth.commands.rotate_signing_keys import rotate_signing_keys
from services.auth.domain import api_keys
from services.auth.ports import Store

_log = logging.getLogger(__name__)

_ROTATION_CHECK_SECONDS = 3600.0


async def let_the_owner_in(store: Store, *, tenant_id: str, email: str, key: str | None, key_file: KeyFile) -> None:
    """On a first start makes the operator tenant with its admin. Their key is `key`, or new and put in `key_file`.

    Interrupted anywhere, the next start goes on: a key in the pending file is published if the database got it.
    """
    if key is not None:
        await first_start(store, FirstAdmin(tenant_id=tenant_id, email=email, secret=key))
        return
    left_behind = key_file.pending()
    if left_behind is not None:
        if await knows_key(store, left_behind):
            key_file.publish()
            return
        key_file.discard()
    async with store.read() as unit:
        if await unit.operator_tenant() is not None:
            return
    secret = api_keys.mint(new_id()).secret
    key_file.prepare(secret)
    outcome = await first_start(store, FirstAdmin(tenant_id=tenant_id, email=email, secret=secret))
    if outcome is Outcome.CREATED:
        key_file.publish()
        _log.info("first start: the admin's API key is in the key file", extra={"path": str(key_file.path)})
    else:
        key_file.discard()


async def keep_signing_keys(store: Store, *, lifetime: timedelta, token_lifetime: timedelta) -> None:
    """Background task: a new signing key takes over in time. The first must exist before this runs."""
    while True:
        await asyncio.sleep(_ROTATION_CHECK_SECONDS)
        try:
            if await rotate_signing_keys(store, lifetime=lifetime, token_lifetime=token_lifetime):
                _log.info("a new signing key was published")
        except Unavailable as error:
            _log.warning("the age of the signing key could not be checked: %s", error)
