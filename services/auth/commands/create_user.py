"""Add a user to the caller's tenant."""

from __future__ import annotations

from libs.chassis.clock import utcnow
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal
from libs.chassis.repeats import Repeat, Response
from services.auth.domain import rules
from services.auth.domain.model import User
from services.auth.ports import Store


async def create_user(
    store: Store, caller: Principal, *, email: str, display_name: str, role: str, repeat: Repeat[User, Response]
) -> Response:
    """Raises AlreadyExists when the tenant has a user of that email, InvalidArgument without email or role."""
    rules.require("user.email", email)
    rules.require("user.role", role)
    user = User(
        tenant=caller.tenant,
        id=new_id(),
        email=email,
        display_name=display_name,
        role=role,
        created_at=utcnow(),
    )
    async with store.transaction() as unit:

        async def add() -> User:
            await unit.add_user(user)
            return user

        return await unit.once(caller.tenant, repeat, add)
