"""Beginning an upload, or finding that the bytes are here already."""

from __future__ import annotations

from datetime import timedelta

from libs.chassis.clock import utcnow
from libs.chassis.errors import ResourceExhausted
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal
from libs.chassis.repeats import Repeat, Response
from services.media.domain.model import Asset, Upload
from services.media.ports import Store


async def create_upload(
    store: Store,
    caller: Principal,
    *,
    display_name: str,
    size: int,
    digest: str,
    max_bytes: int,
    lifetime: timedelta,
    repeat: Repeat[Upload | Asset, Response],
) -> Response:
    """The new upload, or the tenant's asset with this digest.

    Raises ResourceExhausted for a file that is too large, AlreadyExists when the request id came with another request.
    """
    if size > max_bytes:
        raise ResourceExhausted(
            f"{display_name} has {size} bytes; at most {max_bytes} are taken",
            reason="ERROR_REASON_LIMIT_EXCEEDED",
            metadata={"limit": "max_upload_bytes", "value": str(max_bytes)},
        )
    now = utcnow()
    upload = Upload(
        id=new_id(),
        tenant=caller.tenant,
        user=caller.subject,
        display_name=display_name,
        size=size,
        digest=digest,
        committed_size=0,
        asset="",
        create_time=now,
        expire_time=now + lifetime,
    )
    async with store.transaction() as unit:

        async def begin() -> Upload | Asset:
            known = await unit.asset_by_digest(caller.tenant, digest)
            if known is not None:
                return known
            await unit.add_upload(upload)
            return upload

        return await unit.once(caller.tenant, repeat, begin)
