"""A way back in for an owner who lost their key."""

from __future__ import annotations

from libs.chassis.clock import utcnow
from libs.chassis.errors import NotFound
from libs.chassis.ids import new_id
from services.auth.domain import api_keys
from services.auth.domain.model import ApiKey
from services.auth.ports import Store


async def new_admin_key(store: Store) -> str:
    """Another key of the operator's first admin. Raises NotFound before the first start."""
    minted_id = new_id()
    minted = api_keys.mint(minted_id)
    async with store.transaction() as unit:
        tenant = await unit.operator_tenant()
        admin = None if tenant is None else await unit.first_admin(tenant.id)
        if admin is None:
            raise NotFound("tenants/-", message="The installation has no operator yet: start the auth service once.")
        key = ApiKey(
            tenant=admin.tenant,
            id=minted_id,
            user=admin.id,
            display_name="Recovered by the operator",
            prefix=minted.prefix,
            digest=minted.digest,
            created_at=utcnow(),
        )
        await unit.add_api_key(key)
    return minted.secret
