"""Making an asset of bytes that another service has stored."""

from __future__ import annotations

from artifex.common.v1.types_pb2 import Blob
from artifex.media.v1.messages_pb2 import Provenance
from artifex.media.v1.work_pb2 import IngestWork
from libs.chassis.clock import utcnow
from libs.chassis.errors import InvalidArgument, NotFound
from libs.chassis.ids import new_id
from libs.chassis.objects import LocalCache, ObjectMissing, ObjectStore, blob_key
from libs.chassis.telemetry import current_trace_id
from services.media.commands.blobs import adopt_blob
from services.media.domain.announcements import asset_ready
from services.media.domain.keys import ingest_origin
from services.media.domain.media_types import media_type_of
from services.media.domain.model import Asset
from services.media.ports import Decoder, Store


async def ingest_blob(
    store: Store, objects: ObjectStore, cache: LocalCache, decoder: Decoder, work: IngestWork
) -> Asset:
    """The asset, made now or by an earlier delivery of the same work; its event goes out with it.

    Raises NotFound when the bytes are not there, and the errors of `libs.frames.errors`.
    """
    if not work.correlation:
        raise InvalidArgument("an ingest names no correlation")
    tenant, origin = work.actor.tenant, ingest_origin(work.correlation)
    async with store.read() as reader:
        made = await reader.asset_by_origin(tenant, origin)
    if made is None:
        made = await _probe(objects, cache, decoder, work, origin)
    async with store.transaction() as unit:
        await unit.lock_digest(tenant, work.blob.digest)
        known = await unit.asset_by_origin(tenant, origin)
        if known is None:
            await adopt_blob(unit, objects, made)
        asset = known or made
        ready = asset_ready(asset, work.correlation)
        await unit.announce(ready.subject, ready.message, key=ready.key)
    return asset


async def _probe(objects: ObjectStore, cache: LocalCache, decoder: Decoder, work: IngestWork, origin: str) -> Asset:
    tenant = work.actor.tenant
    key = blob_key(tenant, work.blob.digest)
    name = work.display_name or work.blob.digest
    try:
        async with cache.path(key) as path:
            media = await decoder.probe(path, name)
    except ObjectMissing as error:
        raise NotFound(work.correlation, message=f"{name}: the bytes to take in are missing") from error
    provenance = Provenance()
    provenance.CopyFrom(work.provenance)
    provenance.trace_id = provenance.trace_id or current_trace_id()
    size = await objects.head(key)
    return Asset(
        id=new_id(),
        tenant=tenant,
        display_name=name,
        blob=Blob(
            digest=work.blob.digest,
            size=work.blob.size if size is None else size,
            media_type=work.blob.media_type or media_type_of(media, name),
        ),
        media=media,
        provenance=provenance,
        create_time=utcnow(),
        create_user=work.actor.subject,
        origin_key=origin,
    )
