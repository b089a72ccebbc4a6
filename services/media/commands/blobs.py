"""Blobs and the assets that name them.

A blob is stored before its asset is written, and deleted after its last asset is. In between it is *staged*: should the
process die there, the sweeper finds it. Whoever decides about a blob's life holds the lock on its digest, so an asset
never names bytes that another transaction is just deleting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from libs.chassis.clock import utcnow
from libs.chassis.errors import Unavailable
from libs.chassis.objects import ObjectStore, blob_key
from services.media.domain.model import Asset
from services.media.ports import Store, Writer


async def stage_blob(
    store: Store, objects: ObjectStore, tenant: str, digest: str, put: Callable[[str], Awaitable[None]]
) -> None:
    """Store a blob through `put(key)`, so that it goes again unless `adopt_blob` is called in good time."""
    async with store.transaction() as unit:
        await unit.stage_blob(tenant, digest, utcnow())
    await put(blob_key(tenant, digest))


async def adopt_blob(unit: Writer, objects: ObjectStore, asset: Asset) -> None:
    """Write the asset of a stored blob, in the caller's transaction, which has locked the digest.

    Raises Unavailable when the blob was deleted since it was stored: then it has to be stored again.
    """
    tenant, digest = asset.tenant, asset.blob.digest
    if not await objects.exists(blob_key(tenant, digest)):
        raise deleted_meanwhile()
    await unit.add_asset(asset)
    await unit.unstage_blob(tenant, digest)


def deleted_meanwhile() -> Unavailable:
    """Somebody deleted the last asset of these bytes in the middle of our work: repeating it stores them again."""
    return Unavailable(
        "The stored file was deleted meanwhile; send the call again.",
        reason="ERROR_REASON_DEPENDENCY_UNAVAILABLE",
        metadata={"dependency": "objects"},
        retry_after=0.1,
    )


async def discard_blob(store: Store, objects: ObjectStore, tenant: str, digest: str) -> None:
    """Delete a blob unless an asset names it. Safe to repeat."""
    async with store.transaction() as unit:
        await unit.lock_digest(tenant, digest)
        if await unit.asset_by_digest(tenant, digest) is None:
            await objects.delete(blob_key(tenant, digest))
        await unit.unstage_blob(tenant, digest)
