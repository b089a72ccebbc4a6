"""The projects of the caller's tenant."""

from __future__ import annotations

from collections.abc import Sequence

from libs.chassis.principal import Principal
from services.collab.domain.model import Project
from services.collab.ports import Store


async def list_projects(store: Store, caller: Principal, *, after: str, limit: int) -> Sequence[Project]:
    """At most `limit` projects that follow the id `after`, in the order of their ids."""
    async with store.read() as unit:
        return await unit.projects(caller.tenant, after, limit)
