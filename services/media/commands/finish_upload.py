"""Making an asset of an upload: check the digest, probe, and tell of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from weakref import WeakValueDictionary

from artifex.common.v1.types_pb2 import Blob
from artifex.media.v1.messages_pb2 import Provenance
from libs.chassis.clock import utcnow
from libs.chassis.errors import ArtifexError, DataLoss, FailedPrecondition, NotFound
from libs.chassis.ids import new_id
from libs.chassis.objects import LocalCache, ObjectStore, blob_key
from libs.chassis.principal import Principal
from libs.chassis.telemetry import current_trace_id
from services.media.commands.blobs import adopt_blob, deleted_meanwhile, discard_blob, stage_blob
from services.media.commands.get_upload import get_upload
from services.media.domain.announcements import asset_ready
from services.media.domain.keys import upload_prefix
from services.media.domain.media_types import media_type_of
from services.media.domain.model import Asset, Part, Upload
from services.media.ports import Decoder, Store

# Two calls for one upload in one process take turns; those in two processes are told apart by the database.
_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


async def finish_upload(
    store: Store, objects: ObjectStore, cache: LocalCache, decoder: Decoder, caller: Principal, name: str
) -> Asset:
    """The asset that the upload became, now or before.

    Raises NotFound, FailedPrecondition (bytes are missing), DataLoss (they hash to something else) and the errors of
    `libs.frames.errors`; then the upload stays as it is until it expires.
    """
    async with _turns.setdefault(f"{caller.tenant}/{name}", asyncio.Lock()):
        upload = await get_upload(store, caller, name)
        if upload.asset:
            return await _finished(store, upload)
        if upload.committed_size < upload.size:
            raise FailedPrecondition(
                f"{name} has {upload.committed_size} of {upload.size} bytes",
                reason="ERROR_REASON_STATE_CONFLICT",
                metadata={"resource": name, "state": "incomplete"},
            )
        await _store_bytes(store, objects, upload)
        try:
            asset = await _adopt(store, objects, cache, decoder, upload)
        except ArtifexError:
            await discard_blob(store, objects, upload.tenant, upload.digest)
            raise
        await objects.delete_prefix(upload_prefix(upload.tenant, upload.id))
        return asset


async def _finished(store: Store, upload: Upload) -> Asset:
    async with store.read() as unit:
        asset = await unit.asset(upload.tenant, upload.asset)
    if asset is None:
        raise NotFound(f"assets/{upload.asset}")
    return asset


async def _store_bytes(store: Store, objects: ObjectStore, upload: Upload) -> None:
    """Bring the parts together under the blob's key; nothing is stored there unless they hash to it."""
    async with store.read() as unit:
        parts = await unit.parts(upload.id)
    # An equal blob is not written again, but the sender must still prove to have these bytes.
    if await objects.head(blob_key(upload.tenant, upload.digest)) == upload.size:
        async with aclosing(_checked(objects, upload, parts)) as pieces:
            async for _ in pieces:
                pass
        return
    await stage_blob(
        store,
        objects,
        upload.tenant,
        upload.digest,
        lambda key: objects.put_stream(key, _checked(objects, upload, parts)),
    )


async def _checked(objects: ObjectStore, upload: Upload, parts: Sequence[Part]) -> AsyncGenerator[bytes, None]:
    digest = hashlib.sha256()
    for part in parts:
        async for piece in objects.get(part.key):
            digest.update(piece)
            yield piece
    if digest.hexdigest() != upload.digest:
        raise DataLoss(
            f"the bytes of {upload.name} do not hash to the digest that was announced",
            reason="ERROR_REASON_UPLOAD_DIGEST_MISMATCH",
            metadata={"digest": digest.hexdigest()},
        )


async def _adopt(store: Store, objects: ObjectStore, cache: LocalCache, decoder: Decoder, upload: Upload) -> Asset:
    tenant = upload.tenant
    async with store.read() as unit:
        known = await unit.asset_by_digest(tenant, upload.digest)
    made: Asset | None = None
    if known is None:
        async with cache.path(blob_key(tenant, upload.digest)) as path:
            media = await decoder.probe(path, upload.display_name)
        made = Asset(
            id=new_id(),
            tenant=tenant,
            display_name=upload.display_name,
            blob=Blob(digest=upload.digest, size=upload.size, media_type=media_type_of(media, upload.display_name)),
            media=media,
            provenance=Provenance(origin="upload", trace_id=current_trace_id()),
            create_time=utcnow(),
            create_user=upload.user,
        )
    async with store.transaction() as unit:
        await unit.lock_digest(tenant, upload.digest)
        current = await unit.lock_upload(tenant, upload.id)
        if current is None:
            raise NotFound(upload.name)
        # Of several uploads of the same bytes the first makes the asset, and the others find it.
        asset = await unit.asset_by_digest(tenant, upload.digest)
        if asset is None:
            if made is None:
                raise deleted_meanwhile()
            asset = made
            await adopt_blob(unit, objects, asset)
            announcement = asset_ready(asset)
            await unit.announce(announcement.subject, announcement.message, key=announcement.key)
        if not current.asset:
            await unit.finish_upload(upload.id, asset.id)
    return asset
