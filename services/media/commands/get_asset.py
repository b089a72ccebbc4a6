"""One asset."""

from __future__ import annotations

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.media.domain.model import Asset
from services.media.ports import Store


async def get_asset(store: Store, caller: Principal, name: str) -> Asset:
    """The asset of the caller's tenant. Raises NotFound."""
    async with store.read() as unit:
        asset = await unit.asset(caller.tenant, name.removeprefix("assets/"))
    if asset is None:
        raise NotFound(name)
    return asset
