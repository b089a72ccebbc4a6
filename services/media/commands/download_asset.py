"""The bytes of an asset."""

from __future__ import annotations

from collections.abc import AsyncIterator

from libs.chassis.errors import OutOfRange
from libs.chassis.objects import ObjectStore, blob_key
from libs.chassis.principal import Principal
from services.media.commands.get_asset import get_asset
from services.media.domain.model import Asset
from services.media.ports import Store


async def download_asset(
    store: Store, objects: ObjectStore, caller: Principal, *, name: str, offset: int, length: int
) -> tuple[Asset, AsyncIterator[bytes]]:
    """The asset, and its bytes from `offset` on in pieces of at most 1 MiB; `length` 0 for all that follow.

    Raises NotFound, and OutOfRange for an offset beyond the end. A range that reaches beyond the end is cut there.
    """
    asset = await get_asset(store, caller, name)
    if offset > asset.blob.size:
        raise OutOfRange(
            f"{name} has {asset.blob.size} bytes",
            reason="ERROR_REASON_RANGE_INVALID",
            metadata={"size": str(asset.blob.size)},
        )
    return asset, objects.get(blob_key(asset.tenant, asset.blob.digest), offset, length or None)
