"""Change a user's display name or role."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from libs.chassis.errors import InvalidArgument, NotFound, Violation
from libs.chassis.principal import Principal
from services.auth.domain import rules
from services.auth.domain.model import User
from services.auth.ports import Store

CHANGEABLE = ("display_name", "role")


async def update_user(
    store: Store, caller: Principal, name: str, *, display_name: str, role: str, paths: Collection[str], etag: str
) -> User:
    """Sets the fields that `paths` names (see CHANGEABLE) and returns the user with a new etag.

    Raises NotFound; InvalidArgument for another path; Aborted when `etag` is set and old; FailedPrecondition when the
    tenant's last admin would lose the role.
    """
    unknown = [Violation("update_mask", f"{path} cannot be changed") for path in paths if path not in CHANGEABLE]
    if unknown:
        raise InvalidArgument("Only display_name and role can be changed.", violations=unknown)
    async with store.transaction() as unit:
        await unit.lock_tenant(caller.tenant)
        user = await unit.user(caller.tenant, name.removeprefix("users/"))
        if user is None:
            raise NotFound(name)
        user.require_etag(etag)
        changed = user
        if "display_name" in paths:
            changed = replace(changed, display_name=display_name)
        if "role" in paths:
            rules.require("user.role", role)
            rules.keep_an_admin(user, await unit.admins(caller.tenant), role_after=role)
            changed = replace(changed, role=role)
        if changed == user:
            return user
        changed = replace(changed, revision=user.revision + 1)
        await unit.save_user(changed)
    return changed
