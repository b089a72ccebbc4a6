"""Removing what nobody came back for: old uploads, blobs that no asset ever named, puts that were killed half-way."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from libs.chassis.objects import ObjectStore
from services.media.commands.blobs import discard_blob
from services.media.domain.keys import upload_prefix
from services.media.ports import Store

_BATCH = 100
_log = logging.getLogger(__name__)


async def sweep(store: Store, objects: ObjectStore, now: datetime, *, staged: timedelta) -> int:
    """Sweep all tenants; how many things went. `staged` is how long a blob may wait for its asset.

    Safe to run in several processes, and to be broken off anywhere.
    """
    swept = 0
    while True:
        async with store.read() as unit:
            uploads = await unit.expired_uploads(now, _BATCH)
        for upload in uploads:
            # Its row first: from then on nobody can add a part that would be left behind.
            async with store.transaction() as writer:
                current = await writer.lock_upload(upload.tenant, upload.id)
                if current is None or current.expire_time >= now:
                    continue
                await writer.delete_upload(upload.id)
            await objects.delete_prefix(upload_prefix(upload.tenant, upload.id))
            swept += 1
        if len(uploads) < _BATCH:
            break
    async with store.read() as unit:
        blobs = await unit.staged_blobs(now - staged, _BATCH)
    for tenant, digest in blobs:
        await discard_blob(store, objects, tenant, digest)
        swept += 1
    swept += await objects.sweep_unfinished(now - staged)
    if swept:
        _log.info("swept", extra={"swept": swept})
    return swept
