"""Make a tenant with its first admin."""

from __future__ import annotations

from dataclasses import dataclass

from libs.chassis.clock import utcnow
from libs.chassis.ids import new_id
from services.auth.domain import api_keys
from services.auth.domain.model import ADMIN, ALL_FEATURES, ApiKey, Tenant, User
from services.auth.ports import Store, Writer


@dataclass(frozen=True)
class NewTenant:
    tenant: Tenant
    admin: User
    secret: str
    """The admin's API key; not stored anywhere."""


async def create_tenant(store: Store, *, tenant_id: str, display_name: str, admin_email: str) -> NewTenant:
    """A tenant with every feature, its admin, and the admin's key. Raises AlreadyExists when the id is taken."""
    async with store.transaction() as unit:
        return await add_tenant(
            unit, tenant_id=tenant_id, display_name=display_name, admin_email=admin_email, operator=False
        )


async def add_tenant(
    unit: Writer, *, tenant_id: str, display_name: str, admin_email: str, operator: bool, secret: str = ""
) -> NewTenant:
    """The same inside a transaction of the caller's; `secret` is a well-formed key to use instead of a new one."""
    now = utcnow()
    tenant = Tenant(
        id=tenant_id,
        display_name=display_name or tenant_id,
        operator=operator,
        features=ALL_FEATURES,
        created_at=now,
    )
    admin = User(
        tenant=tenant.id,
        id=new_id(),
        email=admin_email,
        display_name="Admin",
        role=ADMIN,
        created_at=now,
    )
    await unit.add_tenant(tenant)
    await unit.add_user(admin)
    key_id = api_keys.id_in(secret) or new_id()
    if not secret:
        secret = api_keys.mint(key_id).secret
    key = ApiKey(
        tenant=tenant.id,
        id=key_id,
        user=admin.id,
        display_name="First admin",
        prefix=f"afx_{key_id}",
        digest=api_keys.digest_of(secret),
        created_at=now,
    )
    await unit.add_api_key(key)
    return NewTenant(tenant=tenant, admin=admin, secret=secret)
