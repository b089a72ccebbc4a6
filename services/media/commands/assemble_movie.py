"""Making a movie, or a sequence of stills, of a render job's segments."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from fractions import Fraction
from pathlib import Path

from artifex.common.v1.types_pb2 import Blob
from artifex.media.v1.messages_pb2 import Provenance
from artifex.media.v1.work_pb2 import AssembleWork, Segment
from artifex.provenance import DETAIL, movie_words
from libs.chassis.clock import utcnow
from libs.chassis.errors import DataLoss, InvalidArgument, NotFound
from libs.chassis.ids import new_id
from libs.chassis.interruption import Interrupted, unless_set
from libs.chassis.objects import LocalCache, ObjectMissing, ObjectStore, hash_file
from libs.chassis.telemetry import current_trace_id
from libs.frames.codecs.outputs import known_endings, media_type_of
from services.media.commands.blobs import adopt_blob, discard_blob, stage_blob
from services.media.domain.announcements import Announcement, assembly_completed, asset_ready
from services.media.domain.keys import assembly_origin, segment_key
from services.media.domain.model import Asset
from services.media.ports import Assembled, Decoder, Store, Writer


async def assemble_movie(
    store: Store,
    objects: ObjectStore,
    cache: LocalCache,
    decoder: Decoder,
    scratch: Path,
    work: AssembleWork,
    *,
    cancelled: asyncio.Event,
) -> Asset:
    """The movie's asset, made now or by an earlier delivery of the same work; its events go out with it.

    `cancelled` is set when the job is: then the decoder is killed, nothing is left behind, and Interrupted is raised.
    Raises InvalidArgument for work that no attempt can do, NotFound for a missing segment, DataLoss for one whose bytes
    changed in the store.
    """
    media_type = media_type_of(work.container)
    if media_type is None:
        known = ", ".join(known_endings())
        raise InvalidArgument(f"{work.job}: parts are joined as {known}, not as {work.container!r}")
    if (
        not (work.segments or work.HasField("audio"))
        or work.frame_rate.numerator <= 0
        or work.frame_rate.denominator <= 0
    ):
        raise InvalidArgument(f"{work.job}: there is nothing to join")
    tenant, origin = work.actor.tenant, assembly_origin(work.job, work.task)
    async with store.transaction() as unit:
        made = await unit.asset_by_origin(tenant, origin)
        if made is not None:
            await _announce(unit, assembly_completed(work, made))
            return made
    output = scratch / f"{new_id()}.{work.container}"
    try:
        made_now = await unless_set(_join(cache, decoder, work, output), cancelled)
        digest = await asyncio.to_thread(hash_file, output)
        size = (await asyncio.to_thread(output.stat)).st_size
        if cancelled.is_set():
            raise Interrupted
        await stage_blob(store, objects, tenant, digest, lambda key: objects.put_file(key, output))
    finally:
        output.unlink(missing_ok=True)
    blob = Blob(digest=digest, size=size, media_type=media_type)
    asset = _asset(work, made_now, blob, origin)
    async with store.transaction() as unit:
        await unit.lock_digest(tenant, digest)
        if not cancelled.is_set():
            # A second worker may have got the same work meanwhile, if this one was thought to be dead.
            made = await unit.asset_by_origin(tenant, origin)
            if made is None:
                await adopt_blob(unit, objects, asset)
                await _announce(unit, asset_ready(asset))
            await _announce(unit, assembly_completed(work, made or asset))
            return made or asset
    await discard_blob(store, objects, tenant, digest)
    raise Interrupted


async def _join(cache: LocalCache, decoder: Decoder, work: AssembleWork, output: Path) -> Assembled:
    async with AsyncExitStack() as stack:

        async def fetch(segment: Segment) -> Path:
            key = segment_key(work.actor.tenant, work.job, segment.blob.digest)
            try:
                path = await stack.enter_async_context(cache.path(key))
            except ObjectMissing as error:
                raise NotFound(work.job, message=f"{work.job}: a rendered segment is missing") from error
            # The segment was proved by who rendered it; from here on its digest carries that proof.
            if await asyncio.to_thread(hash_file, path) != segment.blob.digest:
                raise DataLoss(
                    f"{work.job}: a rendered segment is not what its worker stored; submit the render anew",
                    reason="ERROR_REASON_STORED_DATA_CHANGED",
                    metadata={"digest": segment.blob.digest},
                )
            return path

        segments = [await fetch(segment) for segment in work.segments]
        audio = await fetch(work.audio) if work.HasField("audio") else None
        return await decoder.assemble(
            segments,
            audio,
            output,
            name=work.display_name or output.name,
            container=work.container,
            frame_rate=Fraction(work.frame_rate.numerator, work.frame_rate.denominator),
            frame_count=work.frame_count,
            words=movie_words(work.provenance.details.get(DETAIL, "")),
        )


def _asset(work: AssembleWork, assembled: Assembled, blob: Blob, origin: str) -> Asset:
    provenance = Provenance()
    provenance.CopyFrom(work.provenance)
    provenance.origin = provenance.origin or "render"
    provenance.source = provenance.source or work.job
    provenance.trace_id = provenance.trace_id or current_trace_id()
    if assembled.loudness:
        provenance.details["loudness"] = assembled.loudness
    identity = new_id()
    return Asset(
        id=identity,
        tenant=work.actor.tenant,
        display_name=work.display_name or f"{identity}.{work.container}",
        blob=blob,
        media=assembled.media,
        provenance=provenance,
        create_time=utcnow(),
        create_user=work.actor.subject,
        origin_key=origin,
    )


async def _announce(unit: Writer, announcement: Announcement) -> None:
    await unit.announce(announcement.subject, announcement.message, key=announcement.key)
