"""Make a project."""

from __future__ import annotations

from libs.chassis.clock import utcnow
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal
from libs.chassis.repeats import Repeat, Response
from services.collab.domain.model import Project
from services.collab.ports import Store


async def create_project(
    store: Store, caller: Principal, *, project_id: str, display_name: str, repeat: Repeat[Project, Response]
) -> Response:
    """The id is made up when empty. Raises AlreadyExists when the tenant has a project of that id."""
    project = Project(
        tenant=caller.tenant,
        id=project_id or new_id(),
        display_name=display_name,
        created_at=utcnow(),
        created_by=caller.subject,
    )
    async with store.transaction() as unit:

        async def add() -> Project:
            await unit.add_project(project)
            return project

        return await unit.once(caller.tenant, repeat, add)
