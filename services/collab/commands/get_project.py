"""One project of the caller's tenant."""

from __future__ import annotations

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.collab.domain.model import Project
from services.collab.ports import Store


async def get_project(store: Store, caller: Principal, name: str) -> Project:
    """The project named `projects/{project}`; raises NotFound."""
    async with store.read() as unit:
        project = await unit.project(caller.tenant, name.removeprefix("projects/"))
    if project is None:
        raise NotFound(name)
    return project
