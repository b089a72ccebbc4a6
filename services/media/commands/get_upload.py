"""How far an upload has come."""

from __future__ import annotations

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.media.domain.model import Upload
from services.media.ports import Store


async def get_upload(store: Store, caller: Principal, name: str) -> Upload:
    """The upload of the caller's tenant. Raises NotFound."""
    async with store.read() as unit:
        upload = await unit.upload(caller.tenant, name.removeprefix("uploads/"))
    if upload is None:
        raise NotFound(name)
    return upload
