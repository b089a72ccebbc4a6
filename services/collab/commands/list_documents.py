"""The documents of a project."""

from __future__ import annotations

from collections.abc import Sequence

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.collab.domain.model import DocumentInfo
from services.collab.ports import Store


async def list_documents(
    store: Store, caller: Principal, *, parent: str, after: str, limit: int
) -> Sequence[DocumentInfo]:
    """At most `limit` documents that follow the id `after`, in the order of their ids. Raises NotFound."""
    project_id = parent.removeprefix("projects/")
    async with store.read() as unit:
        if await unit.project(caller.tenant, project_id) is None:
            raise NotFound(parent)
        return await unit.documents(caller.tenant, project_id, after, limit)
