"""Remove a project and everything in it."""

from __future__ import annotations

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.collab.ports import Store


async def delete_project(store: Store, caller: Principal, name: str) -> None:
    """Its documents and their revisions go with it. Raises NotFound."""
    project_id = name.removeprefix("projects/")
    async with store.transaction() as unit:
        await unit.lock_project(caller.tenant, project_id)
        if await unit.project(caller.tenant, project_id) is None:
            raise NotFound(name)
        await unit.delete_project(caller.tenant, project_id)
