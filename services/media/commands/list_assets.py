"""The assets of the caller's tenant."""

from __future__ import annotations

from collections.abc import Sequence

from libs.chassis.principal import Principal
from services.media.domain.model import Asset
from services.media.ports import Store


async def list_assets(store: Store, caller: Principal, *, before: str, limit: int) -> Sequence[Asset]:
    """At most `limit` assets, newest first; those older than the id `before` unless it is empty."""
    async with store.read() as unit:
        return await unit.assets(caller.tenant, before, limit)
