"""Removing an asset, and its bytes when nobody else needs them."""

from __future__ import annotations

from libs.chassis.objects import ObjectStore
from libs.chassis.principal import Principal
from services.media.commands.blobs import discard_blob
from services.media.commands.get_asset import get_asset
from services.media.domain.keys import thumbnails_prefix
from services.media.ports import Store


async def delete_asset(store: Store, objects: ObjectStore, caller: Principal, name: str) -> None:
    """Raises NotFound."""
    asset = await get_asset(store, caller, name)
    async with store.transaction() as unit:
        await unit.delete_asset(asset.tenant, asset.id)
    await discard_blob(store, objects, asset.tenant, asset.blob.digest)
    await objects.delete_prefix(thumbnails_prefix(asset.tenant, asset.id))
