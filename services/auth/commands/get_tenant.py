"""One tenant, as far as the caller may see it."""

from __future__ import annotations

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.auth.domain import rules
from services.auth.domain.model import Tenant
from services.auth.ports import Store


async def get_tenant(store: Store, caller: Principal, name: str) -> Tenant:
    """The tenant named `tenants/{tenant}`; raises NotFound for another's, unless an operator's admin asks."""
    tenant_id = name.removeprefix("tenants/")
    rules.visible_tenant(caller, tenant_id)
    async with store.read() as unit:
        tenant = await unit.tenant(tenant_id)
    if tenant is None:
        raise NotFound(name)
    return tenant
