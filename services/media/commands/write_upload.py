"""Taking in the bytes of an upload.

Bytes count from the moment their part is at rest and the database says so. A connection that breaks loses what was not
yet a whole part, and the next one goes on at the committed size.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from libs.chassis.clock import utcnow
from libs.chassis.errors import FailedPrecondition, NotFound, OutOfRange
from libs.chassis.objects import ObjectStore
from libs.chassis.principal import Principal
from services.media.commands.get_upload import get_upload
from services.media.domain.keys import new_part_key
from services.media.domain.model import PART_BYTES, Part, Upload
from services.media.ports import Store


async def write_upload(
    store: Store,
    objects: ObjectStore,
    caller: Principal,
    *,
    name: str,
    offset: int,
    pieces: AsyncIterator[bytes],
    lifetime: timedelta,
) -> int:
    """Append the pieces; the committed size after them. Memory is one part.

    Raises NotFound, OutOfRange (the offset is not the committed size, or there are more bytes than announced) and
    FailedPrecondition (the upload is finished).
    """
    upload = await get_upload(store, caller, name)
    if upload.asset:
        raise FailedPrecondition(
            f"{name} is finished",
            reason="ERROR_REASON_STATE_CONFLICT",
            metadata={"resource": name, "state": "finished"},
        )
    if offset != upload.committed_size:
        raise _mismatch(upload)
    waiting: list[bytes] = []
    size = 0
    async for piece in pieces:
        if offset + size + len(piece) > upload.size:
            raise OutOfRange(
                f"{name} was announced with {upload.size} bytes, and more came",
                reason="ERROR_REASON_RANGE_INVALID",
                metadata={"size": str(upload.size)},
            )
        while size + len(piece) >= PART_BYTES:
            fitting = PART_BYTES - size
            waiting.append(piece[:fitting])
            piece = piece[fitting:]
            await _commit(store, objects, upload, offset, _joined(waiting), lifetime)
            offset += PART_BYTES
            size = 0
        if piece:
            waiting.append(piece)
            size += len(piece)
    if waiting:
        await _commit(store, objects, upload, offset, _joined(waiting), lifetime)
        offset += size
    return offset


def _joined(pieces: list[bytes]) -> bytes:
    """All of them as one, which alone is left: the list is empty then."""
    whole = b"".join(pieces)
    pieces.clear()
    return whole


async def _commit(
    store: Store, objects: ObjectStore, upload: Upload, offset: int, data: bytes, lifetime: timedelta
) -> None:
    part = Part(offset, len(data), new_part_key(upload.tenant, upload.id, offset))
    await objects.put_bytes(part.key, data)
    # An error here leaves the part where it is: it may have been committed, and if not, it goes with the upload.
    async with store.transaction() as unit:
        added = await unit.add_part(upload.id, part, utcnow() + lifetime)
        now = None if added else await unit.upload(upload.tenant, upload.id)
    if added:
        return
    await objects.delete(part.key)
    if now is None:
        raise NotFound(upload.name)
    raise _mismatch(now)


def _mismatch(upload: Upload) -> OutOfRange:
    return OutOfRange(
        f"{upload.name} goes on at byte {upload.committed_size}",
        reason="ERROR_REASON_UPLOAD_OFFSET_MISMATCH",
        metadata={"committed_size": str(upload.committed_size)},
    )
