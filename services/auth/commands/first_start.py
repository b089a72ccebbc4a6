"""The first start: an operator tenant, its admin, and the key by which its owner gets in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from libs.chassis.errors import AlreadyExists, InvalidArgument
from services.auth.commands.create_tenant import add_tenant
from services.auth.domain import api_keys
from services.auth.ports import Store


class Outcome(Enum):
    CREATED = "created"
    EXISTED = "existed"


@dataclass(frozen=True)
class FirstAdmin:
    tenant_id: str
    email: str
    secret: str
    """A well-formed API key, made by `domain.api_keys.mint`."""


async def first_start(store: Store, admin: FirstAdmin) -> Outcome:
    """Makes the operator tenant and its admin with this key, unless the installation has an operator already.

    Of several replicas that start at once, one creates. Raises InvalidArgument when the key is malformed.
    """
    if api_keys.id_in(admin.secret) is None:
        raise InvalidArgument(
            "The first admin's API key is malformed; make one with `python -m services.auth new-key`."
        )
    try:
        async with store.transaction() as unit:
            if await unit.operator_tenant() is not None:
                return Outcome.EXISTED
            await add_tenant(
                unit,
                tenant_id=admin.tenant_id,
                display_name="Studio",
                admin_email=admin.email,
                operator=True,
                secret=admin.secret,
            )
    except AlreadyExists:
        return Outcome.EXISTED
    return Outcome.CREATED
