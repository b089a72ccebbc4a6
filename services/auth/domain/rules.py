"""What has to hold in every tenant, and who may touch whose keys."""

from __future__ import annotations

from libs.chassis.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Violation
from libs.chassis.principal import Principal
from services.auth.domain.model import ADMIN, User

_PERMISSION = "PERMISSION_USER_ADMINISTER"


def is_admin(caller: Principal) -> bool:
    return caller.role == ADMIN


def keep_an_admin(user: User, admins: int, *, role_after: str | None) -> None:
    """Raises FailedPrecondition when the change would leave the tenant without an admin.

    `admins` counts the tenant's admins now; `role_after` is None for a user who is removed.
    """
    if user.role == ADMIN and role_after != ADMIN and admins <= 1:
        raise FailedPrecondition(
            "This is the tenant's last admin: make another user an admin first.",
            metadata={"resource": user.name, "state": "LAST_ADMIN"},
        )


def owner_of_keys(caller: Principal, wanted: str) -> str:
    """The id of the user whose keys are meant: the caller when `wanted` is empty.

    Raises PermissionDenied when a caller who is no admin names somebody else.
    """
    owner = wanted.removeprefix("users/") or caller.subject
    if owner != caller.subject and not is_admin(caller):
        raise PermissionDenied(
            "Only an admin manages the keys of others.", metadata={"permission": _PERMISSION, "role": caller.role}
        )
    return owner


def visible_tenant(caller: Principal, tenant: str) -> None:
    """Raises NotFound for a tenant that is not the caller's, unless an operator's admin asks."""
    if tenant != caller.tenant and not (caller.operator and is_admin(caller)):
        raise NotFound(f"tenants/{tenant}")


def require(field: str, value: str) -> None:
    """Raises InvalidArgument when a field that a create call needs is empty."""
    if not value or value.endswith("_UNSPECIFIED"):
        message = f"{field} must be set."
        raise InvalidArgument(message, violations=[Violation(field, "must be set", "required")])
