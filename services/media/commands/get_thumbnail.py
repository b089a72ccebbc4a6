"""One frame of an asset as a small picture, made once and kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

from libs.chassis.ids import new_id
from libs.chassis.objects import LocalCache, ObjectMissing, ObjectStore, blob_key
from libs.chassis.principal import Principal
from libs.frames.errors import MediaUnsupported
from services.media.commands.get_asset import get_asset
from services.media.domain.keys import thumbnail_key
from services.media.domain.thumbnails import thumbnail_milliseconds, thumbnail_width
from services.media.ports import Decoder, Store


async def get_thumbnail(
    store: Store,
    objects: ObjectStore,
    cache: LocalCache,
    decoder: Decoder,
    scratch: Path,
    caller: Principal,
    *,
    name: str,
    seconds: float,
    width: int,
) -> bytes:
    """A JPEG of the frame shown `seconds` after the first; the last frame after the end. `width` 0 for the default.

    Raises NotFound, and MediaUnsupported for sound alone.
    """
    asset = await get_asset(store, caller, name)
    if not asset.media.video_streams:
        raise MediaUnsupported(asset.display_name, "it holds no picture")
    milliseconds = thumbnail_milliseconds(asset.media, seconds)
    width = thumbnail_width(asset.media, width)
    key = thumbnail_key(asset.tenant, asset.id, milliseconds, width)
    try:
        return b"".join([piece async for piece in objects.get(key)])
    except ObjectMissing:
        pass  # not made yet
    output = scratch / f"{new_id()}.jpg"
    try:
        async with cache.path(blob_key(asset.tenant, asset.blob.digest)) as path:
            await decoder.thumbnail(path, asset.display_name, milliseconds=milliseconds, width=width, output=output)
        picture = await asyncio.to_thread(output.read_bytes)
    finally:
        output.unlink(missing_ok=True)
    await objects.put_bytes(key, picture)
    return picture
